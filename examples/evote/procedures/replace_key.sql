-- Gives a voter who lost the code, and has not voted, another one: the old code is worthless from now
-- on, in sessions that are open already, too.
-- @param id text(50)
-- @param key blob(32)
-- @param reason text(800)
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) IN ('draft', 'frozen', 'open'),
              'wrong_state', 'the election is closed');
SELECT ensure(length(:key) = 32, 'bad_key', 'a public key has 32 bytes');
SELECT ensure(length(trim(:reason)) > 0, 'bad_reason', 'a reason is needed');
SELECT ensure(EXISTS (SELECT 1 FROM voters WHERE id = :id), 'unknown_voter', 'there is no such voter');
SELECT ensure(NOT EXISTS (SELECT 1 FROM participation WHERE voter = :id),
              'already_voted', 'this voter has voted already');
SELECT ensure(NOT EXISTS (SELECT 1 FROM voters WHERE key = :key)
              AND NOT EXISTS (SELECT 1 FROM officials WHERE key = :key),
              'key_in_use', 'the key is in use already');
UPDATE voters SET key = :key WHERE id = :id;
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'replace code', :id || ': ' || trim(:reason));
