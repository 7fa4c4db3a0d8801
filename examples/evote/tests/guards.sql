-- What was cast, logged or counted is not changed by ad-hoc SQL that leaves the schema alone.

-- @test what was cast, logged or counted stays
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'frozen', 0);
INSERT INTO questions(id, text, choose_min, choose_max, allow_blank) VALUES(1, 'One', 1, 1, 1);
UPDATE election SET state = 'open';
INSERT INTO voters(id, name, district, key, imported_us) VALUES('v1', 'One', 'A', zeroblob(32), 0), ('v2', 'Two', 'A', randomblob(32), 0);
INSERT INTO participation(voter, district) VALUES('v1', 'A');
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
INSERT INTO choices(receipt, question, candidate) VALUES('AAAA-BBBB-CCCC', 1, 0);
INSERT INTO audit(at_us, actor, action, detail) VALUES(0, 'a', 'open', '');
UPDATE participation SET voter = 'v2';
-- @expect-error ballots_stay
REPLACE INTO participation(voter, district) VALUES('v1', 'B');
-- @expect-error already_voted
REPLACE INTO choices(receipt, question, candidate) VALUES('AAAA-BBBB-CCCC', 1, 0);
-- @expect-error ballots_stay
REPLACE INTO audit(id, at_us, actor, action, detail) VALUES(1, 0, 'b', 'nothing', '');
-- @expect-error audit_stays
INSERT INTO results(question, candidate, votes) VALUES(1, 0, 1000);
-- @expect-error wrong_state
UPDATE election SET state = 'closed';
INSERT INTO choices(receipt, question, candidate) VALUES('AAAA-BBBB-CCCC', 1, 7);
-- @expect-error not_open
INSERT INTO results(question, candidate, votes) VALUES(1, 0, 1);
UPDATE results SET votes = 1000;
-- @expect-error wrong_state
