// What one client's connection may ask, and what it makes a replica remember.
#include "server/node/clients.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/node/door.h"

namespace prytany::node {
namespace {

TEST_F(Door, refuses_whatever_comes_before_hello) {
  (void)clients.text(one, R"({"type":"status","id":"1"})", verifier);
  EXPECT_EQ(last_refusal(), "hello_first");
}

TEST_F(Door, refuses_what_is_not_a_message_and_goes_on) {
  for (const char* text :
       {"", "{", "[]", "{\"type\":\"vote\"}", "{\"type\":\"hello\"}", "\xff\xfe"}) {
    (void)clients.text(one, text, verifier);
    EXPECT_EQ(last_refusal(), "malformed") << text;
  }
  hello(one);
}

TEST_F(Door, refuses_a_hello_for_another_cluster_and_a_second_one) {
  wire::ClientHello other;
  other.key = dh.public_key();
  (void)clients.text(one, wire::to_json(wire::FromClient{other}), verifier);
  EXPECT_EQ(last_refusal(), "wrong_cluster");
  hello(one);
  other.cluster = group.cluster;
  (void)clients.text(one, wire::to_json(wire::FromClient{other}), verifier);
  EXPECT_EQ(last_refusal(), "hello_again");
}

TEST_F(Door, refuses_a_hello_whose_key_is_of_small_order) {
  wire::ClientHello weak;
  weak.cluster = group.cluster;  // the key stays all zero
  (void)clients.text(one, wire::to_json(wire::FromClient{weak}), verifier);
  EXPECT_EQ(last_refusal(), "weak_key");
}

TEST_F(Door, signs_a_token_for_the_address_it_sees) {
  hello(one);
  wire::JoinBegin begin;
  begin.session_key = app::test_key(7).public_key();
  begin.identification.credential = app::test_key(8).public_key();
  (void)clients.text(one, wire::to_json(wire::FromClient{begin}), verifier);
  const auto& answer = std::get<wire::JoinTokenReply>(transport.messages.back().second.message);
  EXPECT_EQ(answer.token.address.text, "127.0.0.1");
  EXPECT_TRUE(
      crypto::verify(signer.public_key(),
                     wire::join_token_signed_bytes(group.cluster, wire::join_digest(begin),
                                                   answer.token.address, answer.token.expires),
                     answer.token.signature));
}

TEST_F(Door, signs_so_many_tokens_for_one_host) {
  hello(one);
  wire::JoinBegin begin;
  begin.session_key = app::test_key(7).public_key();
  begin.identification.credential = app::test_key(8).public_key();
  const auto given = [&] {
    int tokens = 0;
    for (int i = 0; i < 1500; ++i) {
      (void)clients.text(one, wire::to_json(wire::FromClient{begin}), verifier);
      const wire::ToClient& said = transport.messages.back().second.message;
      tokens += std::holds_alternative<wire::JoinTokenReply>(said) ? 1 : 0;
    }
    return tokens;
  };
  EXPECT_EQ(given(), 1000);
  EXPECT_EQ(last_refusal(), "overloaded");
  clock.now_ = clock.now_ + 1'000'000;
  EXPECT_EQ(given(), 100);
}

TEST_F(Door, submits_a_signed_request_and_tags_its_reply) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest r = request(client, client.next_number);
  ASSERT_TRUE(std::holds_alternative<Clients::Submit>(ask(one, r)));
  clients.executed(replica.execute(wire::Batch{{{r}}}));
  const auto& [to, message] = transport.messages.back();
  EXPECT_EQ(to, one);
  ASSERT_TRUE(std::holds_alternative<wire::Reply>(message.message));
  ASSERT_TRUE(message.tag.has_value());
  EXPECT_TRUE(crypto::Mac(tag_key).check(
      wire::tagged_bytes(group.cluster, ReplicaId{0}, message.message), *message.tag));
}

TEST_F(Door, answers_a_retry_from_the_stored_reply_without_ordering_it_again) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  hello(two);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)ask(one, r);
  clients.executed(replica.execute(wire::Batch{{{r}}}));
  const auto first = transport.messages.back().second.message;
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask(two, r)));
  EXPECT_EQ(transport.messages.back().first, two);
  EXPECT_EQ(transport.messages.back().second.message, first);
}

