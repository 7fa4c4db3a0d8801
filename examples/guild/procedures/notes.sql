-- @roles member
-- @read-only
SELECT id, member, text FROM notes ORDER BY id;
