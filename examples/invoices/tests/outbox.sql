-- @test an effect is written down with what it follows from
-- @as anna
-- @call invoice(cents => 100)
-- @expect 1, 1
-- @call invoice(cents => -1)
-- @expect-error SQLITE_CONSTRAINT_CHECK
-- @as post courier
-- @call take_effects(most => 10)
-- @expect 1, 'mail', json_object('to', lower(hex($key(anna))), 'subject', 'Invoice 1'), 1

-- @test what is taken is not done
-- @as anna
-- @call invoice(cents => 1)
-- @as post courier
-- @call take_effects(most => 10)
-- @call effects_left()
-- @expect 1
-- @call effect_done(id => 1, outcome => 'sent')
-- @call effects_left()
-- @expect 0

-- @test only couriers take, and nobody puts out by itself
-- @as anna
-- @call take_effects(most => 10)
-- @expect-error not_allowed
-- @call put_out(kind => 'mail', payload => '{}')
-- @expect-error not_allowed

-- @test two couriers do not take the same, until one was silent for a minute
-- @as anna
-- @call invoice(cents => 1)
-- @call invoice(cents => 2)
-- @as post courier
-- @call take_effects(most => 1)
-- @as other courier
-- @call take_effects(most => 10)
-- @expect 2, 'mail', json_object('to', lower(hex($key(anna))), 'subject', 'Invoice 2'), 1
-- @at +61 seconds
-- @call take_effects(most => 1)
-- @expect 1, 'mail', json_object('to', lower(hex($key(anna))), 'subject', 'Invoice 1'), 2

-- @test done is done once
-- @as anna
-- @call invoice(cents => 1)
-- @as post courier
-- @call take_effects(most => 1)
-- @call effect_done(id => 1, outcome => 'sent as <1@example.org>')
-- @call effect_done(id => 1, outcome => 'sent as <2@example.org>')
-- @expect 'sent as <1@example.org>'
-- @call effect_done(id => 9, outcome => '')
-- @expect-error no_effect
-- @at +2 hours
-- @as post courier
-- @call take_effects(most => 1)
-- @expect nothing

-- @test what fails ten times is given up, and what is done is forgotten after a month
-- @as anna
-- @call invoice(cents => 1)
-- @as admin
UPDATE outbox SET tries = 10;
-- @at +2 hours
SELECT outcome FROM outbox;
-- @expect 'given up'
-- @at +31 days
SELECT count(*) FROM outbox;
-- @expect 0
SELECT failures FROM prytany_ticks;
-- @expect 0
