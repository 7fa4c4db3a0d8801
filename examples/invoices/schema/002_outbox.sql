-- Effects outside of the database, to be done by a courier. `id` is what makes each of them unique.
CREATE TABLE outbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  taken_until_us INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  done_us INTEGER,
  outcome TEXT
);
CREATE INDEX outbox_open ON outbox(id) WHERE done_us IS NULL;
