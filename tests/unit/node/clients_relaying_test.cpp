// A gateway and a replica beyond it, and a client with one connection.
#include <gtest/gtest.h>

#include "server/node/clients.h"
#include "tests/unit/node/door.h"

namespace prytany::node {
namespace {

/// A replica beyond the gateway, and the key that it and the client share.
struct Beyond {
  ReplicaId id;
  const crypto::Signer& signer;
  Clients clients;
  crypto::MacKey key{};
  int submitted = 0;
};

struct Road : Door {
  Road() { gateway.connected(here, "127.0.0.1"); }

  /// What waits for others goes there: to the replicas beyond, or back.
  void carry() {
    for (int round = 0; round < 4; ++round) {
      for (auto& [to, message] : gateway.take_relayed())
        if (const auto* relay = std::get_if<wire::Relay>(&message))
          for (Beyond* beyond : {&far, &third})
            if (!to || *to == beyond->id) bring(*relay, *beyond);
      for (Beyond* beyond : {&far, &third})
        for (auto& [to, message] : beyond->clients.take_relayed())
          if (const auto* back = std::get_if<wire::RelayBack>(&message))
            for (const wire::RelayedVoice& voice : back->items)
              gateway.relayed_back(beyond->id, voice);
    }
  }
  void bring(const wire::Relay& relay, Beyond& beyond) {
    for (const wire::Relayed& item : relay.items) {
      const auto wish = beyond.clients.relayed(near, item, verifier);
      beyond.submitted += std::holds_alternative<Clients::Submit>(wish) ? 1 : 0;
    }
  }
  void execute_beyond(const app::Executed& executed) {
    far.clients.executed(executed);
    third.clients.executed(executed);
    carry();
  }
  Clients::Wish say(const wire::FromClient& message) {
    auto wish = gateway.text(here, wire::to_json(message), verifier);
    carry();
    return wish;
  }
  const wire::TaggedToClient& told() const { return transport.messages.back().second; }

  Held held() const {
    Held h;
    gateway.count(h);
    return h;
  }
  wire::ClientHello meet_gateway(const app::Client& client) {
    wire::ClientHello hello{group.cluster, dh.public_key(), {}};
    say(hello);
    const auto own = std::get<wire::ServerHello>(told().message);
    near_key = *wire::client_tag_key(dh, own.key, hello, own);
    say(wire::SpeakFor{client.key.public_key(), speak(client, hello, own)});
    return hello;
  }
  /// Meets all, and speaks for the session on every road.
  void meet(const app::Client& client) {
    const wire::ClientHello hello = meet_gateway(client);
    for (Beyond* beyond : {&third, &far}) meet_beyond(client, hello, *beyond);
  }
  void meet_beyond(const app::Client& client, const wire::ClientHello& hello, Beyond& beyond) {
    say(wire::PassOn{beyond.id, hello});
    const auto& passed = std::get<wire::PassedBack>(told().message);
    EXPECT_EQ(passed.from, beyond.id);
    const auto other = std::get<wire::ServerHello>(passed.voice.message);
    EXPECT_TRUE(crypto::verify(beyond.signer.public_key(), wire::hello_signed_bytes(hello, other),
                               other.signature));
    beyond.key = *wire::client_tag_key(dh, other.key, hello, other);
    const wire::SpeakFor speaks{client.key.public_key(), speak(client, hello, other)};
    say(wire::PassOn{beyond.id, speaks});
  }
  static crypto::Signature speak(const app::Client& client, const wire::ClientHello& hello,
                                 const wire::ServerHello& answer) {
    const Digest both = crypto::sha256(wire::hello_signed_bytes(hello, answer));
    return client.key.sign(wire::speak_for_signed_bytes(both, client.key.public_key()));
  }
  wire::BundleRequest tagged(wire::ClientRequest r) {
    r.proof.signature.reset();
    const Bytes bytes = wire::request_tagged_bytes(group.cluster, wire::request_digest(r.body));
    wire::BundleRequest asked{std::move(r), {}};
    asked.tags.items = {crypto::Mac(near_key).tag(bytes),
                        crypto::Mac(far.key).tag(bytes),
                        crypto::Mac(third.key).tag(bytes),
                        {}};
    return asked;
  }
  bool right(const wire::Reply& reply, ReplicaId by, const crypto::MacKey& key,
             const crypto::Tag16& tag) {
    return crypto::Mac(key).check(wire::tagged_bytes(group.cluster, by, reply), tag);
  }
  Clients make(ReplicaId self, const crypto::Signer& key) {
    return Clients({self, key, group, replica.executor(), transport, clock,
                    [](std::span<std::uint8_t> out) { crypto::random_bytes(out); }, 60'000'000,
                    nullptr, [this] { return barrier; }, 2});
  }

