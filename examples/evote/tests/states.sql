-- An election moves forward one step at a time, whoever writes it.

-- @test an election moves forward one step at a time
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'draft', 0);
UPDATE election SET state = 'frozen';
UPDATE election SET state = 'open';
UPDATE election SET state = 'draft';
-- @expect-error wrong_state
UPDATE election SET state = 'published';
-- @expect-error wrong_state
UPDATE election SET state = 'closed';
UPDATE election SET state = 'open';
-- @expect-error wrong_state
UPDATE election SET state = 'published';
INSERT INTO election(id, title, description, state, created_us) VALUES(2, 'Another', '', 'draft', 0);
-- @expect-error SQLITE_CONSTRAINT_CHECK
