-- Fixes questions, candidates and roll for good. Refused while checklist shows a problem.
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure(EXISTS (SELECT 1 FROM election), 'no_election', 'there is no election yet');
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the election is not a draft');
SELECT ensure(EXISTS (SELECT 1 FROM questions), 'not_ready', 'there are no questions');
SELECT ensure(NOT EXISTS (SELECT 1 FROM questions q WHERE
                (SELECT count(*) FROM candidates c WHERE c.question = q.id) < q.choose_max),
              'not_ready', 'a question has fewer candidates than may be chosen');
SELECT ensure(EXISTS (SELECT 1 FROM voters WHERE excluded_us IS NULL),
              'not_ready', 'nobody is on the roll');
UPDATE election SET state = 'frozen', frozen_us = now();
INSERT INTO audit(at_us, actor, action, detail)
  SELECT now(), session_principal(), 'freeze', (SELECT count(*) FROM questions) || ' questions, '
    || (SELECT count(*) FROM candidates) || ' candidates, '
    || (SELECT count(*) FROM voters WHERE excluded_us IS NULL) || ' voters';
