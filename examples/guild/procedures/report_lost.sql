-- A lost certificate joins no more, and whoever joined as its member is asked to join again.
-- @param fingerprint text(64)
-- @param member text(300)
-- @roles admin
INSERT OR IGNORE INTO lost_certificates(fingerprint) VALUES(lower(:fingerprint));
DELETE FROM prytany_sessions WHERE principal = 'member:' || lower(:member);
