-- The caller's invoices, fifty at a time, in order: those after the one that is given.
-- @param after integer optional
-- @read-only
-- @limits rows=50, steps=200000
-- @roles customer
SELECT id, cents FROM invoices
  WHERE customer = session_principal() AND id > coalesce(:after, 0)
  ORDER BY id LIMIT 50;
