-- Officials and voters are known by the public key of their credential.
-- @param kind text
-- @param name text
-- @param credential blob
-- @read-only
SELECT id AS ":voter", excluded_us AS ":excluded", excluded_reason AS ":reason"
  FROM voters WHERE key = :credential;
SELECT ensure(:excluded IS NULL, 'excluded', 'you are excluded from this election: ' || :reason);
SELECT ensure(:voter IS NOT NULL OR EXISTS (SELECT 1 FROM officials WHERE key = :credential),
              'not_on_the_roll', 'this code is not on the roll; check every character');
SELECT 'official:' || name AS principal, 'official' AS role FROM officials WHERE key = :credential
UNION ALL
SELECT 'voter:' || :voter, 'voter' WHERE :voter IS NOT NULL
LIMIT 1;
