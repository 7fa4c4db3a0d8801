-- How many are not done, also those that somebody has taken.
-- @roles courier
-- @read-only
SELECT count(*) FROM outbox WHERE done_us IS NULL;