  ReplicaId near{0};
  Clients gateway = make(near, signer);
  crypto::Signer far_signer = app::test_key(2);
  crypto::Signer third_signer = app::test_key(3);
  Beyond far{ReplicaId{1}, far_signer, make(ReplicaId{1}, far_signer)};
  Beyond third{ReplicaId{2}, third_signer, make(ReplicaId{2}, third_signer)};
  ConnectionId here{7};
  crypto::MacKey near_key{};
};

TEST_F(Road, brings_a_request_to_all_and_one_frame_back_with_the_others_tags) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientRequest r = request(client, client.next_number);
  EXPECT_TRUE(std::holds_alternative<Clients::Submit>(say(tagged(r))));
  EXPECT_EQ(far.submitted, 1);
  EXPECT_EQ(third.submitted, 1);
  const std::size_t before = transport.messages.size();
  const app::Executed executed = replica.execute(wire::Batch{{{r}}});
  gateway.executed(executed);
  far.clients.executed(executed);
  carry();
  EXPECT_EQ(transport.messages.size(), before) << "one of two others may be wrong about its tag";
  third.clients.executed(executed);
  carry();
  ASSERT_EQ(transport.messages.size(), before + 1);
  const auto& bundle = std::get<wire::Bundle>(told().message);
  EXPECT_EQ(bundle.reply, executed.replies.front());
  EXPECT_TRUE(right(bundle.reply, near, near_key, *told().tag));
  ASSERT_EQ(bundle.others.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Beyond& beyond = i == 0 ? far : third;
    EXPECT_EQ(bundle.others.items[i].replica, beyond.id);
    EXPECT_TRUE(right(bundle.reply, beyond.id, beyond.key, bundle.others.items[i].tag));
  }
}

TEST_F(Road, brings_the_same_when_the_others_execute_first) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)say(tagged(r));
  const app::Executed executed = replica.execute(wire::Batch{{{r}}});
  execute_beyond(executed);
  gateway.executed(executed);
  EXPECT_TRUE(std::holds_alternative<wire::Bundle>(told().message));
}

TEST_F(Road, takes_a_signed_request_too) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientRequest r = request(client, client.next_number);
  EXPECT_TRUE(std::holds_alternative<Clients::Submit>(say(wire::BundleRequest{r, {}})));
  EXPECT_EQ(far.submitted, 1);
}

TEST_F(Road, does_not_pass_on_what_its_own_tag_does_not_prove) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  wire::BundleRequest asked = tagged(request(client, client.next_number));
  asked.tags.items[0][3] ^= 1;
  (void)say(asked);
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "bad_signature");
  EXPECT_EQ(far.submitted, 0);
}

TEST_F(Road, is_not_believed_beyond_when_the_tag_there_is_wrong) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  wire::BundleRequest asked = tagged(request(client, client.next_number));
  asked.tags.items[1][3] ^= 1;
  (void)say(asked);
  EXPECT_EQ(far.submitted, 0);
  const auto& passed = std::get<wire::PassedBack>(told().message);
  EXPECT_EQ(std::get<wire::Refused>(passed.voice.message).code.text, "bad_signature");
}

TEST_F(Road, leads_nowhere_for_whom_the_replica_beyond_has_not_met) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  far.clients.gateway_gone(near);
  (void)say(tagged(request(client, client.next_number)));
  EXPECT_EQ(far.submitted, 0);
  const auto& passed = std::get<wire::PassedBack>(told().message);
  EXPECT_EQ(std::get<wire::Refused>(passed.voice.message).code.text, "hello_first");
  EXPECT_FALSE(passed.voice.tag);
}

TEST_F(Road, ends_with_the_clients_connection) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  EXPECT_EQ(far.clients.connections(), 1U);
  gateway.closed(here);
  carry();
  EXPECT_EQ(far.clients.connections(), 0U);
}

TEST_F(Road, is_not_for_joins_for_large_requests_and_for_what_was_asked_before) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const auto refusal = [&] {
    const auto* refused = std::get_if<wire::Refused>(&told().message);
    return refused == nullptr ? "" : refused->code.text;
  };
  wire::ClientRequest join = request(client, 1);
  join.body.session = {};
  (void)say(wire::BundleRequest{join, {}});
  EXPECT_EQ(refusal(), "malformed");
  const std::string large(limits::bundled_request_bytes_max, 'x');
  (void)say(tagged(request(client, client.next_number, app::execute_of("SELECT '" + large + "'"))));
  EXPECT_EQ(refusal(), "not_bundled");
  const wire::BundleRequest asked = tagged(request(client, client.next_number));
  (void)say(asked);
  (void)say(asked);
  EXPECT_EQ(refusal(), "not_bundled");
  EXPECT_EQ(far.submitted, 1);
}

