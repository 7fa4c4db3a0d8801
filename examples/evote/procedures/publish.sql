-- Publishes the tally: from now on anybody sees the results and the ballots without names.
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) IS 'closed', 'wrong_state', 'the election is not closed');
SELECT ensure(EXISTS (SELECT 1 FROM results), 'not_tallied', 'the ballots are not counted yet: tally');
SELECT ensure(r.votes = (SELECT count(*) FROM choices x WHERE x.question = r.question AND x.candidate = r.candidate),
              'does_not_add_up', 'the counted result is not that of the ballots: tally again')
  FROM results r;
UPDATE election SET state = 'published', published_us = now();
INSERT INTO audit(at_us, actor, action, detail) VALUES(now(), session_principal(), 'publish', '');
