-- What officials did, in order, page by page: pass the last id seen as `after`.
-- @param after integer optional
-- @param count integer
-- @public
-- @read-only
SELECT ensure(:count BETWEEN 1 AND 1000, 'bad_count', 'count is from 1 to 1000');
SELECT id, at_us, actor, action, detail FROM audit
  WHERE id > coalesce(:after, 0) ORDER BY id LIMIT :count;
