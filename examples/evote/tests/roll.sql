-- The roll holds good public keys, each once, and the audit log is only added to.
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V1', 'One', 'North', zeroblob(32), 0);
-- fails: SQLITE_CONSTRAINT_UNIQUE
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V2', 'Two', 'North', zeroblob(32), 0);
-- fails: SQLITE_CONSTRAINT_CHECK
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V3', 'Three', 'North', x'00', 0);
-- fails: SQLITE_CONSTRAINT_PRIMARYKEY
INSERT INTO voters(id, name, district, key, imported_us)
  VALUES('V1', 'Again', 'North', x'0101010101010101010101010101010101010101010101010101010101010101', 0);
INSERT INTO audit(at_us, actor, action, detail) VALUES(now(), 'test', 'write', '');
-- fails: audit_stays
DELETE FROM audit;
-- fails: audit_stays
UPDATE audit SET actor = 'somebody else';