TEST_F(Door, sends_the_digest_alone_when_another_replica_is_designated) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)ask(one, r, ReplicaId{2});
  const app::Executed executed = replica.execute(wire::Batch{{{r}}});
  clients.executed(executed);
  const auto& digest = std::get<wire::ReplyDigest>(transport.messages.back().second.message);
  EXPECT_EQ(digest.reply, wire::reply_digest(group.cluster, executed.replies.front()));
}

TEST_F(Door, refuses_a_wrong_signature) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  wire::ClientRequest r = request(client, client.next_number);
  r.proof.signature->bytes[0] ^= 1;
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask(one, r)));
  EXPECT_EQ(last_refusal(), "bad_signature");
}

TEST_F(Door, takes_a_tag_from_whoever_has_proven_to_hold_the_sessions_key) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest r = request(client, client.next_number);
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask_tagged(one, r)));
  EXPECT_EQ(last_refusal(), "speak_for_first");
  speak_for(one, client.key, crypto::sha256(as_bytes("another connection's hello")));
  EXPECT_EQ(last_refusal(), "bad_signature");
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask_tagged(one, r)));
  speak_for(one, client.key, said);
  const auto wish = ask_tagged(one, r);
  ASSERT_TRUE(std::holds_alternative<Clients::Submit>(wish));
  EXPECT_FALSE(std::get<Clients::Submit>(wish).request->proof.signature);
}

TEST_F(Door, refuses_a_wrong_tag_and_a_tag_of_somebody_else) {
  app::Client client = replica.join(app::test_key(100));
  app::Client other = replica.join(app::test_key(101));
  hello(one);
  speak_for(one, other.key, said);
  const wire::ClientRequest r = request(client, client.next_number);
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask_tagged(one, r)));
  EXPECT_EQ(last_refusal(), "speak_for_first");
  speak_for(one, client.key, said);
  tag_key[0] ^= 1;
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask_tagged(one, r)));
  EXPECT_EQ(last_refusal(), "bad_signature");
}

TEST_F(Door, keeps_a_request_of_a_session_it_does_not_know_yet_for_a_moment_only) {
  hello(one);
  app::Client stranger{app::test_key(9), SessionId{77}, 1};
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask(one, request(stranger, 1))));
  const std::size_t told = transport.messages.size();
  EXPECT_TRUE(clients.now_known(clock.now(), verifier).empty());
  EXPECT_EQ(transport.messages.size(), told);
  ASSERT_TRUE(clients.has_early());
  EXPECT_TRUE(clients.now_known(clients.early_deadline(), verifier).empty());
  EXPECT_EQ(last_refusal(), "unknown_session");
  EXPECT_FALSE(clients.has_early());
}

TEST_F(Door, keeps_few_bytes_of_those_whose_session_it_does_not_know) {
  hello(one);
  app::Client stranger{app::test_key(9), SessionId{77}, 1};
  const wire::Null large{0, {Bytes(1'000'000)}};
  for (std::uint64_t number = 1; number <= 16; ++number)
    (void)ask(one, request(stranger, number, large));
  EXPECT_EQ(last_refusal(), "");
  (void)ask(one, request(stranger, 17, large));
  EXPECT_EQ(last_refusal(), "unknown_session");
  // With their connection they go, and make room.
  clients.closed(one);
  clients.connected(one, "127.0.0.1");
  hello(one);
  (void)ask(one, request(stranger, 17, large));
  EXPECT_EQ(last_refusal(), "");
}

