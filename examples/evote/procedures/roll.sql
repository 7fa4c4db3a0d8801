-- The roll in the order of ids, page by page: pass the last id seen as `after`.
-- @param after text(50) optional
-- @param count integer
-- @roles official, admin
-- @read-only
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure(:count BETWEEN 1 AND 1000, 'bad_count', 'count is from 1 to 1000');
SELECT v.id, v.name, v.district, v.excluded_reason,
       EXISTS (SELECT 1 FROM participation p WHERE p.voter = v.id) AS voted
  FROM voters v WHERE v.id > coalesce(:after, '') ORDER BY v.id LIMIT :count;
