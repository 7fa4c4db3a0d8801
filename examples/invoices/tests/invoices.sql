-- Anna has 1234 invoices.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
INSERT INTO invoices(id, customer, cents, at_us)
  SELECT 2 * i, lower(hex($key(anna))), i, 0 FROM n;

-- @test what is too much is refused, not cut off
-- @as anna
-- @call all_my_invoices
-- @expect-error RESULT_TOO_LARGE
-- @as bob
-- @call all_my_invoices
-- @expect nothing

-- @test pages follow each other by the last key
-- @as anna
-- @call my_invoices
-- @as admin
SELECT count(*), max(id) FROM (SELECT id FROM invoices ORDER BY id LIMIT 50);
-- @expect 50, 100
-- @as anna
-- @call my_invoices(after => 2464)
-- @expect 2466, 1233
-- @expect 2468, 1234
-- @call my_invoices(after => 2468)
-- @expect nothing

-- @test a page stays where it is when others are written or deleted
-- @as admin
DELETE FROM invoices WHERE id <= 100;
INSERT INTO invoices VALUES(2465, lower(hex($key(anna))), 7, 0);
-- @as anna
-- @call my_invoices(after => 2464)
-- @expect 2465, 7
-- @expect 2466, 1233
-- @expect 2468, 1234