TEST_F(Door, says_that_there_is_no_such_session_only_where_it_executed_what_it_may_have_told) {
  hello(one);
  app::Client client{app::test_key(30), SessionId{99}};
  const auto refused = [&](std::optional<Seq> may_have_told, bool later = false) {
    barrier = may_have_told;
    transport.messages.clear();
    EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask(one, request(client, 1))));
    EXPECT_TRUE(clients.has_early());
    if (later) clients.silence(true);
    EXPECT_TRUE(clients.now_known(clients.early_deadline(), verifier).empty());
    EXPECT_FALSE(clients.has_early());
    return !transport.messages.empty() && last_refusal() == "unknown_session";
  };
  EXPECT_TRUE(refused(Seq{0}));
  EXPECT_FALSE(refused(std::nullopt)) << "it restarts, and asks the others what it voted";
  EXPECT_FALSE(refused(Seq{5})) << "its journal has more than it executed";
  EXPECT_FALSE(refused(Seq{0}, true)) << "its state was found wrong meanwhile";
}

TEST_F(Door, does_not_look_through_early_requests_while_nothing_is_executed) {
  hello(one);
  app::Client stranger{app::test_key(9), SessionId{77}, 1};
  for (std::uint64_t number = 1; number <= 16; ++number)
    (void)ask(one, request(stranger, number, wire::Null{0, {Bytes(900'000)}}));
  ASSERT_TRUE(clients.has_early());
  const auto began = std::chrono::steady_clock::now();
  for (int turn = 0; turn < 2000; ++turn)
    EXPECT_TRUE(clients.now_known(clock.now(), verifier).empty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

TEST_F(Door, tells_a_session_where_it_spoke_last_though_its_older_connection_closed) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  (void)ask(one, request(client, client.next_number));
  hello(two);
  (void)ask(two, request(client, client.next_number));
  clients.closed(one);
  app::Executed executed;
  executed.endings.push_back({client.session, "replaced"});
  clients.executed(executed);
  EXPECT_EQ(transport.messages.back().first, two);
  const auto& last = transport.messages.back().second.message;
  EXPECT_TRUE(std::holds_alternative<wire::SessionEnded>(last));
}

TEST_F(Door, answers_a_request_that_came_early_and_was_executed_meanwhile_from_the_stored_reply) {
  // A slow replica: the client knew its session before we did, and the group was faster with its
  // first request than we with its join.
  hello(one);
  app::Client client{app::test_key(7), SessionId{}, 1};
  app::Replica twin;  // what the group does: the same join gets the same number
  client.session = twin.join(app::test_key(100), {}, 7).session;
  const wire::ClientRequest early = request(client, 1);
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask(one, early)));
  ASSERT_TRUE(clients.has_early());
  ASSERT_EQ(replica.join(app::test_key(100), {}, 7).session, client.session);
  const app::Executed executed = replica.execute(wire::Batch{{{early}}});
  EXPECT_TRUE(clients.now_known(clock.now(), verifier).empty());
  const auto* reply = std::get_if<wire::Reply>(&transport.messages.back().second.message);
  ASSERT_NE(reply, nullptr) << last_refusal();
  EXPECT_EQ(*reply, executed.replies.front());
}

TEST_F(Door, answers_a_leave_that_comes_when_the_group_has_executed_it_although_nothing_is_stored) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest leave = request(client, client.next_number, wire::Leave{});
  // It came by way of the primary.
  const app::Executed executed = replica.execute(wire::Batch{{{leave}}});
  clients.executed(executed);
  const std::size_t told = transport.messages.size();
  EXPECT_TRUE(std::holds_alternative<Clients::Nothing>(ask(one, leave)));
  ASSERT_EQ(transport.messages.size(), told + 2);
  const auto* reply = std::get_if<wire::Reply>(&transport.messages[told].second.message);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(*reply, executed.replies.front());
  EXPECT_EQ(last_refusal(), "unknown_session") << "others may have been restarted since";
}

TEST_F(Door, tells_a_stored_answer_to_nobody_who_cannot_prove_that_they_asked) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest asked = request(client, client.next_number);
  clients.executed(replica.execute(wire::Batch{{{asked}}}));
  // What was asked is easy to guess, and a public key is no secret.
  wire::ClientRequest guessed = asked;
  guessed.proof.signature->bytes[0] ^= 1;
  (void)ask(one, guessed);
  EXPECT_EQ(last_refusal(), "bad_signature");
  (void)ask(one, asked);
  EXPECT_TRUE(std::holds_alternative<wire::Reply>(transport.messages.back().second.message));
}

TEST_F(Door, answers_the_client_too_when_somebody_else_says_its_request_after_it) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  hello(two);
  const wire::ClientRequest asked = request(client, client.next_number);
  (void)ask(one, asked);
  (void)ask(two, asked);  // one that overheard it, or a replica's accomplice
  const std::size_t told = transport.messages.size();
  clients.executed(replica.execute(wire::Batch{{{asked}}}));
  ASSERT_EQ(transport.messages.size(), told + 2);
  EXPECT_EQ(transport.messages[told].first, one);
  EXPECT_EQ(transport.messages[told + 1].first, two);
  clients.closed(one);
  clients.closed(two);
}

TEST_F(Door, forgets_the_leaves_of_a_state_that_was_found_wrong) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest leave = request(client, client.next_number, wire::Leave{});
  clients.executed(replica.execute(wire::Batch{{{leave}}}));
  clients.silence(true);
  clients.silence(false);
  const std::size_t told = transport.messages.size();
  (void)ask(one, leave);
  EXPECT_EQ(transport.messages.size(), told) << "it waits, as one of a session not known here";
}

