-- What the caller, a voter, needs to know first.
-- @roles voter
-- @read-only
SELECT v.id, v.name, v.district, (SELECT state FROM election) AS state,
       EXISTS (SELECT 1 FROM participation p WHERE p.voter = v.id) AS voted,
       coalesce((SELECT tests FROM tests_made t WHERE t.voter = v.id), 0) AS tests
  FROM voters v WHERE v.id = substr(session_principal(), 7);
