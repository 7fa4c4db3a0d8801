-- All at once: what docs/how-to/large-results.md advises against.
-- @read-only
-- @roles customer
SELECT id, cents FROM invoices WHERE customer = session_principal();
