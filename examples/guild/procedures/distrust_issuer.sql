-- @param issuer text(1000)
-- @roles admin
DELETE FROM issuers WHERE issuer = :issuer;
