-- Takes a question, with its candidates, out of the draft.
-- @param question integer
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the election is not a draft');
DELETE FROM questions WHERE id = :question;
SELECT ensure(changes() = 1, 'unknown_question', 'there is no such question');
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'remove question', :question);
