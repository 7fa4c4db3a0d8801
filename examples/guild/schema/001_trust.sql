-- Whom the guild believes about who somebody is. These are rows, so trust is given and withdrawn in an ordinary
-- request, at once for all replicas.
CREATE TABLE authorities(
  fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),  -- SHA-256 of the certificate, hex: openssl x509 -fingerprint -sha256
  name TEXT NOT NULL,
  certificate TEXT NOT NULL  -- PEM
) STRICT, WITHOUT ROWID;
CREATE TABLE issuers(
  issuer TEXT PRIMARY KEY,   -- "iss" of its tokens
  audience TEXT NOT NULL,    -- "aud": the guild, as the issuer knows it
  keys TEXT NOT NULL         -- what the issuer publishes at its jwks_uri
) STRICT, WITHOUT ROWID;
-- Certificates that were lost. ID tokens live for minutes; certificates for years.
CREATE TABLE lost_certificates(fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE notes(
  id INTEGER PRIMARY KEY,
  member TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
