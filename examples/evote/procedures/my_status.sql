-- What the caller, a voter, needs to know first.
-- @roles voter
-- @read-only
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT v.id, v.name, v.district, (SELECT state FROM election) AS state,
       EXISTS (SELECT 1 FROM participation p WHERE p.voter = v.id) AS voted,
       coalesce((SELECT tests FROM tests_made t WHERE t.voter = v.id), 0) AS tests
  FROM current_voter v;
