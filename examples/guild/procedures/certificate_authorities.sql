-- Whose certificates are believed.
-- @read-only
SELECT certificate FROM authorities;
