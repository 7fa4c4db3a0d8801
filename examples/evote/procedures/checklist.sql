-- What still stands against freezing the ballot; nothing when it is ready.
-- @roles official, admin
-- @read-only
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT 'there is no election yet: create_election' AS problem WHERE NOT EXISTS (SELECT 1 FROM election)
UNION ALL
SELECT 'there are no questions: add_question' WHERE NOT EXISTS (SELECT 1 FROM questions)
UNION ALL
SELECT 'question ' || q.id || ' has ' || (SELECT count(*) FROM candidates c WHERE c.question = q.id)
       || ' candidates for ' || q.choose_max || ' choices: add_candidate'
  FROM questions q WHERE (SELECT count(*) FROM candidates c WHERE c.question = q.id) < q.choose_max
UNION ALL
SELECT 'nobody is on the roll: import_voters'
  WHERE NOT EXISTS (SELECT 1 FROM voters WHERE excluded_us IS NULL);
