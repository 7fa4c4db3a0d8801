-- Adds a candidate to a question of the draft.
-- @param question integer
-- @param name text(800)
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the election is not a draft');
SELECT ensure(EXISTS (SELECT 1 FROM questions WHERE id = :question),
              'unknown_question', 'there is no such question');
SELECT ensure(length(trim(:name)) > 0, 'bad_candidate', 'the candidate needs a name');
SELECT ensure(NOT EXISTS (SELECT 1 FROM candidates WHERE question = :question AND name = trim(:name)),
              'already_there', 'this candidate is there already');
INSERT INTO candidates(id, question, name)
  SELECT last_candidate + 1, :question, trim(:name) FROM paper RETURNING id AS ":candidate";
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'add candidate', :question || ': ' || trim(:name));
SELECT :candidate AS candidate;
