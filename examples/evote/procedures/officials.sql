-- Who runs the election: anybody may know.
-- @public
-- @read-only
SELECT name, appointed_by, appointed_us FROM officials ORDER BY name;
