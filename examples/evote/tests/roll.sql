-- The roll holds good public keys, each once, and the audit log is only added to.

-- @test the roll holds good keys, each once
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V1', 'One', 'North', zeroblob(32), 0);
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V2', 'Two', 'North', zeroblob(32), 0);
-- @expect-error SQLITE_CONSTRAINT_UNIQUE
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V3', 'Three', 'North', x'00', 0);
-- @expect-error SQLITE_CONSTRAINT_CHECK
INSERT INTO voters(id, name, district, key, imported_us)
  VALUES('V1', 'Again', 'North', x'0101010101010101010101010101010101010101010101010101010101010101', 0);
-- @expect-error SQLITE_CONSTRAINT_PRIMARYKEY
INSERT INTO audit(at_us, actor, action, detail) VALUES(now(), 'test', 'write', '');
DELETE FROM audit;
-- @expect-error audit_stays
UPDATE audit SET actor = 'somebody else';
-- @expect-error audit_stays
