-- Who comes with a certificate or an ID token. The cluster has checked both; here stands whom they make somebody.
-- @param kind text
-- @param name text
-- @param credential blob
-- @param issuer text optional
-- @param subject text optional
-- @param claims text optional
-- @read-only
SELECT ensure(:kind <> 'key', 'certificate_needed', 'the guild knows no keys: bring a certificate or an ID token');
SELECT ensure(NOT EXISTS (SELECT 1 FROM lost_certificates
                           WHERE fingerprint = json_extract(:claims, '$.fingerprint')),
              'certificate_lost', 'this certificate was reported as lost');
-- An address that nobody has verified says nothing. (In a certificate the authority has.)
SELECT ensure(:kind = 'certificate' OR json_extract(:claims, '$.email_verified') IS 1,
              'email_not_verified', 'ask the issuer to verify your address');
-- The same principal by either way, so that there is one session for each member.
SELECT 'member:' || lower(coalesce(json_extract(:claims, '$.email'), json_extract(:claims, '$.emails[0]'), :subject)),
       'member';
