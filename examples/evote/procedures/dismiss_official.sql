-- Takes an official's rights away. A session that is open ends when its holder joins again.
-- @param name text(100)
-- @roles admin
DELETE FROM officials WHERE name = :name;
SELECT ensure(changes() = 1, 'unknown_official', 'there is no official of this name');
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'dismiss official', :name);
