-- Opens the frozen election: voters may cast their ballots.
-- @roles official, admin
SELECT ensure(EXISTS (SELECT 1 FROM election), 'no_election', 'there is no election yet');
SELECT ensure((SELECT state FROM election) = 'frozen', 'wrong_state', 'the election is not frozen');
UPDATE election SET state = 'open', opened_us = now();
INSERT INTO audit(at_us, actor, action, detail) VALUES(now(), session_principal(), 'open', '');
