-- Adds an entry, one per guest.
-- @param text text(500)
-- @roles guest
SELECT ensure(length(trim(:text)) > 0, 'empty', 'please write something');
SELECT ensure(NOT EXISTS (SELECT 1 FROM entries WHERE guest = session_principal()),
              'already_signed', 'you have signed already');
INSERT INTO entries(guest, text, at) VALUES (session_principal(), :text, datetime('now'));
SELECT id, at FROM entries WHERE guest = session_principal();
