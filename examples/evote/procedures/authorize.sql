-- Officials and voters are known by the public key of their credential. Its first 16 bytes are part of the
-- principal, so that a session is worth nothing once the key is replaced (schema/007). One session at a time
-- for each key: with a new one, the old one's may stay, and can do nothing.
-- @param kind text
-- @param name text
-- @param credential blob
-- @read-only
SELECT id AS ":voter", excluded_us AS ":excluded", excluded_reason AS ":reason"
  FROM voters WHERE key = :credential;
SELECT ensure(:excluded IS NULL, 'excluded', 'you are excluded from this election: ' || :reason);
SELECT ensure(:voter IS NOT NULL OR EXISTS (SELECT 1 FROM officials WHERE key = :credential),
              'not_on_the_roll', 'this code is not on the roll; check every character');
SELECT 'official:' || name || ':' || lower(hex(substr(key, 1, 16))) AS principal, 'official' AS role FROM officials WHERE key = :credential
UNION ALL
SELECT 'voter:' || :voter || ':' || lower(hex(substr(:credential, 1, 16))), 'voter' WHERE :voter IS NOT NULL
LIMIT 1;
