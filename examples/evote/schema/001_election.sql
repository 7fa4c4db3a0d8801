-- One election in one database. Times are agreed microseconds since 1970 (now()).

CREATE TABLE election(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  description TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'frozen', 'open', 'closed', 'published')),
  created_us INTEGER NOT NULL,
  frozen_us INTEGER,
  opened_us INTEGER,
  closed_us INTEGER,
  published_us INTEGER
);

-- The state moves one step forward at a time, whoever writes it.
CREATE TRIGGER election_moves_forward BEFORE UPDATE OF state ON election
WHEN NEW.state <> OLD.state AND NOT (
  (OLD.state = 'draft' AND NEW.state = 'frozen') OR
  (OLD.state = 'frozen' AND NEW.state = 'open') OR
  (OLD.state = 'open' AND NEW.state = 'closed') OR
  (OLD.state = 'closed' AND NEW.state = 'published'))
BEGIN
  SELECT ensure(0, 'wrong_state', 'an election that is ' || OLD.state || ' cannot become ' || NEW.state);
END;

CREATE TABLE officials(
  key BLOB PRIMARY KEY CHECK (typeof(key) = 'blob' AND length(key) = 32),
  name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
  appointed_by TEXT NOT NULL,
  appointed_us INTEGER NOT NULL
) WITHOUT ROWID;

-- The roll holds public keys, never codes: a thief of this file cannot vote.
CREATE TABLE voters(
  id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 50),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  district TEXT NOT NULL CHECK (length(district) BETWEEN 1 AND 100),
  key BLOB NOT NULL UNIQUE CHECK (typeof(key) = 'blob' AND length(key) = 32),
  imported_us INTEGER NOT NULL,
  excluded_us INTEGER,
  excluded_reason TEXT
) WITHOUT ROWID;
CREATE INDEX voters_by_district ON voters(district);

CREATE TABLE questions(
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
  choose_min INTEGER NOT NULL CHECK (choose_min >= 1),
  choose_max INTEGER NOT NULL CHECK (choose_max >= choose_min),
  allow_blank INTEGER NOT NULL CHECK (allow_blank IN (0, 1))
);

CREATE TABLE candidates(
  id INTEGER PRIMARY KEY,
  question INTEGER NOT NULL REFERENCES questions(id) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  UNIQUE (question, name)
);
