-- Ballots are cast while the election is open, stay, and nobody votes twice.
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'frozen', 0);
INSERT INTO voters(id, name, district, key, imported_us) VALUES('V1', 'One', 'North', zeroblob(32), 0);
INSERT INTO questions(id, text, choose_min, choose_max, allow_blank) VALUES(1, 'Who?', 1, 1, 1);
INSERT INTO candidates(id, question, name) VALUES(1, 1, 'Eleni');
-- fails: not_open
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
UPDATE election SET state = 'open';
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
INSERT INTO choices(receipt, question, candidate) VALUES('AAAA-BBBB-CCCC', 1, 1);
INSERT INTO participation(voter, district) VALUES('V1', 'North');
-- fails: already_voted
INSERT INTO participation(voter, district) VALUES('V1', 'North');
-- fails: SQLITE_CONSTRAINT_FOREIGNKEY
INSERT INTO participation(voter, district) VALUES('V2', 'North');
-- fails: ballots_stay
DELETE FROM ballots;
-- fails: ballots_stay
UPDATE choices SET candidate = 2;
-- fails: ballots_stay
DELETE FROM choices;
-- fails: ballots_stay
DELETE FROM participation;
SELECT ensure((SELECT count(*) FROM ballots) = 1, 'wrong_count', 'one ballot was cast');
UPDATE election SET state = 'closed';
-- fails: not_open
INSERT INTO ballots(receipt) VALUES('DDDD-EEEE-FFFF');
