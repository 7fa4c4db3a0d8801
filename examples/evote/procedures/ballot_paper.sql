-- Questions with their candidates, as they are on the ballot. `version` is that of the whole paper, for cast_ballot.
-- @public
-- @read-only
SELECT q.id AS question, q.text, q.choose_min, q.choose_max, q.allow_blank,
       c.id AS candidate, c.name, (SELECT version FROM paper) AS version
  FROM questions q JOIN candidates c ON c.question = q.id ORDER BY q.id, c.id;
