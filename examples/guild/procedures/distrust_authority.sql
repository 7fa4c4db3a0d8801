-- From now on nobody joins with its certificates; sessions that are there go on until they end.
-- @param fingerprint text(64)
-- @roles admin
DELETE FROM authorities WHERE fingerprint = lower(:fingerprint);
