// Castro & Liskov, TOCS 2002, section 5.1.5 (separate request transmission), and Practicality
// section 2.4: whoever misses a body gets it from its peers, and nobody waits for a checkpoint.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

pbft::Config apart(unsigned n = 4, unsigned f = 1) {
  pbft::Config config = small_config(n, f);
  config.bodies_apart = true;
  return config;
}

bool all_executed(Group& group, Seq seq) {
  for (unsigned id = 0; id < group.size(); ++id)
    if (group.host(id).executed() < seq) return false;
  return true;
}

TEST(RequestsApart, are_proposed_by_their_digests_and_nobody_asks_for_a_body) {
  for (const bool tagged : {false, true}) {
    auto config = apart();
    config.mac_requests = tagged;
    Group group(config);
    group.submit_to_all(tagged ? tagged_request_of(1, 1) : request_of(1, 1));
    group.advance(60);
    EXPECT_TRUE(all_executed(group, Seq{1}));
    EXPECT_EQ(times_told(group, "ask r"), 0U);
  }
}

TEST(RequestsApart, a_body_that_one_replica_missed_is_there_within_a_retransmission_interval_2_4) {
  Group group(apart());
  for (unsigned id = 0; id < 3; ++id) group.submit(id, request_of(1, 1));
  group.advance(50);
  EXPECT_EQ(times_told(group, "r3 > pre-prepare n1 names requests that are not here -> ask r0"),
            1U);
  EXPECT_TRUE(all_executed(group, Seq{1}));
}

TEST(RequestsApart, a_body_that_all_backups_missed_comes_from_the_primary) {
  Group group(apart());
  group.submit(0, request_of(1, 1));
  group.advance(60);
  EXPECT_TRUE(all_executed(group, Seq{1}));
  EXPECT_EQ(group.status(1).view, View{0});
}

TEST(RequestsApart, a_body_whose_question_or_answer_is_lost_is_asked_for_again_2_4) {
  for (const char* lost : {"fetch-batch", "batch-body", "pre-prepare-digests"}) {
    Group group(apart());
    group.drop({{}, {}, lost, {}});
    for (unsigned id = 0; id < 3; ++id) group.submit(id, request_of(1, 1));
    group.advance(45);
    group.clear_rules();
    group.advance(110);  // an interval, and a status with its answer
    EXPECT_TRUE(all_executed(group, Seq{1})) << lost;
    for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{0}) << lost;
  }
}

TEST(RequestsApart, a_primary_that_names_what_nobody_has_is_replaced) {
  Group group(apart());
  group.set_faulty(0);
  const wire::PrePrepareDigests lie{
      View{0}, Seq{1}, {{digest_of("nothing")}}, {AgreedTime{epoch_us}, {}}};
  for (unsigned to = 1; to < 4; ++to) group.forge(0, to, lie);
  group.advance(1'500);
  for (unsigned id = 1; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{1});
  group.submit_to_all(request_of(1, 1));
  group.advance(200);
  EXPECT_EQ(group.executed_requests(), 1U);
}

TEST(RequestsApart, a_primary_that_names_two_batches_for_a_number_is_held_to_the_first) {
  Group group(apart());
  group.set_faulty(0);
  for (const char* name : {"one", "another"})
    group.forge(
        0, 1,
        wire::PrePrepareDigests{View{0}, Seq{1}, {{digest_of(name)}}, {AgreedTime{epoch_us}, {}}});
  group.advance(15);
  EXPECT_EQ(times_told(group, "r1 > pre-prepare n1 from r0: conflicts with the pre-prepare held"),
            1U);
}

TEST(RequestsApart, a_primary_that_names_one_request_often_makes_nobody_build_it_often) {
  Group group(apart());
  group.set_faulty(0);
  const wire::ClientRequest request = request_of(1, 1);
  group.submit(1, request);
  const Digest digest = wire::request_digest(request.body);
  group.forge(
      0, 1,
      wire::PrePrepareDigests{View{0}, Seq{1}, {{digest, digest}}, {AgreedTime{epoch_us}, {}}});
  group.advance(15);
  EXPECT_EQ(times_told(group, "r1 > pre-prepare n1 from r0: no fit batch"), 1U);
  EXPECT_EQ(times_told(group, "r1 > pre-prepare n1 from r0 -> prepare"), 0U);
}

TEST(RequestsApart, survive_every_moment_of_a_view_change_4_4) {
  for (std::uint64_t moment = 0; moment <= 60; moment += 5) {
    Group group(apart(), false);
    for (unsigned id = 0; id < 3; ++id) group.submit(id, request_of(1, 1));
    group.submit_to_all(request_of(2, 1));
    group.advance(moment);
    group.kill(0);
    group.advance(1'200);
    EXPECT_EQ(group.executed_requests(), 2U) << moment;
    EXPECT_EQ(group.converge(), "") << moment;
  }
}

}  // namespace
}  // namespace prytany::play
