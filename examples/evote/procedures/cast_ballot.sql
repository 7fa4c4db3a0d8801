-- Casts the caller's one ballot and returns its receipt code. `ballot` is a JSON object that answers
-- every question by its number with a list of candidates: {"1": [4, 7], "2": []}. An empty list
-- leaves the question blank. With `spoil` 1 it becomes a test ballot instead, under the very same rules:
-- everybody sees what it says, it is not counted, and the caller may still vote. `paper` is the version of the
-- ballot paper that the voter saw: after a change the ballot is refused, for the voter did not see that.
-- @param ballot text(20000)
-- @param spoil integer optional
-- @param paper integer optional
-- @roles voter
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT coalesce(:spoil, 0) AS ":test";
SELECT ensure(:test IN (0, 1), 'bad_ballot', 'spoil is 0 or 1');
SELECT ensure((SELECT state FROM election) IS NOT 'closed' AND (SELECT state FROM election) IS NOT 'published'
              AND NOT EXISTS (SELECT 1 FROM election WHERE state = 'open' AND closes_us <= now()),
              'closed', 'voting has ended');
SELECT ensure((SELECT state FROM election) IS 'open', 'not_open', 'the election is not open');
SELECT id AS ":voter", district AS ":district", excluded_us AS ":excluded",
       excluded_reason AS ":reason"
  FROM current_voter;
SELECT ensure(:voter IS NOT NULL, 'not_on_the_roll', 'you are not on the roll');
SELECT ensure(:excluded IS NULL, 'excluded', 'you are excluded from this election: ' || :reason);
SELECT ensure(NOT EXISTS (SELECT 1 FROM participation WHERE voter = :voter),
              'already_voted', 'you have voted already; a ballot cannot be changed');
SELECT ensure(:test = 0 OR NOT EXISTS (SELECT 1 FROM tests_made WHERE voter = :voter AND tests >= 3),
              'no_more_tests', 'three test ballots are enough for one voter');
SELECT ensure(:paper IS NULL OR :paper = (SELECT version FROM paper),
              'paper_changed', 'the ballot paper is another one now: look at it, and choose again');

-- The ballot answers each question once, with different candidates of that question, as many as allowed.
SELECT ensure(json_valid(:ballot), 'bad_ballot', 'the ballot is not JSON');
SELECT ensure(json_type(:ballot) = 'object', 'bad_ballot', 'the ballot must be a JSON object');
SELECT ensure(type = 'array', 'bad_ballot', 'the answer to question ' || key || ' must be a list')
  FROM json_each(:ballot);
SELECT ensure(EXISTS (SELECT 1 FROM questions q WHERE CAST(q.id AS TEXT) = a.key),
              'unknown_question', 'there is no question ' || a.key)
  FROM json_each(:ballot) a;
SELECT ensure((SELECT count(*) FROM json_each(:ballot) a WHERE a.key = CAST(q.id AS TEXT)) = 1,
              'question_missing', 'question ' || q.id || ' must be answered once, perhaps with an empty list')
  FROM questions q;
SELECT ensure(c.type = 'integer' AND EXISTS (
                SELECT 1 FROM candidates x WHERE x.id = c.atom AND CAST(x.question AS TEXT) = a.key),
              'unknown_candidate', 'question ' || a.key || ' has no such candidate')
  FROM json_each(:ballot) a, json_each(a.value) c;
SELECT ensure((SELECT count(*) = count(DISTINCT c.atom) FROM json_each(a.value) c),
              'candidate_twice', 'a candidate is chosen twice in question ' || a.key)
  FROM json_each(:ballot) a;
SELECT ensure(q.allow_blank OR json_array_length(a.value) > 0,
              'blank_not_allowed', 'question ' || q.id || ' may not be left blank')
  FROM json_each(:ballot) a JOIN questions q ON CAST(q.id AS TEXT) = a.key;
SELECT ensure(json_array_length(a.value) = 0
              OR json_array_length(a.value) BETWEEN q.choose_min AND q.choose_max,
              'wrong_number_of_choices',
              'question ' || q.id || ': choose from ' || q.choose_min || ' to ' || q.choose_max)
  FROM json_each(:ballot) a JOIN questions q ON CAST(q.id AS TEXT) = a.key;

-- Twelve digits of Crockford's base 32 in groups of four: 60 bits of agreed randomness.
WITH RECURSIVE code(n, text) AS (
  SELECT 0, ''
  UNION ALL
  SELECT n + 1, text || CASE WHEN n IN (4, 8) THEN '-' ELSE '' END
                     || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (random() & 31), 1)
    FROM code WHERE n < 12)
SELECT text AS ":receipt" FROM code WHERE n = 12;
SELECT ensure(NOT EXISTS (SELECT 1 FROM ballots WHERE receipt = :receipt)
              AND NOT EXISTS (SELECT 1 FROM test_ballots WHERE receipt = :receipt),
              'try_again', 'the receipt code exists already; cast again');

INSERT INTO participation(voter, district) SELECT :voter, :district WHERE :test = 0;
INSERT INTO ballots(receipt) SELECT :receipt WHERE :test = 0;
INSERT INTO choices(receipt, question, candidate)
  SELECT :receipt, CAST(a.key AS INTEGER), c.atom
    FROM json_each(:ballot) a, json_each(a.value) c WHERE :test = 0;
INSERT INTO choices(receipt, question, candidate)
  SELECT :receipt, CAST(a.key AS INTEGER), 0
    FROM json_each(:ballot) a WHERE json_array_length(a.value) = 0 AND :test = 0;
INSERT INTO tests_made(voter, tests) SELECT :voter, 1 WHERE :test = 1
  ON CONFLICT(voter) DO UPDATE SET tests = tests + 1;
INSERT INTO test_ballots(receipt, ballot) SELECT :receipt, json(:ballot) WHERE :test = 1;
SELECT :receipt AS receipt;
