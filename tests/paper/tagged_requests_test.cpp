// Castro & Liskov, TOCS 2002, section 3.2.2 (authenticators of clients), in the form of
// docs/protocol.md, requests without signatures; Practicality section 2.3. submit(to, ...) means
// that `to` found the client's tag right; to whom nothing is submitted, the tag was wrong or lost.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

pbft::Config mac_config(unsigned n = 4, unsigned f = 1) {
  pbft::Config config = small_config(n, f);
  config.mac_requests = true;
  return config;
}

bool in_first_view(Group& group) {
  for (unsigned id = 0; id < group.size(); ++id)
    if (group.alive(id) && group.status(id).view != View{0}) return false;
  return true;
}

TEST(TaggedRequest, is_executed_once_a_quorum_vouches_for_it) {
  for (const pbft::Group shape : {pbft::Group{4, 1}, {6, 1}, {7, 2}, {1, 0}}) {
    Group group(mac_config(shape.n, shape.f));
    group.submit_to_all(tagged_request_of(1, 1));
    group.advance(45);  // word, proposal, two rounds of votes: no retransmission interval
    EXPECT_EQ(group.executed_requests(), 1U) << shape.n;
    EXPECT_TRUE(in_first_view(group));
    EXPECT_EQ(group.converge(), "") << shape.n;
  }
}

