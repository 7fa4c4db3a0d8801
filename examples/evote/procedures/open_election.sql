-- Opens the frozen election: voters may cast their ballots, until `closes_us` if it is given.
-- @param closes_us integer optional
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure(EXISTS (SELECT 1 FROM election), 'no_election', 'there is no election yet');
SELECT ensure((SELECT state FROM election) = 'frozen', 'wrong_state', 'the election is not frozen');
SELECT ensure(:closes_us IS NULL OR :closes_us > now(), 'bad_time', 'the closing time has passed already');
UPDATE election SET state = 'open', opened_us = now(), closes_us = :closes_us;
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'open',
         coalesce('until ' || datetime(:closes_us / 1000000, 'unixepoch') || ' UTC', ''));
