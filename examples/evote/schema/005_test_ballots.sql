-- Ballots that voters had recorded for show: anybody sees what they say, and they are never counted. So a
-- voter sees that what arrives at the servers is what was chosen. How many a voter made is kept, not which.
CREATE TABLE test_ballots(
  receipt TEXT PRIMARY KEY CHECK (length(receipt) = 14),
  ballot TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE tests_made(
  voter TEXT PRIMARY KEY REFERENCES voters(id),
  tests INTEGER NOT NULL CHECK (tests BETWEEN 1 AND 3)
) WITHOUT ROWID;
CREATE TRIGGER test_ballots_stay BEFORE DELETE ON test_ballots
BEGIN SELECT ensure(0, 'ballots_stay', 'a test ballot cannot be removed'); END;
CREATE TRIGGER test_ballots_do_not_change BEFORE UPDATE ON test_ballots
BEGIN SELECT ensure(0, 'ballots_stay', 'a test ballot cannot be changed'); END;
CREATE TRIGGER a_receipt_is_counted_or_a_test BEFORE INSERT ON ballots
WHEN EXISTS (SELECT 1 FROM test_ballots WHERE receipt = NEW.receipt)
BEGIN SELECT ensure(0, 'try_again', 'the receipt code is a test ballot''s'); END;