// Aardvark's big MAC attack: right at the primary, wrong at the backups.
TEST(TaggedRequest, right_for_fewer_than_a_quorum_is_not_proposed_and_unseats_nobody) {
  for (const auto& believers : {std::vector<unsigned>{0}, {1}, {2, 3}}) {
    Group group(mac_config());
    for (const unsigned id : believers) group.submit(id, tagged_request_of(1, 1));
    group.submit_to_all(request_of(2, 1));
    group.advance(8'000);
    const bool two = believers.size() == 2;
    // weak_quorum() correct replicas convince the others, and it is ordered after all.
    EXPECT_EQ(group.executed_requests(), two ? 2U : 1U) << believers.size();
    EXPECT_TRUE(in_first_view(group)) << believers.size();
    EXPECT_EQ(group.converge(), "");
  }
}

TEST(TaggedRequest, is_not_proven_by_votes_for_another_batch_than_its_own) {
  Group group(mac_config());
  group.set_faulty(0);
  std::optional<Digest> false_batch;
  group.mangle = [&](unsigned, unsigned to,
                     wire::PeerMessage message) -> std::optional<wire::PeerMessage> {
    if (auto* proposal = std::get_if<wire::PrePrepare>(&message); proposal != nullptr && to == 3) {
      proposal->batch.requests.items = {tagged_request_of(9, 1)};
      false_batch = wire::batch_digest(proposal->batch, proposal->agreed);
    }
    return message;
  };
  bool voted = false;
  group.on_said = [&](unsigned from, const wire::PeerMessage& message) {
    const auto* vote = std::get_if<wire::Prepare>(&message);
    voted = voted || (from == 3 && vote != nullptr && vote->digest == false_batch);
  };
  group.submit_to_all(tagged_request_of(1, 1));
  group.advance(400);
  EXPECT_TRUE(false_batch);
  EXPECT_FALSE(voted);
  EXPECT_TRUE(group.executed(tagged_request_of(1, 1)));
  EXPECT_FALSE(group.executed(tagged_request_of(9, 1)));
}

/// Its first number hangs: what else there is waits, with a quorum's word at the primary.
struct Busy {
  explicit Busy(pbft::Config config) : group(one_at_a_time(std::move(config))) {
    group.advance(40);  // all have asked what they voted before
    group.submit_to_all(request_of(1, 1));
  }
  static pbft::Config one_at_a_time(pbft::Config config) {
    config.in_flight_max = 1;
    config.batch_requests_max = 1;
    config.boot_question = true;
    return config;
  }
  void hang() {
    group.advance(15);
    for (const unsigned id : {1U, 2U, 3U}) group.cut(0, id);
  }
  Group group;
};

// Found by the simulator: a flood of requests with right tags made backups forget their word for
// those that waited, which the primary remembered.
TEST(TaggedRequest, is_still_proven_after_many_others_came_while_it_waited) {
  pbft::Config config = mac_config();
  config.backlog_requests_max = 16;
  Busy busy(config);
  Group& group = busy.group;
  group.submit_to_all(tagged_request_of(2, 1));
  busy.hang();
  // More than twice as many as are remembered of one replica.
  for (std::uint64_t number = 1; number <= 4'200; ++number)
    for (const unsigned id : {1U, 2U, 3U}) group.submit(id, tagged_request_of(3, number));
  group.advance(15);
  group.heal();
  group.advance(400);
  EXPECT_TRUE(group.executed(tagged_request_of(2, 1)));
  EXPECT_TRUE(in_first_view(group));
}

// Found by the simulator: a request that waited long at a busy primary, with the word of a replica
// that had restarted since, was proposed while another that could prove it was down.
TEST(TaggedRequest, is_not_proposed_on_the_word_of_one_that_has_forgotten_it) {
  Busy busy(mac_config());
  Group& group = busy.group;
  const wire::ClientRequest request = tagged_request_of(2, 1);
  for (const unsigned id : {0U, 1U, 2U}) group.submit(id, request);
  busy.hang();
  group.kill(2);
  group.restart(2);
  group.advance(25);  // less than a retransmission interval since it was asked
  group.kill(1);
  group.heal();
  group.advance(4'000);
  EXPECT_EQ(group.executed_requests(), 1U);
  for (const unsigned id : {0U, 2U, 3U}) EXPECT_EQ(group.status(id).view, View{0}) << id;
  group.submit_to_all(request);
  group.advance(400);
  EXPECT_EQ(group.executed_requests(), 2U);
  group.restart(1);
  EXPECT_EQ(group.converge(), "");
}

// Found by the simulator's gentle seed 831000034. Whose word is a quorum's only the primary hears:
// backups see nothing wait but the one request whose tag was wrong at the primary.
TEST(TaggedRequest, wrong_at_a_primary_that_comes_by_many_sessions_one_at_a_time_unseats_nobody) {
  pbft::Config config = mac_config();
  config.in_flight_max = 1;
  config.batch_requests_max = 1;
  Group group(config);
  for (std::uint64_t session = 1; session <= 40; ++session)
    for (std::uint64_t number = 1; number <= 4; ++number) {
      const wire::ClientRequest request = tagged_request_of(session, number);
      if (session == 40 && number == 2)
        for (const unsigned id : {1U, 2U, 3U}) group.submit(id, request);
      else
        group.submit_to_all(request);
    }
  group.advance(15'000);
  EXPECT_EQ(group.executed_requests(), 160U);
  EXPECT_TRUE(in_first_view(group));
  EXPECT_EQ(group.converge(), "");
}

TEST(TaggedRequest, wrong_at_one_backup_is_accepted_there_on_the_word_of_others_2_3) {
  Group group(mac_config());
  for (unsigned id = 0; id < 3; ++id) group.submit(id, tagged_request_of(1, 1));
  group.advance(60);
  EXPECT_EQ(times_told(group, "r3 > pre-prepare n1 has requests that are not authentic here"), 1U);
  EXPECT_EQ(group.host(3).executed(), Seq{1});
  EXPECT_TRUE(in_first_view(group));
}

// Each has a quorum's word, and no backup finds the whole batch right by itself.
TEST(TaggedRequest, each_wrong_at_another_backup_do_not_stop_the_batch_that_holds_them_all) {
  for (const bool apart : {false, true}) {
    auto config = mac_config();
    config.in_flight_max = 1;
    config.bodies_apart = apart;
    Group group(config);
    group.submit_to_all(request_of(9, 1));  // meanwhile the others gather
    for (unsigned wrong = 1; wrong < 4; ++wrong)
      for (unsigned id = 0; id < 4; ++id)
        if (id != wrong) group.submit(id, tagged_request_of(wrong, 1));
    group.advance(120);
    EXPECT_EQ(times_told(group, "pre-prepare n2 has requests that are not authentic here"), 3U);
    EXPECT_EQ(group.executed_requests(), 4U);
    EXPECT_TRUE(in_first_view(group));
    EXPECT_EQ(group.converge(), "");
  }
}

// What they tell each other may be lost, too.
TEST(TaggedRequest, each_wrong_at_another_backup_are_told_again_until_they_are_ordered) {
  auto config = mac_config();
  config.in_flight_max = 1;
  Group group(config);
  group.submit_to_all(request_of(9, 1));
  for (unsigned wrong = 1; wrong < 4; ++wrong)
    for (unsigned id = 0; id < 4; ++id)
      if (id != wrong) group.submit(id, tagged_request_of(wrong, 1));
  group.advance(30);
  for (unsigned to = 1; to < 4; ++to) group.drop({{}, to, "verified", {}});
  group.advance(40);
  EXPECT_EQ(group.executed_requests(), 1U);
  group.clear_rules();
  group.advance(200);
  EXPECT_EQ(group.executed_requests(), 4U);
  EXPECT_TRUE(in_first_view(group));
}

TEST(TaggedRequest, that_the_primary_never_got_is_passed_on_to_it) {
  Group group(mac_config());
  for (unsigned id = 1; id < 4; ++id) group.submit(id, tagged_request_of(1, 1));
  group.advance(400);
  EXPECT_EQ(group.executed_requests(), 1U);
  EXPECT_TRUE(in_first_view(group));
}

TEST(TaggedRequest, whose_word_was_lost_is_vouched_for_again_within_a_retransmission_interval_2_4) {
  Group group(mac_config());
  group.drop({{}, {}, "verified", {}});
  group.submit_to_all(tagged_request_of(1, 1));
  group.advance(20);
  group.clear_rules();
  group.advance(80);  // 50 ms after it came: the interval; then one hop, and three of agreement
  EXPECT_EQ(group.executed_requests(), 1U);
  EXPECT_TRUE(in_first_view(group));
}

// r1 and r3 believe what the two others vouch for, and do not have it: they have nothing that would
// be due again.
TEST(TaggedRequest, wrong_at_two_backups_is_ordered_though_their_word_was_lost_2_4) {
  Group group(mac_config());
  group.drop({1, 0, "verified", {}});
  group.drop({3, 0, "verified", {}});
  group.submit(0, tagged_request_of(1, 1));
  group.submit(2, tagged_request_of(1, 1));
  group.advance(80);
  EXPECT_EQ(group.executed_requests(), 0U);
  group.clear_rules();
  group.advance(180);  // the primary asks again 100 ms after it asked first
  EXPECT_EQ(group.executed_requests(), 1U);
  EXPECT_TRUE(in_first_view(group));
}

// r2 believes r1 and r3, and its word is lost; r3 is restarted, and has forgotten request and word.
// The primary has the request from r1, whose word alone convinces nobody.
TEST(TaggedRequest, is_ordered_when_one_who_held_it_forgot_it_and_who_believed_was_not_heard) {
  Group group(mac_config());
  group.drop({2, 0, "verified", {}});
  group.drop({3, 0, "verified", {}});
  group.submit(1, tagged_request_of(1, 1));
  group.submit(3, tagged_request_of(1, 1));
  group.advance(80);
  group.kill(3);
  group.restart(3);
  group.clear_rules();
  group.advance(1'000);
  EXPECT_EQ(group.executed_requests(), 1U);
  EXPECT_TRUE(in_first_view(group));
}

// r3 is dead, and r2 asks alone for view 1, since it was cut off with a request. Its word counts.
TEST(TaggedRequest, has_the_word_of_who_asks_alone_for_another_view) {
  Group group(mac_config());
  group.kill(3);
  for (unsigned other = 0; other < 2; ++other) group.cut(2, other);
  group.submit(2, request_of(7, 1));
  group.advance(2'000);
  ASSERT_EQ(group.status(2).view, View{1});
  ASSERT_FALSE(group.status(2).active);
  group.heal();
  group.submit(0, tagged_request_of(1, 1));
  group.submit(1, tagged_request_of(1, 1));
  group.advance(5'000);
  EXPECT_TRUE(group.executed(tagged_request_of(1, 1)));
  EXPECT_TRUE(group.executed(request_of(7, 1))) << "it is passed on from outside of the view, too";
}

TEST(TaggedRequest, of_a_lying_primary_that_no_client_sent_is_not_voted_for) {
  Group group(mac_config());
  group.set_faulty(0);
  group.submit(0, tagged_request_of(7, 1));
  wire::Batch batch{{{tagged_request_of(7, 1)}}};
  const wire::PrePrepare lie{View{0}, Seq{1}, batch, {AgreedTime{epoch_us}, {}}};
  for (unsigned to = 1; to < 4; ++to) group.forge(0, to, lie);
  group.advance(100);
  EXPECT_EQ(times_told(group, "pre-prepare n1 from r0 -> prepare"), 0U);
  group.advance(2'000);
  EXPECT_EQ(group.executed_requests(), 0U);
  EXPECT_EQ(group.status(1).view, View{1}) << "it gave out a number that nobody may accept";
}

// One liar more vouches for what a client sent to one correct backup only: the primary is one of
// the quorum, and weak_quorum() correct replicas accept what it proposes.
TEST(TaggedRequest, with_a_colluding_replica_cannot_wedge_a_correct_primary) {
  Group group(mac_config());
  group.set_faulty(3);
  group.mangle = [](unsigned, unsigned, wire::PeerMessage) {
    return std::optional<wire::PeerMessage>();  // it votes for nothing
  };
  const auto request = tagged_request_of(1, 1);
  group.submit(0, request);
  group.submit(1, request);
  group.mangle = nullptr;
  group.forge(3, 0, wire::Verified{{{wire::request_digest(request.body)}}});
  group.mangle = [](unsigned, unsigned, wire::PeerMessage) {
    return std::optional<wire::PeerMessage>();
  };
  group.advance(3'000);
  EXPECT_EQ(group.executed_requests(), 1U);
  for (unsigned id = 0; id < 3; ++id) EXPECT_EQ(group.status(id).view, View{0});
}

TEST(TaggedRequest, is_proposed_by_the_next_primary_when_the_first_one_dies) {
  Group group(mac_config());
  group.submit_to_all(tagged_request_of(1, 1));
  group.advance(45);
  group.kill(0);
  group.submit_to_all(tagged_request_of(1, 2));
  group.submit_to_all(tagged_request_of(2, 1));
  group.advance(1'000);
  EXPECT_EQ(group.executed_requests(), 3U);
  EXPECT_EQ(group.status(1).view, View{1});
  EXPECT_EQ(group.converge(), "");
}

// Practicality section 2.3: the restarted replica has forgotten every authenticator, and nobody
// asks the clients for them.
TEST(TaggedRequest, in_flight_is_executed_by_a_restarted_replica_without_its_client_2_3) {
  for (std::uint64_t moment = 0; moment <= 45; moment += 5) {
    for (const unsigned victim : {0U, 2U}) {
      Group group(mac_config(), false);
      group.submit_to_all(tagged_request_of(1, 1));
      group.advance(moment);
      group.kill(victim);
      group.restart(victim);
      group.advance(1'500);
      EXPECT_EQ(group.executed_requests(), 1U) << moment << " r" << victim;
      for (unsigned id = 0; id < 4; ++id)
        EXPECT_GE(group.host(id).executed(), Seq{1}) << moment << " r" << id;
    }
  }
}

TEST(TaggedRequest, survives_every_moment_of_a_view_change_4_4) {
  for (std::uint64_t moment = 0; moment <= 60; moment += 5) {
    Group group(mac_config(), false);
    for (std::uint64_t session = 1; session <= 3; ++session)
      group.submit_to_all(tagged_request_of(session, 1));
    group.advance(moment);
    group.kill(0);
    group.advance(1'200);
    EXPECT_EQ(group.executed_requests(), 3U) << moment;
    EXPECT_EQ(group.converge(), "") << moment;
  }
}

TEST(TaggedRequest, needs_three_f_and_one_replicas) {
  pbft::Config config = small_config(4, 2);
  config.mac_requests = true;
  EXPECT_TRUE(config.refuse());
}

TEST(TaggedRequest, from_a_peer_that_floods_does_not_take_the_room_of_clients) {
  Group group(mac_config());
  group.set_faulty(3);
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    group.forge(3, 0, wire::Forward{tagged_request_of(9, i + 1)});
    if (i % 32 == 31) group.advance(60);
  }
  EXPECT_LE(group.status(0).waiting, 64U);
  group.submit_to_all(tagged_request_of(9, 5'000));
  group.advance(100);
  EXPECT_EQ(group.executed_requests(), 1U);
}

}  // namespace
}  // namespace prytany::play
