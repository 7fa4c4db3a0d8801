-- What is known of a receipt code: `found`, a ballot that counts has it; `spoiled`, a test ballot has it, which
-- does not count. Small letters, spaces and missing hyphens do not matter, nor O for 0, I or L for 1.
-- @param receipt text(40)
-- @public
-- @read-only
SELECT replace(replace(replace(replace(replace(upper(:receipt), ' ', ''), '-', ''), 'O', '0'), 'I', '1'),
               'L', '1') AS ":plain";
SELECT substr(:plain, 1, 4) || '-' || substr(:plain, 5, 4) || '-' || substr(:plain, 9) AS ":code";
SELECT :code AS receipt, EXISTS (SELECT 1 FROM ballots WHERE receipt = :code) AS found,
       EXISTS (SELECT 1 FROM test_ballots WHERE receipt = :code) AS spoiled;
