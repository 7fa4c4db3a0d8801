-- Which keys sign this issuer's tokens, for whom, and which claims authorize wants to see.
-- @param issuer text
-- @read-only
SELECT audience, keys, 'email, email_verified' FROM issuers WHERE issuer = :issuer;
