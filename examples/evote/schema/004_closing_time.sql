-- When voting ends by itself, in agreed time. It may be put off, never brought forward: `extend_election`.
ALTER TABLE election ADD COLUMN closes_us INTEGER;
CREATE TRIGGER election_is_only_extended BEFORE UPDATE OF closes_us ON election
WHEN OLD.state NOT IN ('draft', 'frozen') AND NOT (
  OLD.state = 'open' AND coalesce(NEW.closes_us > OLD.closes_us, 0))
BEGIN SELECT ensure(0, 'only_later', 'the closing time of an open election can only be put off'); END;
CREATE TRIGGER ballots_until_closing_time BEFORE INSERT ON ballots
WHEN EXISTS (SELECT 1 FROM election WHERE closes_us <= now())
BEGIN SELECT ensure(0, 'closed', 'voting has ended'); END;
