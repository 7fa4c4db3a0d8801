-- Takes an official's rights away at once: in a session that is open every procedure of officials is refused.
-- Only reading by SQL, which the role allows, goes on until that session ends.
-- @param name text(100)
-- @roles admin
DELETE FROM officials WHERE name = :name;
SELECT ensure(changes() = 1, 'unknown_official', 'there is no official of this name');
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'dismiss official', :name);
