-- Gives up what failed ten times, and forgets what was done a month ago.
-- @every 1h
UPDATE outbox SET done_us = now(), outcome = 'given up'
  WHERE done_us IS NULL AND tries >= 10 AND taken_until_us <= now();
DELETE FROM outbox WHERE done_us < now() - 30 * 86400 * 1000000;
