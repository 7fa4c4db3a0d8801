-- Who may vote and who has, in all and by district.
-- @public
-- @read-only
SELECT '' AS district, (SELECT count(*) FROM voters WHERE excluded_us IS NULL) AS voters,
       (SELECT count(*) FROM participation) AS voted
UNION ALL
SELECT v.district, count(*),
       (SELECT count(*) FROM participation p WHERE p.district = v.district)
  FROM voters v WHERE v.excluded_us IS NULL GROUP BY v.district
ORDER BY 1;
