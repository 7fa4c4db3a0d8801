-- Excludes a voter who has not voted, with a reason that the voter and the audit log show.
-- @param id text(50)
-- @param reason text(800)
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) IN ('draft', 'frozen', 'open'),
              'wrong_state', 'the election is closed');
SELECT ensure(length(trim(:reason)) > 0, 'bad_reason', 'a reason is needed');
SELECT ensure(EXISTS (SELECT 1 FROM voters WHERE id = :id), 'unknown_voter', 'there is no such voter');
SELECT ensure(NOT EXISTS (SELECT 1 FROM participation WHERE voter = :id),
              'already_voted', 'this voter has voted; the ballot cannot be found again');
UPDATE voters SET excluded_us = now(), excluded_reason = trim(:reason) WHERE id = :id;
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'exclude voter', :id || ': ' || trim(:reason));
