-- An election moves forward one step at a time, whoever writes it.
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'draft', 0);
UPDATE election SET state = 'frozen';
UPDATE election SET state = 'open';
-- fails: wrong_state
UPDATE election SET state = 'draft';
-- fails: wrong_state
UPDATE election SET state = 'published';
UPDATE election SET state = 'closed';
-- fails: wrong_state
UPDATE election SET state = 'open';
UPDATE election SET state = 'published';
-- fails: SQLITE_CONSTRAINT_CHECK
INSERT INTO election(id, title, description, state, created_us) VALUES(2, 'Another', '', 'draft', 0);