TEST_F(Road, does_not_carry_hellos_without_end) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientHello hello{group.cluster, dh.public_key(), {}};
  (void)say(wire::PassOn{far.id, hello});
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "overloaded");
  clock.now_ = clock.now_ + 500'000;
  (void)say(wire::PassOn{far.id, hello});
  EXPECT_TRUE(std::holds_alternative<wire::PassedBack>(told().message));
  EXPECT_EQ(far.clients.connections(), 1U) << "the client began anew";
}

TEST_F(Road, lets_a_replica_say_no_more_to_anothers_client_than_it_was_asked) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const std::size_t before = transport.messages.size();
  for (int i = 0; i < 1000; ++i)
    gateway.relayed_back(far.id, {here.value, {wire::SessionEnded{client.session, {"left"}}, {}}});
  EXPECT_LT(transport.messages.size(), before + 10);
  gateway.relayed_back(ReplicaId{3}, {here.value, {wire::SessionEnded{}, {}}});
  gateway.relayed_back(far.id, {99, {wire::SessionEnded{}, {}}});
  EXPECT_LT(transport.messages.size(), before + 10) << "nor to one that asked nothing";
}

TEST_F(Road, counts_one_voice_of_a_replica_and_none_that_says_otherwise) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientRequest r = request(client, client.next_number);
  (void)say(tagged(r));
  const app::Executed executed = replica.execute(wire::Batch{{{r}}});
  gateway.executed(executed);
  const wire::Reply& reply = executed.replies.front();
  const std::size_t before = transport.messages.size();
  const wire::ReplyDigest lie{reply.session, reply.number, reply.request, {}};
  gateway.relayed_back(far.id, {here.value, {lie, crypto::Tag16{}}});
  EXPECT_EQ(transport.messages.size(), before);
  execute_beyond(executed);
  EXPECT_EQ(transport.messages.size(), before) << "it has spoken";
}

TEST_F(Road, brings_a_large_reply_at_once_and_the_others_words_after_it) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientRequest r =
      request(client, client.next_number, app::execute_of("SELECT hex(zeroblob(20000))"));
  (void)say(tagged(r));
  const app::Executed executed = replica.execute(wire::Batch{{{r}}});
  gateway.executed(executed);
  EXPECT_TRUE(std::holds_alternative<wire::Reply>(told().message));
  for (Beyond* beyond : {&far, &third}) {
    beyond->clients.executed(executed);
    carry();
    const auto& passed = std::get<wire::PassedBack>(told().message);
    EXPECT_EQ(passed.from, beyond->id);
    EXPECT_TRUE(right(executed.replies.front(), beyond->id, beyond->key, *passed.voice.tag));
  }
}

TEST_F(Road, carries_so_many_speak_for_after_a_hello) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);  // which says one
  const wire::SpeakFor speak{client.key.public_key(), {}};
  for (std::size_t i = 1; i < limits::connection_sessions_max; ++i) {
    const std::string text = wire::to_json(wire::FromClient{wire::PassOn{far.id, speak}});
    (void)gateway.text(here, text, verifier);
    ASSERT_TRUE(gateway.has_relayed()) << i;
    carry();
  }
  (void)say(wire::PassOn{far.id, speak});
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "overloaded");
  EXPECT_FALSE(gateway.has_relayed());
}

TEST_F(Road, carries_so_many_hellos_of_one_host) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientHello hello{group.cluster, dh.public_key(), {}};
  int refused = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    const ConnectionId another{100 + i};
    gateway.connected(another, "127.0.0.1");
    (void)gateway.text(another, wire::to_json(wire::FromClient{hello}), verifier);
    (void)gateway.text(another, wire::to_json(wire::FromClient{wire::PassOn{far.id, hello}}),
                       verifier);
    refused += std::holds_alternative<wire::Refused>(told().message) ? 1 : 0;
  }
  EXPECT_EQ(refused, 101) << "one was carried before";
}

// A faulty gateway heeds no bounds of its own.
TEST_F(Road, hears_so_many_greetings_of_one_gateway) {
  const wire::ClientHello hello{group.cluster, dh.public_key(), {}};
  const auto met = [&](std::uint64_t first, int many) {
    const std::size_t before = far.clients.connections();
    for (int i = 0; i < many; ++i)
      (void)far.clients.relayed(near, {first + static_cast<std::uint64_t>(i), hello}, verifier);
    return far.clients.connections() - before;
  };
  EXPECT_EQ(met(1000, 2000), 1100U);
  clock.now_ = clock.now_ + 1'000'000;
  EXPECT_EQ(met(5000, 2000), 220U);
  EXPECT_EQ(far.clients.refused(), 2680U);
}

