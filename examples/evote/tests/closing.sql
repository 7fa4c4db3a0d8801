-- The closing time can be put off while the election is open, never brought forward or taken away; test
-- ballots stay, and no ballot takes the receipt code of one.
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'frozen', 0);
UPDATE election SET state = 'open', closes_us = now() + 1000000000;
UPDATE election SET closes_us = closes_us + 1;
-- fails: only_later
UPDATE election SET closes_us = closes_us - 1;
-- fails: only_later
UPDATE election SET closes_us = NULL;
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
INSERT INTO test_ballots(receipt, ballot) VALUES('DDDD-EEEE-FFFF', '{}');
-- fails: try_again
INSERT INTO ballots(receipt) VALUES('DDDD-EEEE-FFFF');
-- fails: ballots_stay
DELETE FROM test_ballots;
UPDATE election SET state = 'closed';
-- fails: only_later
UPDATE election SET closes_us = closes_us + 1;
