-- Puts the closing time of the open election off, with a reason for the audit log.
-- @param closes_us integer
-- @param reason text(800)
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) IS 'open', 'wrong_state', 'the election is not open');
SELECT ensure((SELECT closes_us FROM election) IS NOT NULL,
              'no_closing_time', 'the election has no closing time; it ends when it is closed');
SELECT ensure(length(trim(:reason)) > 0, 'bad_reason', 'a reason is needed');
SELECT ensure(:closes_us > (SELECT closes_us FROM election) AND :closes_us > now(),
              'bad_time', 'the new closing time must be later than the old one, and not have passed');
UPDATE election SET closes_us = :closes_us;
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'extend',
         'until ' || datetime(:closes_us / 1000000, 'unixepoch') || ' UTC: ' || trim(:reason));