TEST_F(Road, hears_so_many_speak_for_of_one_gateway) {
  const wire::ClientHello hello{group.cluster, dh.public_key(), {}};
  (void)far.clients.relayed(near, {1000, hello}, verifier);
  const std::uint64_t before = far.clients.refused();
  for (int i = 0; i < 2000; ++i)
    (void)far.clients.relayed(near, {1000, wire::SpeakFor{}}, verifier);
  std::size_t checked = 0;
  for (const auto& [to, message] : far.clients.take_relayed())
    for (const auto& said : std::get<wire::RelayBack>(message).items)
      checked += std::holds_alternative<wire::Refused>(said.voice.message) ? 1U : 0U;
  EXPECT_EQ(checked, 1100U) << "its hello was one, and the first of these belongs to it";
  EXPECT_EQ(far.clients.refused() - before, 2000U);
}

TEST_F(Road, carries_one_request_for_a_number_whichever_it_is_and_wherever_it_comes_from) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const std::uint64_t number = client.next_number;
  const wire::ClientRequest r = request(client, number);
  (void)say(tagged(r));
  EXPECT_EQ(far.submitted, 1);
  // The same asked directly makes it no new one.
  (void)gateway.text(here, wire::to_json(wire::FromClient{wire::SubmitRequest{r, near}}), verifier);
  (void)say(wire::BundleRequest{r, {}});
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "not_bundled");
  (void)say(wire::BundleRequest{request(client, number, app::execute_of("SELECT 2")), {}});
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "not_bundled");
  EXPECT_EQ(far.submitted, 1);
}

TEST_F(Road, carries_a_window_of_requests_that_are_never_executed_and_no_more) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const std::uint64_t first = client.next_number;
  const auto ask = [&](std::uint64_t number) {
    const auto wish = say(tagged(request(client, number)));
    return std::holds_alternative<Clients::Submit>(wish);
  };
  for (std::uint64_t i = 0; i + 1 < limits::session_window; ++i) ASSERT_TRUE(ask(first + i)) << i;
  EXPECT_EQ(held().relayed, limits::session_window - 1);
  // The last of the window is asked of all, and executed: the window moves, and what was never
  // executed stays known.
  const std::uint64_t last = first + limits::session_window - 1;
  gateway.executed(replica.execute(wire::Batch{{{request(client, last)}}}));
  EXPECT_TRUE(ask(last + 1));
  EXPECT_FALSE(ask(last + 2));
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "not_bundled");
  EXPECT_EQ(held().relayed, limits::session_window);
}

TEST_F(Road, forgets_a_number_that_is_executed_and_gives_back_the_room_of_its_reply) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  const wire::ClientRequest r =
      request(client, client.next_number, app::execute_of("SELECT NULL, 'as it is'"));
  (void)say(tagged(r));
  EXPECT_EQ(held().relayed_of_one, 1U);
  const std::size_t alone = held().gathered;
  EXPECT_GT(alone, 0U);
  const app::Executed executed = replica.execute(wire::Batch{{{r}}});
  gateway.executed(executed);
  EXPECT_EQ(held().relayed, 0U);
  EXPECT_GT(held().gathered, alone + 2 * sizeof(wire::Value)) << "a NULL is no byte in memory";
  EXPECT_GT(held().gathered_of_one, 0U);
  execute_beyond(executed);
  EXPECT_EQ(held().gathered, 0U);
  EXPECT_EQ(held().gathered_of_one, 0U);
}

TEST_F(Road, is_not_there_for_who_has_met_nobody_beyond) {
  app::Client client = replica.join(app::test_key(100));
  (void)meet_gateway(client);
  (void)say(tagged(request(client, client.next_number)));
  EXPECT_EQ(std::get<wire::Refused>(told().message).code.text, "not_bundled");
  EXPECT_EQ(held().relayed, 0U);
}

TEST_F(Road, has_room_for_large_replies_while_replicas_are_silent) {
  app::Client client = replica.join(app::test_key(100));
  meet(client);
  for (int i = 0; i < 300; ++i) {
    const wire::ClientRequest r =
        request(client, client.next_number, app::execute_of("SELECT hex(zeroblob(20000))"));
    ++client.next_number;
    ASSERT_TRUE(std::holds_alternative<Clients::Submit>(say(tagged(r)))) << i;
    const app::Executed executed = replica.execute(wire::Batch{{{r}}});
    gateway.executed(executed);
    execute_beyond(executed);  // the fourth says nothing, ever
  }
}

}  // namespace
}  // namespace prytany::node
