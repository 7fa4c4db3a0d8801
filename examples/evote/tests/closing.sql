-- The closing time can be put off while the election is open, never brought forward or taken away; test
-- ballots stay, and no ballot takes the receipt code of one.

-- @test the closing time is only put off
INSERT INTO election(id, title, description, state, created_us) VALUES(1, 'Test', '', 'frozen', 0);
UPDATE election SET state = 'open', closes_us = now() + 1000000000;
UPDATE election SET closes_us = closes_us + 1;
UPDATE election SET closes_us = closes_us - 1;
-- @expect-error only_later
UPDATE election SET closes_us = NULL;
-- @expect-error only_later
INSERT INTO ballots(receipt) VALUES('AAAA-BBBB-CCCC');
INSERT INTO test_ballots(receipt, ballot) VALUES('DDDD-EEEE-FFFF', '{}');
INSERT INTO ballots(receipt) VALUES('DDDD-EEEE-FFFF');
-- @expect-error try_again
DELETE FROM test_ballots;
-- @expect-error ballots_stay
UPDATE election SET state = 'closed';
UPDATE election SET closes_us = closes_us + 1;
-- @expect-error only_later
