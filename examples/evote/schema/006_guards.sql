-- What procedures never do, nobody does by mistake with ad-hoc SQL either. (It binds no administrator who
-- may change the schema: only a cluster whose genesis gives nobody that right does.)
CREATE TRIGGER participation_does_not_change BEFORE UPDATE ON participation
BEGIN SELECT ensure(0, 'ballots_stay', 'who has voted has voted'); END;
CREATE TRIGGER choices_while_open BEFORE INSERT ON choices
WHEN (SELECT state FROM election) IS NOT 'open'
BEGIN SELECT ensure(0, 'not_open', 'the election is not open'); END;
-- REPLACE deletes without asking the triggers of DELETE.
CREATE TRIGGER choices_are_not_replaced BEFORE INSERT ON choices
WHEN EXISTS (SELECT 1 FROM choices
              WHERE receipt = NEW.receipt AND question = NEW.question AND candidate = NEW.candidate)
BEGIN SELECT ensure(0, 'ballots_stay', 'a ballot that was cast cannot be changed'); END;
CREATE TRIGGER participation_is_not_replaced BEFORE INSERT ON participation
WHEN EXISTS (SELECT 1 FROM participation WHERE voter = NEW.voter)
BEGIN SELECT ensure(0, 'already_voted', 'you have voted already; a ballot cannot be changed'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT ensure(0, 'audit_stays', 'the audit log is only added to'); END;
CREATE TRIGGER results_while_closed BEFORE INSERT ON results
WHEN (SELECT state FROM election) IS NOT 'closed'
BEGIN SELECT ensure(0, 'wrong_state', 'the election is not closed'); END;
CREATE TRIGGER results_do_not_change BEFORE UPDATE ON results
BEGIN SELECT ensure(0, 'wrong_state', 'results are counted, not changed'); END;
