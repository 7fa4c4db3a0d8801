-- @param fingerprint text(64)
-- @param name text(200)
-- @param certificate text(16000)
-- @roles admin
INSERT OR REPLACE INTO authorities(fingerprint, name, certificate) VALUES(lower(:fingerprint), :name, :certificate);
