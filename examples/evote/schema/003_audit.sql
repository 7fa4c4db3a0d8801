-- What officials did. Ballots are not logged: a time beside a ballot would tell whose it is.

CREATE TABLE audit(
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT ensure(0, 'audit_stays', 'the audit log is only added to'); END;
CREATE TRIGGER audit_does_not_change BEFORE UPDATE ON audit
BEGIN SELECT ensure(0, 'audit_stays', 'the audit log is only added to'); END;
