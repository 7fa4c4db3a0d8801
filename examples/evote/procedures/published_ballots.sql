-- The ballots without receipt codes, so that anybody can count again: for every question each
-- combination that was chosen, and how many ballots had it. (With the codes a voter could prove to
-- others what was voted, and be paid or threatened for it.)
-- @public
-- @read-only
SELECT ensure((SELECT state FROM election) IS 'published', 'not_published',
              'the ballots are not published yet');
SELECT question, chosen, count(*) AS ballots
  FROM (SELECT question, receipt, group_concat(candidate, ' ') AS chosen
          FROM (SELECT receipt, question, candidate FROM choices ORDER BY receipt, question, candidate)
          GROUP BY receipt, question)
  GROUP BY question, chosen ORDER BY question, chosen;