TEST_F(Door, serves_public_reads_of_hosts_in_turn_and_bounds_what_one_host_asks) {
  const ConnectionId three{3};
  clients.connected(three, "192.0.2.7");
  hello(one);
  hello(three);
  const auto question = [](std::uint64_t number) { return wire::PublicRead{number, {{"p"}, {}}}; };
  const auto read = [&](ConnectionId id, std::uint64_t number) {
    (void)clients.text(id, wire::to_json(wire::FromClient{question(number)}), verifier);
  };
  for (std::uint64_t i = 0; i < 64; ++i) read(one, i);
  EXPECT_EQ(last_refusal(), "");
  read(two, 64);  // the same host; without hello it is refused for that
  read(one, 65);
  EXPECT_EQ(last_refusal(), "overloaded");
  EXPECT_EQ(std::get<wire::Refused>(transport.messages.back().second.message).request,
            wire::read_digest(question(65)));
  read(three, 1000);
  const std::size_t told = transport.messages.size();
  for (int i = 0; i < 2; ++i) clients.serve_read();
  ASSERT_EQ(transport.messages.size(), told + 2);
  EXPECT_EQ(transport.messages[told].first, one);
  EXPECT_EQ(transport.messages[told + 1].first, three);
  const auto& reply = std::get<wire::PublicReadReply>(transport.messages[told + 1].second.message);
  EXPECT_EQ(reply.question, wire::read_digest(question(1000)));
  while (clients.has_reads()) clients.serve_read();
  EXPECT_EQ(transport.messages.size(), told + 65);
}

TEST_F(Door, signs_what_it_answers_to_who_has_no_connection) {
  const ConnectionId web{9};
  clients.read(web, "192.0.2.7", {{"p"}, {}});
  ASSERT_TRUE(clients.has_reads());
  clients.serve_read();
  ASSERT_EQ(transport.messages.back().first, web);
  const auto& reply = std::get<wire::PublicReadReply>(transport.messages.back().second.message);
  EXPECT_EQ(reply.question, wire::read_digest(wire::PublicRead{0, {{"p"}, {}}}));
  const std::string signature =
      to_hex(signer.sign(wire::signed_read_bytes(group.cluster, ReplicaId{0}, reply)).bytes);
  EXPECT_TRUE(transport.last.ends_with("\"replica\":0,\"signature\":\"" + signature + "\"}"))
      << transport.last;
  clients.closed(web);

  // One of its host's places, like any other read.
  for (std::uint64_t i = 100; i < 164; ++i) clients.read(ConnectionId{i}, "192.0.2.7", {{"p"}, {}});
  clients.read(ConnectionId{200}, "192.0.2.7", {{"p"}, {}});
  EXPECT_EQ(last_refusal(), "overloaded");
  clients.silence(true);
  while (clients.has_reads()) clients.serve_read();
  EXPECT_EQ(last_refusal(), "unavailable");
}

