-- Who voted, and what was voted, in tables that share no column. Neither has a time or a running
-- number, and both are kept in the order of their keys, so their rows cannot be matched by order.

CREATE TABLE participation(
  voter TEXT PRIMARY KEY REFERENCES voters(id),
  district TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX participation_by_district ON participation(district);

CREATE TABLE ballots(
  receipt TEXT PRIMARY KEY CHECK (length(receipt) = 14)
) WITHOUT ROWID;

-- A question left blank has one row whose candidate is 0.
CREATE TABLE choices(
  receipt TEXT NOT NULL REFERENCES ballots(receipt),
  question INTEGER NOT NULL REFERENCES questions(id),
  candidate INTEGER NOT NULL,
  PRIMARY KEY (receipt, question, candidate)
) WITHOUT ROWID;

-- A ballot is never changed and never taken back.
CREATE TRIGGER ballots_stay BEFORE DELETE ON ballots
BEGIN SELECT ensure(0, 'ballots_stay', 'a ballot that was cast cannot be removed'); END;
CREATE TRIGGER ballots_do_not_change BEFORE UPDATE ON ballots
BEGIN SELECT ensure(0, 'ballots_stay', 'a ballot that was cast cannot be changed'); END;
CREATE TRIGGER choices_stay BEFORE DELETE ON choices
BEGIN SELECT ensure(0, 'ballots_stay', 'a ballot that was cast cannot be removed'); END;
CREATE TRIGGER choices_do_not_change BEFORE UPDATE ON choices
BEGIN SELECT ensure(0, 'ballots_stay', 'a ballot that was cast cannot be changed'); END;
CREATE TRIGGER participation_stays BEFORE DELETE ON participation
BEGIN SELECT ensure(0, 'ballots_stay', 'who has voted has voted'); END;

-- Ballots are cast while the election is open, and at no other time.
CREATE TRIGGER ballots_while_open BEFORE INSERT ON ballots
WHEN (SELECT state FROM election) IS NOT 'open'
BEGIN SELECT ensure(0, 'not_open', 'the election is not open'); END;

CREATE TABLE results(
  question INTEGER NOT NULL REFERENCES questions(id),
  candidate INTEGER NOT NULL,
  votes INTEGER NOT NULL CHECK (votes >= 0),
  PRIMARY KEY (question, candidate)
) WITHOUT ROWID;
