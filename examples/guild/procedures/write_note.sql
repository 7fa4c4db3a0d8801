-- @param text text(1000)
-- @roles member
INSERT INTO notes(member, text) VALUES(session_principal(), :text);
SELECT id, member FROM notes WHERE id = last_insert_rowid();