TEST_F(Door, keeps_few_bytes_of_one_hosts_public_reads) {
  hello(one);
  const std::string large(900'000, 'x');
  for (std::uint64_t id = 0; id < 5; ++id) {
    const wire::PublicRead read{id, {{"p"}, {{{{"a"}, wire::TextValue{large}}}}}};
    (void)clients.text(one, wire::to_json(wire::FromClient{read}), verifier);
    EXPECT_EQ(last_refusal(), id < 4 ? "" : "overloaded");
  }
  clients.serve_read();
  const wire::PublicRead read{9, {{"p"}, {{{{"a"}, wire::TextValue{large}}}}}};
  const std::size_t told = transport.messages.size();
  (void)clients.text(one, wire::to_json(wire::FromClient{read}), verifier);
  EXPECT_EQ(transport.messages.size(), told);
}

/// Null: the last message is no whole answer to a session's read.
const wire::FastReadReply* last_read(const Told& transport) {
  return std::get_if<wire::FastReadReply>(&transport.messages.back().second.message);
}

struct ReadingDoor : Door {
  ReadingDoor() {
    hello(one);
    speak_for(one, admin.key, said);
  }
  wire::FastRead fast_read(std::uint64_t id, const std::string& sql = "SELECT 7") {
    wire::Execute execute = app::execute_of(sql);
    execute.read_only = true;
    wire::FastRead read;
    read.body = {
        id, admin.session, admin.key.public_key(), {wire::encode(wire::Operation(execute))}};
    read.tag = crypto::Mac(tag_key).tag(
        wire::fast_read_tagged_bytes(group.cluster, wire::fast_read_digest(read.body)));
    return read;
  }
  void ask_fast(const wire::FastRead& read, ConnectionId id = ConnectionId{1}) {
    (void)clients.text(id, wire::to_json(wire::FromClient{read}), verifier);
  }
  void serve() {
    while (clients.has_reads()) clients.serve_read();
  }

  app::Client admin = replica.join(app::test_key(100));
};

TEST_F(ReadingDoor, answers_a_sessions_read_when_all_that_it_voted_for_is_executed) {
  barrier = replica.executor().executed() + 1;
  ask_fast(fast_read(5));
  const std::size_t told = transport.messages.size();
  serve();
  EXPECT_EQ(transport.messages.size(), told) << "its number is not executed yet";
  const app::Executed executed = replica.execute(wire::Batch{});
  clients.executed(executed);
  serve();
  ASSERT_EQ(transport.messages.size(), told + 1);
  const wire::FastReadReply* reply = last_read(transport);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->id, 5U);
  EXPECT_EQ(reply->question, wire::fast_read_digest(fast_read(5).body));
  EXPECT_EQ(reply->executed, *barrier);
  EXPECT_EQ(reply->agreed, replica.executor().agreed());
  EXPECT_EQ(app::rows_of(reply->outcome), "7");
}

TEST_F(ReadingDoor, sends_the_digest_of_the_outcome_where_another_is_to_send_the_rows) {
  wire::FastRead read = fast_read(6);
  read.designated = ReplicaId{2};
  ask_fast(read);
  serve();
  const auto* digest = std::get_if<wire::FastReadDigest>(&transport.messages.back().second.message);
  ASSERT_NE(digest, nullptr);
  const Digest outcome = digest->outcome;
  ask_fast(fast_read(7));
  serve();
  EXPECT_EQ(outcome, wire::fast_outcome_digest(last_read(transport)->outcome));
}

