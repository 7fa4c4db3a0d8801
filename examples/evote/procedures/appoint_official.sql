-- Lets the holder of a key run the election.
-- @param name text(100)
-- @param key blob(32)
-- @roles admin
SELECT ensure(length(:key) = 32, 'bad_key', 'a public key has 32 bytes');
SELECT ensure(NOT EXISTS (SELECT 1 FROM voters WHERE key = :key),
              'key_in_use', 'this key belongs to a voter');
SELECT ensure(NOT EXISTS (SELECT 1 FROM officials WHERE key = :key OR name = :name),
              'already_appointed', 'this key or this name is an official''s already');
INSERT INTO officials(key, name, appointed_by, appointed_us)
  VALUES(:key, :name, session_principal(), now());
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'appoint official', :name);
