-- A session goes on after its key was replaced or its official dismissed. So the principal carries the
-- key's first 16 bytes (authorize), and what is done in a session is done only while that is still the key.
CREATE VIEW current_voter AS
  SELECT * FROM voters
   WHERE id = substr(session_principal(), 7, length(session_principal()) - 39)
     AND session_principal() = 'voter:' || id || ':' || lower(hex(substr(key, 1, 16)));
CREATE VIEW current_official AS
  SELECT * FROM officials
   WHERE session_principal() = 'official:' || name || ':' || lower(hex(substr(key, 1, 16)));
-- One row. Every procedure of a voter or an official begins with it. Administrators are in genesis.
CREATE VIEW caller(may_act) AS
  SELECT CASE session_role()
           WHEN 'voter' THEN EXISTS (SELECT 1 FROM current_voter)
           WHEN 'official' THEN EXISTS (SELECT 1 FROM current_official)
           ELSE session_role() IS 'admin' END;
