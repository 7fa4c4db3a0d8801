-- The published result.
-- @public
-- @read-only
SELECT ensure((SELECT state FROM election) IS 'published', 'not_published',
              'the results are not published yet');
SELECT r.question, r.candidate, coalesce(c.name, '(blank)') AS name, r.votes
  FROM results r LEFT JOIN candidates c ON c.id = r.candidate
  ORDER BY r.question, r.votes DESC, r.candidate;
