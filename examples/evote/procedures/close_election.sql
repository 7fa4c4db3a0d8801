-- Closes the election: nobody may cast any more.
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) IS 'open', 'wrong_state', 'the election is not open');
UPDATE election SET state = 'closed', closed_us = now();
INSERT INTO audit(at_us, actor, action, detail)
  SELECT now(), session_principal(), 'close', (SELECT count(*) FROM ballots) || ' ballots';