TEST_F(ReadingDoor, keeps_few_bytes_of_reads_of_those_who_only_claim_a_session) {
  barrier = replica.executor().executed() + 1;
  const auto large = [&](std::uint64_t id) {
    wire::FastRead read = fast_read(id);
    read.body.operation.bytes.resize(1'000'000);
    read.tag = crypto::Mac(tag_key).tag(
        wire::fast_read_tagged_bytes(group.cluster, wire::fast_read_digest(read.body)));
    return read;
  };
  for (std::uint64_t id = 0; id < 67; ++id) ask_fast(large(id));
  EXPECT_EQ(last_refusal(), "");
  ask_fast(large(67));
  EXPECT_EQ(last_refusal(), "overloaded");
  clients.closed(one);
  clients.connected(one, "127.0.0.1");
  hello(one);
  speak_for(one, admin.key, said);
  ask_fast(large(68));
  EXPECT_EQ(last_refusal(), "");
}

TEST_F(ReadingDoor, refuses_a_read_that_its_session_did_not_ask) {
  wire::FastRead read = fast_read(8);
  read.tag[0] ^= 1;
  ask_fast(read);
  EXPECT_EQ(last_refusal(), "bad_signature");
  hello(two);
  ask_fast(fast_read(8), two);
  EXPECT_EQ(last_refusal(), "speak_for_first");
}

TEST_F(ReadingDoor, says_nothing_while_votes_of_its_own_may_be_forgotten_or_its_state_is_wrong) {
  const std::size_t told = transport.messages.size();
  barrier.reset();
  ask_fast(fast_read(9));
  barrier = Seq{0};
  ask_fast(fast_read(10));
  barrier.reset();
  serve();
  barrier = Seq{0};
  ask_fast(fast_read(11));
  clients.silence(true);
  serve();
  ask_fast(fast_read(12));
  serve();
  EXPECT_EQ(transport.messages.size(), told);
}

TEST_F(ReadingDoor, forgets_reads_whose_number_was_executed_too_late_or_whose_client_went) {
  barrier = replica.executor().executed() + 1;
  ask_fast(fast_read(13));
  clock.now_ = clock.now_ + 2'000'000;
  const std::size_t told = transport.messages.size();
  clients.executed(replica.execute(wire::Batch{}));
  EXPECT_FALSE(clients.has_reads());
  barrier = replica.executor().executed() + 1;
  ask_fast(fast_read(14));
  clients.closed(one);
  clients.executed(replica.execute(wire::Batch{}));
  EXPECT_FALSE(clients.has_reads());
  EXPECT_EQ(transport.messages.size(), told);
}

TEST_F(ReadingDoor, bounds_what_one_connection_may_wait_for) {
  barrier = replica.executor().executed() + 1;
  for (std::uint64_t i = 0; i < 4 * limits::session_window; ++i) ask_fast(fast_read(100 + i));
  EXPECT_EQ(last_refusal(), "");
  ask_fast(fast_read(1));
  EXPECT_EQ(last_refusal(), "overloaded");
}

TEST_F(Door, bounds_what_waits_on_one_connection) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  // Of one session's window, all different: the same number with another statement each time.
  std::size_t submitted = 0;
  for (int i = 0; i < 400; ++i) {
    wire::ClientRequest r =
        app::request_of(client, client.next_number, app::execute_of("SELECT " + std::to_string(i)));
    r.proof.signature =
        client.key.sign(wire::request_signed_bytes(group.cluster, wire::request_digest(r.body)));
    if (std::holds_alternative<Clients::Submit>(ask(one, r))) ++submitted;
  }
  EXPECT_EQ(submitted, 4 * limits::session_window);
  EXPECT_EQ(last_refusal(), "overloaded");
}

TEST_F(Door, tells_the_older_session_of_a_principal_that_it_was_replaced) {
  app::Client client = replica.join(app::test_key(100), "", 1);
  hello(one);
  (void)ask(one, request(client, client.next_number));
  const wire::ClientRequest join = app::join_request(
      replica.config(), app::test_key(2), app::test_key(100), "", replica.now(), 600'000'000);
  const app::Executed executed = replica.execute(wire::Batch{{{join}}});
  ASSERT_EQ(app::code_of(executed.replies.front().outcome), "");
  ASSERT_EQ(executed.endings.size(), 1u);
  clients.executed(executed);
  const auto& ended = std::get<wire::SessionEnded>(transport.messages.back().second.message);
  EXPECT_EQ(ended.session, client.session);
  EXPECT_EQ(ended.reason.text, "replaced");
}

