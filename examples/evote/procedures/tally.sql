-- Counts the ballots of the closed election, once; shows the counts to officials.
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) IS 'closed', 'wrong_state', 'the election is not closed');
SELECT ensure((SELECT count(*) FROM ballots) = (SELECT count(*) FROM participation),
              'does_not_add_up', 'there are not as many ballots as voters who voted');
DELETE FROM results;
INSERT INTO results(question, candidate, votes)
  SELECT q.id, c.id, (SELECT count(*) FROM choices x WHERE x.question = q.id AND x.candidate = c.id)
    FROM questions q JOIN candidates c ON c.question = q.id
  UNION ALL
  SELECT q.id, 0, (SELECT count(*) FROM choices x WHERE x.question = q.id AND x.candidate = 0)
    FROM questions q WHERE q.allow_blank;
INSERT INTO audit(at_us, actor, action, detail)
  SELECT now(), session_principal(), 'tally', (SELECT count(*) FROM ballots) || ' ballots';
SELECT r.question, r.candidate, coalesce(c.name, '(blank)') AS name, r.votes
  FROM results r LEFT JOIN candidates c ON c.id = r.candidate
  ORDER BY r.question, r.votes DESC, r.candidate;
