-- No number on the ballot paper means two things, and every change of the paper is counted.

-- @test a number means one candidate, and changes are counted
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'draft', 0);
INSERT INTO questions(id, text, choose_min, choose_max, allow_blank) VALUES(1, 'Who?', 1, 1, 1);
INSERT INTO candidates(id, question, name) VALUES(4, 1, 'Bob'), (5, 1, 'Carol');
SELECT ensure((SELECT version FROM paper) = 4, 'wrong_version', 'three changes were made');
DELETE FROM candidates WHERE name = 'Carol';
INSERT INTO candidates(id, question, name) VALUES(5, 1, 'Dave');
-- @expect-error number_used
INSERT INTO candidates(question, name) VALUES(1, 'Dave');
-- @expect-error number_used
INSERT INTO candidates(id, question, name) SELECT last_candidate + 1, 1, 'Dave' FROM paper;
SELECT ensure((SELECT id FROM candidates WHERE name = 'Dave') = 6, 'wrong_number', 'Dave is 6');
UPDATE candidates SET id = 5 WHERE name = 'Dave';
-- @expect-error number_used
UPDATE candidates SET name = 'David' WHERE name = 'Dave';
SELECT ensure((SELECT version FROM paper) = 7, 'wrong_version', 'three more changes were made');
DELETE FROM questions;
INSERT INTO questions(id, text, choose_min, choose_max, allow_blank) VALUES(1, 'Whom?', 1, 1, 1);
-- @expect-error number_used
SELECT ensure((SELECT version FROM paper) >= 8, 'wrong_version', 'the question was removed');
