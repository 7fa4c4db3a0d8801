-- Also when the issuer has new keys.
-- @param issuer text(1000)
-- @param audience text(200)
-- @param keys text(60000)
-- @roles admin
SELECT ensure(json_valid(:keys), 'not_json', 'keys are a JWK, or a set of them');
INSERT OR REPLACE INTO issuers(issuer, audience, keys) VALUES(:issuer, :audience, :keys);
