-- @public
-- @read-only
SELECT id, text FROM entries ORDER BY id DESC LIMIT 20;
