-- Puts one voter on the roll of the draft. `key` is the public key of the voter's code.
-- @param id text(50)
-- @param name text(800)
-- @param district text(400)
-- @param key blob(32)
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the roll is frozen');
SELECT ensure(length(trim(:id)) > 0 AND length(trim(:name)) > 0 AND length(trim(:district)) > 0,
              'bad_voter', 'id, name and district must not be empty');
SELECT ensure(length(:key) = 32, 'bad_key', 'a public key has 32 bytes');
SELECT ensure(NOT EXISTS (SELECT 1 FROM voters WHERE id = trim(:id)),
              'duplicate_voter', 'voter ' || trim(:id) || ' is on the roll already');
SELECT ensure(NOT EXISTS (SELECT 1 FROM voters WHERE key = :key)
              AND NOT EXISTS (SELECT 1 FROM officials WHERE key = :key),
              'key_in_use', 'the key of voter ' || trim(:id) || ' is in use already');
INSERT INTO voters(id, name, district, key, imported_us)
  VALUES(trim(:id), trim(:name), trim(:district), :key, now());
