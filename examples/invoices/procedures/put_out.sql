-- Something is to be done outside: it is written down with what it follows from, or not at all.
-- @param kind text(50)
-- @param payload text(10000)
-- @internal
INSERT INTO outbox(kind, payload) VALUES(:kind, :payload) RETURNING id;
