-- What guests may write, and what everybody reads. prytany test examples/guestbook

-- @test a guest signs once
-- @as anna
-- @call sign(text => 'Good morning')
-- @expect 1, '2026-01-01 00:00:00'
-- @call sign(text => 'And good night')
-- @expect-error already_signed

-- @test an entry without words is refused
-- @as anna
-- @call sign(text => '   ')
-- @expect-error empty

-- @test everybody reads, the newest entry first
-- @as anna
-- @call sign(text => 'Good morning')
-- @as bob
-- @at 2026-01-02T08:30:00Z
-- @call sign(text => 'It''s late')
-- @as nobody
-- @call entries
-- @expect 2, '2026-01-02 08:30:00', 'It''s late'
-- @expect 1, '2026-01-01 00:00:00', 'Good morning'

-- @test an entry is its guest's
-- @as anna
-- @call sign(text => 'Mine')
-- @as admin
SELECT guest FROM entries;
-- @expect lower(hex($key(anna)))
