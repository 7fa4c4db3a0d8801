-- Takes a candidate out of the draft.
-- @param candidate integer
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the election is not a draft');
DELETE FROM candidates WHERE id = :candidate;
SELECT ensure(changes() = 1, 'unknown_candidate', 'there is no such candidate');
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'remove candidate', :candidate);
