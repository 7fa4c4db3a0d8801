-- Adds a question to the draft: choose from choose_min to choose_max candidates, or leave it blank.
-- @param text text(2000)
-- @param choose_min integer
-- @param choose_max integer
-- @param allow_blank integer
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the election is not a draft');
SELECT ensure(length(trim(:text)) > 0, 'bad_question', 'the question needs a text');
SELECT ensure(:choose_min >= 1 AND :choose_max >= :choose_min AND :choose_max <= 100,
              'bad_question', 'choose_min is at least 1, choose_max at least choose_min, at most 100');
SELECT ensure(:allow_blank IN (0, 1), 'bad_question', 'allow_blank is 0 or 1');
INSERT INTO questions(id, text, choose_min, choose_max, allow_blank)
  SELECT last_question + 1, trim(:text), :choose_min, :choose_max, :allow_blank FROM paper RETURNING id AS ":question";
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'add question', :question || ': ' || trim(:text));
SELECT :question AS question;
