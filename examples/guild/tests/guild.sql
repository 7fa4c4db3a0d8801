-- What the guild trusts. prytany test examples/guild

-- @test a key alone makes nobody a member
-- @as anna
-- @expect-error certificate_needed

-- @test administrators give and withdraw trust
-- @as admin
-- @call trust_issuer(issuer => 'https://id.example', audience => 'guild', keys => '{"keys":[]}')
-- @call trust_issuer(issuer => 'https://id.example', audience => 'guild', keys => '{}')
SELECT issuer, audience, keys FROM issuers;
-- @expect 'https://id.example', 'guild', '{}'
-- @call distrust_issuer(issuer => 'https://id.example')
SELECT count(*) FROM issuers;
-- @expect 0
-- @call trust_issuer(issuer => 'https://id.example', audience => 'guild', keys => 'none')
-- @expect-error not_json
