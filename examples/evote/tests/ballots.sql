-- Ballots are cast while the election is open, stay, and nobody votes twice.

-- @test ballots are cast while the election is open, and once
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'frozen', 0);
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V1', 'One', 'North', zeroblob(32), 0);
INSERT INTO questions(id, text, choose_min, choose_max, allow_blank) VALUES(1, 'Who?', 1, 1, 1);
INSERT INTO candidates(id, question, name) VALUES(1, 1, 'Eleni');
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
-- @expect-error not_open
UPDATE election SET state = 'open';
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
INSERT INTO choices(receipt, question, candidate) VALUES('AAAA-BBBB-CCCC', 1, 1);
INSERT INTO participation(voter, district) VALUES('V1', 'North');
INSERT INTO participation(voter, district) VALUES('V1', 'North');
-- @expect-error already_voted
INSERT INTO participation(voter, district) VALUES('V2', 'North');
-- @expect-error SQLITE_CONSTRAINT_FOREIGNKEY
DELETE FROM ballots;
-- @expect-error ballots_stay
UPDATE choices SET candidate = 2;
-- @expect-error ballots_stay
DELETE FROM choices;
-- @expect-error ballots_stay
DELETE FROM participation;
-- @expect-error ballots_stay
SELECT ensure((SELECT count(*) FROM ballots) = 1, 'wrong_count', 'one ballot was cast');
UPDATE election SET state = 'closed';
INSERT INTO ballots(receipt) VALUES('DDDD-EEEE-FFFF');
-- @expect-error not_open
