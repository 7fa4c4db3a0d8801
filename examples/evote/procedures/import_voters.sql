-- Puts a batch on the roll of the draft, all or none. `rows` is a JSON array of
-- {"id": ..., "name": ..., "district": ..., "key": hex}; the first bad row is named. A row that is on
-- the roll exactly so already is passed over: whoever does not know whether an import came through
-- may repeat it.
-- @param rows text
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure((SELECT state FROM election) = 'draft', 'wrong_state', 'the roll is frozen');
SELECT ensure(json_valid(:rows), 'bad_rows', 'the rows are not JSON');
SELECT ensure(json_type(:rows) = 'array', 'bad_rows', 'the rows must be a JSON array');
SELECT ensure(type = 'object', 'bad_voter', 'row ' || (key + 1) || ' is not an object')
  FROM json_each(:rows);
SELECT ensure(coalesce(
                json_type(value, '$.id') = 'text' AND length(trim(value ->> '$.id')) BETWEEN 1 AND 50
                AND json_type(value, '$.name') = 'text'
                AND length(trim(value ->> '$.name')) BETWEEN 1 AND 200
                AND json_type(value, '$.district') = 'text'
                AND length(trim(value ->> '$.district')) BETWEEN 1 AND 100, 0),
              'bad_voter', 'row ' || (key + 1) || ': id, name and district must not be empty or too long')
  FROM json_each(:rows);
SELECT ensure(coalesce(json_type(value, '$.key') = 'text' AND length(unhex(value ->> '$.key')) = 32, 0),
              'bad_key', 'row ' || (key + 1) || ': the key must be 32 bytes in hex')
  FROM json_each(:rows);
SELECT ensure(NOT EXISTS (SELECT 1 FROM voters v WHERE v.id = trim(value ->> '$.id')
                AND (v.name, v.district, v.key) IS NOT
                    (trim(value ->> '$.name'), trim(value ->> '$.district'), unhex(value ->> '$.key'))),
              'duplicate_voter', 'row ' || (key + 1) || ': voter ' || trim(value ->> '$.id')
                || ' is on the roll already')
  FROM json_each(:rows);
SELECT ensure(NOT EXISTS (SELECT 1 FROM voters v WHERE v.key = unhex(e.value ->> '$.key')
                                                   AND v.id <> trim(e.value ->> '$.id'))
              AND NOT EXISTS (SELECT 1 FROM officials o WHERE o.key = unhex(e.value ->> '$.key')),
              'key_in_use', 'row ' || (e.key + 1) || ': the key is in use already')
  FROM json_each(:rows) e;
SELECT ensure(n = 1, 'duplicate_voter', 'voter ' || id || ' is there ' || n || ' times')
  FROM (SELECT trim(value ->> '$.id') AS id, count(*) AS n FROM json_each(:rows) GROUP BY 1 ORDER BY 1);
SELECT ensure(n = 1, 'key_in_use', 'one key is there ' || n || ' times')
  FROM (SELECT count(*) AS n FROM json_each(:rows) GROUP BY unhex(value ->> '$.key'));
INSERT INTO voters(id, name, district, key, imported_us)
  SELECT trim(value ->> '$.id'), trim(value ->> '$.name'), trim(value ->> '$.district'),
         unhex(value ->> '$.key'), now()
  FROM json_each(:rows)
  WHERE NOT EXISTS (SELECT 1 FROM voters v WHERE v.id = trim(value ->> '$.id'));
INSERT INTO audit(at_us, actor, action, detail)
  SELECT now(), session_principal(), 'import voters', json_array_length(:rows) || ' rows';
SELECT json_array_length(:rows) AS imported, (SELECT count(*) FROM voters) AS on_the_roll;
