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

-- @test whoever has a certificate is the member of its address
-- @identity anna certificate(
--   issuer => '1b20', subject => 'CN=Anna,O=Guild',
--   claims => json_object('common_name', 'Anna', 'emails', json_array('Anna@guild.example'), 'fingerprint', 'aa11', 'serial', '07'))
-- @as anna
-- @expect 'member:anna@guild.example', 'member'
-- @call write_note(text => 'hello')
-- @expect 1, 'member:anna@guild.example'

-- @test an ID token makes the same member, if the issuer has verified the address
-- @identity anna certificate(issuer => '1b20', subject => 'CN=Anna', claims => '{"emails":["anna@guild.example"]}')
-- @as anna
-- @identity tablet id_token(issuer => 'https://id.example', subject => 'a-17',
--   claims => json_object('email', 'anna@guild.example', 'email_verified', json('true')))
-- @as tablet
-- @expect 'member:anna@guild.example', 'member'
-- @as admin
SELECT count(*) FROM prytany_sessions WHERE role = 'member';
-- @expect 1
-- @identity mallory id_token(issuer => 'https://id.example', subject => 'm-1',
--   claims => json_object('email', 'anna@guild.example', 'email_verified', json('false')))
-- @as mallory
-- @expect-error email_not_verified

-- @test a lost certificate joins no more, and its session is over
-- @identity anna certificate(issuer => '1b20', subject => 'CN=Anna',
--   claims => json_object('emails', json_array('anna@guild.example'), 'fingerprint', 'aa11'))
-- @as anna
-- @as admin
-- @call report_lost(fingerprint => 'AA11', member => 'anna@guild.example')
SELECT count(*) FROM prytany_sessions WHERE role = 'member';
-- @expect 0
-- @as anna
-- @expect-error certificate_lost

-- @test an issuer is believed while the guild trusts it, and for the guild alone
-- @identity anna id_token(issuer => 'https://id.example', audience => 'guild', subject => 'a-17',
--   claims => json_object('email', 'anna@guild.example', 'email_verified', json('true'), 'phone', '555'))
-- @as anna
-- @expect-error untrusted_issuer
-- @as admin
-- @call trust_issuer(issuer => 'https://id.example', audience => 'guild', keys => '{"keys":[]}')
-- @as anna
-- @expect 'member:anna@guild.example', 'member'
-- @identity bert id_token(issuer => 'https://id.example', audience => 'shop', subject => 'b-2', claims => '{"email_verified":true}')
-- @as bert
-- @expect-error wrong_audience
-- @as admin
-- @call distrust_issuer(issuer => 'https://id.example')
-- @identity tablet id_token(issuer => 'https://id.example', audience => 'guild', subject => 'a-17')
-- @as tablet
-- @expect-error untrusted_issuer

-- @test a certificate counts while the guild trusts its authority
-- @identity anna certificate(subject => 'CN=Anna', claims => '{"emails":["anna@guild.example"]}', authority =>
--   '-----BEGIN CERTIFICATE-----
--   MIHqMIGdoAMCAQICAhABMAUGAytlcDAUMRIwEAYDVQQDDAlBdXRob3JpdHkwHhcN
--   MjUwNjAxMDAwMDAwWhcNMjYwNjAxMDAwMDAwWjAUMRIwEAYDVQQDDAlBdXRob3Jp
--   dHkwKjAFBgMrZXADIQDOzBUH3B3dcpWVHCkIiPCVrbkETRtz1pbm3wZdaDvU/KMT
--   MBEwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQDbXFx0PX8eAIukxktWmJgVryFw
--   8muyK+RvQjg25QAasRgndA/mTQn8cFsMmK/qRrIQbV790oAa+NUgSPOer5sJ
--   -----END CERTIFICATE-----
--   ')
-- @as anna
-- @expect-error untrusted_issuer
-- @as admin
-- @call trust_authority(fingerprint => '598130b76869e168268ff249ad9975b0f0943a790cf92b838e11668f624917b7', name => 'An authority', certificate =>
--   '-----BEGIN CERTIFICATE-----
--   MIHqMIGdoAMCAQICAhABMAUGAytlcDAUMRIwEAYDVQQDDAlBdXRob3JpdHkwHhcN
--   MjUwNjAxMDAwMDAwWhcNMjYwNjAxMDAwMDAwWjAUMRIwEAYDVQQDDAlBdXRob3Jp
--   dHkwKjAFBgMrZXADIQDOzBUH3B3dcpWVHCkIiPCVrbkETRtz1pbm3wZdaDvU/KMT
--   MBEwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQDbXFx0PX8eAIukxktWmJgVryFw
--   8muyK+RvQjg25QAasRgndA/mTQn8cFsMmK/qRrIQbV790oAa+NUgSPOer5sJ
--   -----END CERTIFICATE-----
--   ')
-- @as anna
-- @expect 'member:anna@guild.example', 'member'
-- @as admin
-- @call distrust_authority(fingerprint => '598130b76869e168268ff249ad9975b0f0943a790cf92b838e11668f624917b7')
-- @identity tablet certificate(subject => 'CN=Anna', claims => '{"emails":["anna@guild.example"]}', authority =>
--   '-----BEGIN CERTIFICATE-----
--   MIHqMIGdoAMCAQICAhABMAUGAytlcDAUMRIwEAYDVQQDDAlBdXRob3JpdHkwHhcN
--   MjUwNjAxMDAwMDAwWhcNMjYwNjAxMDAwMDAwWjAUMRIwEAYDVQQDDAlBdXRob3Jp
--   dHkwKjAFBgMrZXADIQDOzBUH3B3dcpWVHCkIiPCVrbkETRtz1pbm3wZdaDvU/KMT
--   MBEwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQDbXFx0PX8eAIukxktWmJgVryFw
--   8muyK+RvQjg25QAasRgndA/mTQn8cFsMmK/qRrIQbV790oAa+NUgSPOer5sJ
--   -----END CERTIFICATE-----
--   ')
-- @as tablet
-- @expect-error untrusted_issuer
