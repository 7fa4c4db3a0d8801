-- Test ballots with what they say, in the order of their receipt codes, page by page: pass the last one
-- seen as `after`. They do not count.
-- @param after text(14) optional
-- @param count integer
-- @public
-- @read-only
SELECT ensure(:count BETWEEN 1 AND 1000, 'bad_count', 'count is from 1 to 1000');
SELECT receipt, ballot FROM test_ballots WHERE receipt > coalesce(:after, '') ORDER BY receipt LIMIT :count;
