-- @param text text(500)
-- @roles guest
SELECT ensure(length(:text) > 0, 'empty', 'write something');
INSERT INTO entries(guest, text) VALUES (session_principal(), :text);
SELECT notify('entries', :text);
SELECT id, text FROM entries WHERE id = last_insert_rowid();