TEST_F(Door, tells_a_session_that_has_asked_nothing_since_it_joined) {
  hello(one);
  const auto join = [&](std::uint8_t key) {
    return app::join_request(replica.config(), app::test_key(key), app::test_key(100), "",
                             replica.now(), 600'000'000 + key);
  };
  wire::ClientRequest first = join(2);
  first.proof.signature = app::test_key(2).sign(
      wire::request_signed_bytes(group.cluster, wire::request_digest(first.body)));
  (void)ask(one, first);
  clients.executed(replica.execute(wire::Batch{{{first}}}));
  clients.executed(replica.execute(wire::Batch{{{join(3)}}}));
  const auto& last = transport.messages.back().second.message;
  ASSERT_TRUE(std::holds_alternative<wire::SessionEnded>(last));
  EXPECT_EQ(std::get<wire::SessionEnded>(last).reason.text, "replaced");
}

TEST_F(Door, tells_a_session_whose_join_the_others_were_faster_with) {
  hello(one);
  wire::ClientRequest first = app::join_request(replica.config(), app::test_key(2),
                                                app::test_key(100), "", replica.now(), 600'000'000);
  first.proof.signature = app::test_key(2).sign(
      wire::request_signed_bytes(group.cluster, wire::request_digest(first.body)));
  clients.executed(replica.execute(wire::Batch{{{first}}}));
  (void)ask(one, first);
  clients.executed(replica.execute(wire::Batch{{{app::join_request(
      replica.config(), app::test_key(3), app::test_key(100), "", replica.now(), 600'000'001)}}}));
  const auto& last = transport.messages.back().second.message;
  ASSERT_TRUE(std::holds_alternative<wire::SessionEnded>(last));
  EXPECT_EQ(std::get<wire::SessionEnded>(last).reason.text, "replaced");
}

TEST_F(Door, tells_the_end_of_a_session_to_its_client_and_not_to_who_repeats_its_requests) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)ask(one, r);
  clients.executed(replica.execute(wire::Batch{{{r}}}));
  hello(two);
  (void)ask(two, r);
  app::Executed executed;
  executed.endings.push_back({client.session, "replaced"});
  clients.executed(executed);
  EXPECT_EQ(transport.messages.back().first, one);
  EXPECT_TRUE(std::holds_alternative<wire::SessionEnded>(transport.messages.back().second.message));
}

TEST_F(Door, forgets_who_waits_for_what_it_cannot_answer) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const auto asked = [&] {
    const wire::ClientRequest r = request(client, client.next_number);
    const bool taken = std::holds_alternative<Clients::Submit>(ask(one, r));
    EXPECT_TRUE(taken) << last_refusal();
    return r;
  };
  // In a state that was fetched, so that it is not executed here.
  for (int transfer = 0; transfer < 300; ++transfer) {
    (void)asked();
    clients.silence(false);
  }
  // By a replica that does not trust its own state.
  clients.silence(true);
  for (int i = 0; i < 300; ++i) {
    const wire::ClientRequest r = asked();
    clients.executed(replica.execute(wire::Batch{{{r}}}));
    ++client.next_number;
  }
}

TEST_F(Door, tells_no_results_while_its_own_state_is_known_to_be_wrong) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)ask(one, r);
  clients.silence(true);
  const std::size_t told = transport.messages.size();
  clients.executed(replica.execute(wire::Batch{{{r}}}));
  EXPECT_EQ(transport.messages.size(), told);
}

TEST_F(Door, forgets_a_connection_with_all_that_waited_for_it) {
  app::Client client = replica.join(app::test_key(100));
  hello(one);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)ask(one, r);
  clients.closed(one);
  const std::size_t told = transport.messages.size();
  clients.executed(replica.execute(wire::Batch{{{r}}}));
  EXPECT_EQ(transport.messages.size(), told);
  EXPECT_EQ(clients.connections(), 1u);
}

}  // namespace
}  // namespace prytany::node
