-- Whether a ballot with this receipt code was counted in. Small letters, spaces and missing hyphens
-- do not matter.
-- @param receipt text(40)
-- @public
-- @read-only
SELECT replace(replace(upper(:receipt), ' ', ''), '-', '') AS ":plain";
SELECT substr(:plain, 1, 4) || '-' || substr(:plain, 5, 4) || '-' || substr(:plain, 9) AS ":code";
SELECT :code AS receipt, EXISTS (SELECT 1 FROM ballots WHERE receipt = :code) AS found;
