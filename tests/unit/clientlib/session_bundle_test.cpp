// A client with one connection, and gateways that forge, drop, refuse or come to an end.
#include <gmock/gmock.h>

#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

using testing::ElementsAre;

SessionOptions one_connection() {
  SessionOptions options;
  options.connections = Connections::one;
  return options;
}

struct Bundles : testing::Test {
  explicit Bundles(bool mac_requests = true, unsigned replicas = 4, unsigned faults = 1,
                   std::uint64_t join_takes_us = 0)
      : host(one_connection(), replicas, faults, mac_requests) {
    host.join(join_takes_us);
    host.tick();
    for (unsigned i = 0; i < host.group.size(); ++i)
      if (host.group[i].count<wire::PassOn>() > 0) gateway = i;
  }
  /// What was asked of others to meet the client is passed on, to those that are not left out.
  void pass_on(const std::set<unsigned>& left_out = {}) {
    std::vector<wire::FromClient> said;
    said.swap(host.group[gateway].heard);
    for (const wire::FromClient& message : said) {
      const auto* passing = std::get_if<wire::PassOn>(&message);
      const auto* hello =
          passing == nullptr ? nullptr : std::get_if<wire::ClientHello>(&passing->message);
      if (hello == nullptr || left_out.contains(passing->to.value)) continue;
      host.say(gateway, wire::PassedBack{passing->to, host.group[passing->to.value].meet(*hello)});
    }
  }
  /// Until another gateway is asked to bring greetings.
  void await_greeting() {
    for (FakeReplica& replica : host.group) replica.heard.clear();
    for (int step = 0; step < 200; ++step) {
      host.advance_to(host.now + 100'000);
      for (unsigned i = 0; i < host.group.size(); ++i) {
        if (host.group[i].count<wire::PassOn>() == 0) continue;
        gateway = i;
        return;
      }
    }
    ADD_FAILURE() << "no gateway is tried in twenty seconds";
  }
  /// So many until the gateway is left, or a hundred.
  unsigned answers_after(std::uint64_t us) {
    unsigned answers = 0;
    for (; host.session->gateway() && answers < 100; ++answers) {
      const Ticket ticket = host.call("tally");
      host.advance_to(host.now + us);
      host.say(gateway, bundle(host.reply_to(asked(), "truth"), {other(0), other(1)}));
      EXPECT_EQ(result(ticket), "truth");
    }
    return answers;
  }
  [[nodiscard]] const wire::BundleRequest& asked() const {
    return std::get<wire::BundleRequest>(host.group[gateway].heard.back());
  }
  /// With the tags of `others`, over `said` if that is another reply.
  wire::Bundle bundle(const wire::Reply& reply, const std::vector<unsigned>& others,
                      const std::optional<wire::Reply>& said = std::nullopt) {
    wire::Bundle bundle{reply, {}};
    for (const unsigned i : others)
      bundle.others.items.push_back(
          {host.group[i].id(), host.group[i].tag_through(host.digest_of(said.value_or(reply)))});
    return bundle;
  }
  [[nodiscard]] unsigned other(unsigned which = 0) const {
    return (gateway + 1 + which) % static_cast<unsigned>(host.group.size());
  }
  /// Everybody answers whoever asks again, directly.
  void all_answer(const std::string& text) {
    host.advance_to(host.now + 2'000'000);
    const wire::Reply truth = host.reply_to(host.group[other()].last_request(), text);
    for (unsigned i = 0; i < host.group.size(); ++i)
      if (host.up[i]) host.say(i, truth);
  }
  [[nodiscard]] std::string result(Ticket ticket) const {
    return host.completed.contains(ticket) ? Host::text_of(host.completed.at(ticket)) : "";
  }

  Host host;
  unsigned gateway = 99;
};

TEST_F(Bundles, come_after_the_others_were_met_through_the_gateway_and_end_the_other_connections) {
  ASSERT_LT(gateway, 4U);
  EXPECT_FALSE(host.session->gateway());
  EXPECT_EQ(host.session->ready().size(), 4U);
  pass_on();
  EXPECT_EQ(host.session->gateway(), host.group[gateway].id());
  EXPECT_THAT(host.session->ready(), ElementsAre(host.group[gateway].id()));
  host.advance_to(host.now + 30'000'000);
  EXPECT_THAT(host.session->ready(), ElementsAre(host.group[gateway].id()))
      << "nobody is dialled whom nobody misses";
}

TEST_F(Bundles, carry_a_request_with_a_tag_for_each_replica_and_f_other_voices_back) {
  pass_on();
  const Ticket ticket = host.call("tally");
  ASSERT_EQ(asked().tags.size(), 4U);
  for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(host.group[i].right_tag(asked(), i == gateway)) << i;
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(host.group[i].count<wire::SubmitRequest>(), 0U);
  host.say(gateway, bundle(host.reply_to(asked(), "truth"), {other()}));
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(result(ticket), "truth");
  EXPECT_EQ(host.completed.at(ticket).agreement.agreed.size(), 2U);
  EXPECT_TRUE(host.session->gateway());
}

TEST_F(Bundles, do_not_believe_a_gateway_alone_however_often_it_speaks) {
  pass_on();
  const Ticket ticket = host.call("tally");
  const wire::Reply lie = host.reply_to(asked(), "lie");
  wire::Bundle twice = bundle(lie, {});
  const auto tag = host.group[gateway].tag_through_own(host.digest_of(lie));
  twice.others.items.push_back({host.group[gateway].id(), tag});
  host.say(gateway, twice);
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_FALSE(host.session->gateway()) << "it is left at once";
  all_answer("truth");
  EXPECT_EQ(result(ticket), "truth");
}

TEST_F(Bundles, do_not_believe_a_tag_of_another_reply) {
  pass_on();
  const Ticket ticket = host.call("tally");
  const wire::Reply truth = host.reply_to(asked(), "truth");
  host.say(gateway, bundle(host.reply_to(asked(), "lie"), {other()}, truth));
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_FALSE(host.session->gateway());
  all_answer("truth");
  EXPECT_EQ(result(ticket), "truth");
}

TEST_F(Bundles, do_not_believe_a_tag_that_is_forged) {
  pass_on();
  const Ticket ticket = host.call("tally");
  wire::Bundle said = bundle(host.reply_to(asked(), "lie"), {other()});
  said.others.items[0].tag[5] ^= 1;
  host.say(gateway, said);
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_FALSE(host.session->gateway());
}

TEST_F(Bundles, of_fewer_than_f_others_are_no_result) {
  pass_on();
  const Ticket ticket = host.call("tally");
  host.say(gateway, bundle(host.reply_to(asked(), "lie"), {}));
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_FALSE(host.session->gateway());
}

TEST_F(Bundles, of_a_silent_gateway_are_asked_of_all_after_one_interval_with_a_signature) {
  pass_on();
  const Ticket ticket = host.call("tally");
  host.advance_to(host.now + 900'000);
  EXPECT_TRUE(host.session->gateway());
  host.advance_to(host.now + 200'000);
  EXPECT_FALSE(host.session->gateway());
  EXPECT_EQ(host.session->ready().size(), 4U);
  for (unsigned i = 0; i < 4; ++i)
    EXPECT_TRUE(host.group[i].last_request().request.proof.signature) << i;
  all_answer("truth");
  EXPECT_EQ(result(ticket), "truth");
}

TEST_F(Bundles, of_a_gateway_that_ends_are_asked_of_all_at_once_and_later_of_another) {
  pass_on();
  const Ticket ticket = host.call("tally");
  const unsigned first = gateway;
  host.drop(gateway);
  EXPECT_FALSE(host.session->gateway());
  all_answer("truth");
  EXPECT_EQ(result(ticket), "truth");
  await_greeting();
  ASSERT_NE(gateway, first);
  pass_on({first});
  EXPECT_FALSE(host.session->gateway()) << "it waits for the last one";
  host.advance_to(host.now + 500'000);
  EXPECT_EQ(host.session->gateway(), host.group[gateway].id());
}

TEST_F(Bundles, begin_again_after_longer_and_longer_unless_the_last_gateway_served_for_long) {
  const auto seconds_after_a_failure_when_it_served = [&](std::uint64_t us) {
    pass_on();
    EXPECT_TRUE(host.session->gateway());
    host.advance_to(host.now + us);
    const Ticket ticket = host.call("tally");
    host.say(gateway, bundle(host.reply_to(asked(), "truth"), {other(0), other(1)}));
    EXPECT_EQ(result(ticket), "truth");
    const Ticket lost = host.call("tally");  // and then it says nothing
    while (host.session->gateway()) host.advance_to(host.now + 10'000);
    const Time failed = host.now;
    host.advance_to(host.now + 100'000);
    const wire::Reply truth = host.reply_to(host.group[other()].last_request(), "truth");
    for (unsigned i = 0; i < host.group.size(); ++i) host.say(i, truth);
    EXPECT_EQ(result(lost), "truth");
    await_greeting();
    return (host.now - failed + 500'000) / 1'000'000;
  };
  EXPECT_EQ(seconds_after_a_failure_when_it_served(0), 1U);
  EXPECT_EQ(seconds_after_a_failure_when_it_served(100'000), 2U);
  EXPECT_EQ(seconds_after_a_failure_when_it_served(1'900'000), 4U);
  EXPECT_EQ(seconds_after_a_failure_when_it_served(1'000'000), 8U);
  EXPECT_EQ(seconds_after_a_failure_when_it_served(8'500'000), 1U) << "as at first";
  EXPECT_EQ(seconds_after_a_failure_when_it_served(0), 2U);
}

TEST_F(Bundles, are_not_asked_for_through_a_gateway_that_reaches_too_few) {
  pass_on({other(0), other(1)});
  host.advance_to(host.now + 500'000);
  EXPECT_FALSE(host.session->gateway());
  EXPECT_EQ(host.session->ready().size(), 4U);
}

TEST_F(Bundles, end_when_more_than_f_replicas_seem_to_say_what_bears_no_right_tag) {
  pass_on();
  (void)host.call("tally");
  const auto seems_to_end = [&](unsigned id) {
    host.say(gateway,
             wire::PassedBack{host.group[id].id(),
                              {wire::SessionEnded{SessionId{77}, {"expired"}}, crypto::Tag16{1}}});
    EXPECT_FALSE(host.ended);
  };
  // Who lies may be that one.
  seems_to_end(other(0));
  EXPECT_TRUE(host.session->gateway());
  seems_to_end(other(1));
  EXPECT_FALSE(host.session->gateway());
}

TEST_F(Bundles, are_believed_with_a_tag_that_is_wrong_beside_f_that_are_right) {
  pass_on();
  for (int i = 0; i < 5; ++i) {
    const Ticket ticket = host.call("tally");
    wire::Bundle said = bundle(host.reply_to(asked(), "truth"), {other(0), other(1)});
    said.others.items[0].tag[5] ^= 1;
    host.say(gateway, said);
    EXPECT_EQ(result(ticket), "truth");
  }
  EXPECT_TRUE(host.session->gateway()) << "it cannot know who lies beyond it";
}

TEST_F(Bundles, of_a_slow_gateway_are_not_waited_for_long) {
  pass_on();
  EXPECT_LE(answers_after(500'000), 16U);
  const unsigned slow = gateway;
  await_greeting();
  EXPECT_NE(gateway, slow);
}

struct BundlesAfterASlowJoin : Bundles {
  BundlesAfterASlowJoin() : Bundles(true, 4, 1, 900'000) {}
};
// A primary that delays joins may be the gateway's friend, or the gateway.
TEST_F(BundlesAfterASlowJoin, of_a_slow_gateway_are_not_waited_for_long) {
  pass_on();
  EXPECT_LE(answers_after(500'000), 16U);
}

TEST_F(Bundles, of_a_gateway_are_waited_for_where_the_group_is_as_slow) {
  host.advance_to(host.now + 1);
  const auto slowly = [&](auto&& answer) {
    const Ticket ticket = host.call("tally");
    host.advance_to(host.now + 300'000);
    answer();
    EXPECT_EQ(result(ticket), "truth");
  };
  for (int i = 0; i < 20; ++i)
    slowly([&] {
      const wire::Reply truth = host.reply_to(host.group[0].last_request(), "truth");
      for (unsigned id = 0; id < 4; ++id) host.say(id, truth);
    });
  await_greeting();
  pass_on();
  ASSERT_TRUE(host.session->gateway());
  for (int i = 0; i < 40; ++i)
    slowly(
        [&] { host.say(gateway, bundle(host.reply_to(asked(), "truth"), {other(0), other(1)})); });
  EXPECT_TRUE(host.session->gateway());
}

TEST_F(Bundles, greet_a_replica_again_that_does_not_know_the_client_but_not_for_ever) {
  pass_on();
  const auto forgot = [&] {
    const std::size_t before = host.group[gateway].count<wire::PassOn>();
    host.say(gateway, wire::PassedBack{host.group[other()].id(),
                                       {wire::Refused{{}, {"hello_first"}, {}}, std::nullopt}});
    return host.group[gateway].count<wire::PassOn>() - before;
  };
  EXPECT_EQ(forgot(), 0U) << "its greeting may still be under way";
  host.advance_to(host.now + 1'000'000);
  (void)host.call("tally");
  EXPECT_EQ(forgot(), 1U);
  EXPECT_EQ(forgot(), 0U);
  EXPECT_TRUE(host.session->gateway());
}

TEST_F(Bundles, give_way_to_what_must_be_asked_of_all_and_come_back) {
  pass_on();
  const Ticket read = host.read("public_tally");
  host.tick();
  EXPECT_FALSE(host.session->gateway());
  EXPECT_EQ(host.session->ready().size(), 4U);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(host.group[i].count<wire::PublicRead>(), 1U) << i;
  (void)read;
}

TEST_F(Bundles, are_not_left_when_the_gateway_passes_on_no_more_greetings) {
  pass_on();
  (void)host.call("tally");
  host.say(gateway, wire::Refused{{}, {"overloaded"}, {"so many hellos of one host"}});
  EXPECT_TRUE(host.session->gateway());
}

TEST_F(Bundles, are_left_when_the_gateway_refuses) {
  pass_on();
  const Ticket ticket = host.call("tally");
  host.say(gateway, wire::Refused{wire::request_digest(asked().request.body), {"not_bundled"}, {}});
  EXPECT_FALSE(host.session->gateway());
  all_answer("truth");
  EXPECT_EQ(result(ticket), "truth");
}

TEST_F(Bundles, carry_session_endings_that_weak_quorum_says) {
  pass_on();
  const wire::SessionEnded end{SessionId{77}, {"replaced"}};
  host.say(gateway, end);
  EXPECT_FALSE(host.ended);
  host.say(gateway,
           wire::PassedBack{host.group[other()].id(), {end, host.group[other()].tag_through(end)}});
  EXPECT_EQ(host.ended, "replaced");
}

struct SignedBundles : Bundles {
  SignedBundles() : Bundles(false) {}
};

TEST_F(SignedBundles, carry_a_signature_where_requests_are_signed) {
  pass_on();
  const Ticket ticket = host.call("tally");
  EXPECT_TRUE(asked().request.proof.signature);
  EXPECT_TRUE(asked().tags.empty());
  host.say(gateway, bundle(host.reply_to(asked(), "truth"), {other()}));
  EXPECT_EQ(result(ticket), "truth");
}

struct BundlesOfSeven : Bundles {
  BundlesOfSeven() : Bundles(true, 7, 2) {}
};

TEST_F(BundlesOfSeven, need_two_others) {
  pass_on();
  const Ticket ticket = host.call("tally");
  const wire::Reply truth = host.reply_to(asked(), "truth");
  host.say(gateway, bundle(truth, {other(0), other(3)}));
  EXPECT_EQ(result(ticket), "truth");
  const Ticket second = host.call("tally");
  const wire::Reply more = host.reply_to(asked(), "more");
  host.say(gateway, bundle(more, {other(0), other(0)}));
  EXPECT_FALSE(host.completed.contains(second)) << "one voice each";
}

}  // namespace
}  // namespace prytany::client
