-- It was done, and this came of it. Said twice it is done once.
-- @param id integer
-- @param outcome text(1000)
-- @roles courier
SELECT ensure(EXISTS (SELECT 1 FROM outbox WHERE id = :id), 'no_effect', 'there is no effect ' || :id);
UPDATE outbox SET done_us = now(), outcome = :outcome WHERE id = :id AND done_us IS NULL;
SELECT outcome FROM outbox WHERE id = :id;
