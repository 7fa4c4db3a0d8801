-- What is to be done now, for a minute the caller's alone. After that anybody may take it again.
-- @param most integer
-- @roles courier
-- @limits rows=100
UPDATE outbox SET taken_until_us = now() + 60 * 1000000, tries = tries + 1
  WHERE id IN (SELECT id FROM outbox WHERE done_us IS NULL AND taken_until_us <= now()
               ORDER BY id LIMIT min(:most, 100))
  RETURNING id, kind, payload, tries;
