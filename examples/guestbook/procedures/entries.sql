-- The newest entries first.
-- @public
-- @read-only
SELECT id, at, text FROM entries ORDER BY id DESC LIMIT 20;
