// Castro & Liskov, "Practical Byzantine Fault Tolerance and Proactive Recovery", TOCS 2002,
// section 4.2: normal-case operation. Each test names the rule it checks.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

/// A backup r1 of four, alone with what others say to it.
struct Backup : testing::Test {
  Backup() {
    config.self = ReplicaId{1};
    host = std::make_unique<Host>(config, clock, disk);
    host->on_send = [this](const pbft::Send& send) { sent.push_back(send.message); };
    host->handle(Time{0}, pbft::Tick{});
  }
  void hear(unsigned from, wire::PeerMessage message) {
    host->handle(Time{0}, received(from, std::move(message)));
  }
  static wire::PrePrepare proposal(std::uint64_t seq, std::uint64_t number = 1) {
    wire::PrePrepare m{View{0}, Seq{seq}, {}, {AgreedTime{epoch_us}, {}}};
    m.batch.requests.items.push_back(request_of(1, number));
    return m;
  }
  static Digest digest(const wire::PrePrepare& m) { return wire::batch_digest(m.batch, m.agreed); }
  template <class M>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(
        sent.begin(), sent.end(), [](const auto& m) { return std::holds_alternative<M>(m); }));
  }

  pbft::Config config = small_config(4, 1);
  PlayClock clock;
  Disk disk;
  std::unique_ptr<Host> host;
  std::vector<wire::PeerMessage> sent;
};

// "A backup i accepts the PRE-PREPARE message provided ... it is in view v"
TEST_F(Backup, accepts_a_pre_prepare_only_in_its_view_4_2) {
  auto m = proposal(1);
  m.view = View{4};  // whose primary is r0, too
  hear(0, m);
  EXPECT_EQ(count<wire::Prepare>(), 0U);
  hear(0, proposal(1));
  EXPECT_EQ(count<wire::Prepare>(), 1U);
}

// "the primary ... multicasts a PRE-PREPARE": nobody else does.
TEST_F(Backup, refuses_a_pre_prepare_that_is_not_from_the_primary_4_2) {
  hear(2, proposal(1));
  EXPECT_EQ(count<wire::Prepare>(), 0U);
}

// "... it has not accepted a PRE-PREPARE for view v and sequence number n containing a different
// digest"
TEST_F(Backup, accepts_one_pre_prepare_per_view_and_number_4_2) {
  hear(0, proposal(1, 1));
  hear(0, proposal(1, 2));
  ASSERT_EQ(count<wire::Prepare>(), 1U);
  EXPECT_EQ(std::get<wire::Prepare>(sent[0]).digest, digest(proposal(1, 1)));
}

// "... the sequence number in the PRE-PREPARE message is between a low water mark, h, and a high
// water mark, H"
TEST_F(Backup, refuses_numbers_outside_the_water_marks_4_2) {
  hear(0, proposal(0));
  hear(0, proposal(config.window + 1));
  EXPECT_EQ(count<wire::Prepare>(), 0U);
  hear(0, proposal(config.window));
  EXPECT_EQ(count<wire::Prepare>(), 1U);
}

// "If backup i accepts the PRE-PREPARE message, it enters the prepare phase by multicasting a
// PREPARE"; the record of both comes first (docs/design.md section 4: votes are durable).
TEST_F(Backup, records_what_it_accepts_and_its_vote_before_it_votes_4_2) {
  hear(0, proposal(1));
  ASSERT_EQ(disk.journal.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<pbft::PrePreparedRecord>(disk.journal[1]));
  EXPECT_TRUE(std::holds_alternative<pbft::PreparedVote>(disk.journal[2]));
}

// "prepared(m, v, n, i) to be true iff replica i has inserted in its log: the request m, a
// pre-prepare for m ... and 2f prepares from different backups that match the pre-prepare". Here
// the primary sends PREPARE, too: quorum() of them.
TEST_F(Backup, is_prepared_with_a_quorum_of_matching_prepares_4_2) {
  const Digest d = digest(proposal(1));
  hear(0, proposal(1));
  hear(2, wire::Prepare{View{0}, Seq{1}, d});
  hear(2, wire::Prepare{View{0}, Seq{1}, d});
  hear(3, wire::Prepare{View{0}, Seq{1}, digest_of("other")});
  EXPECT_EQ(count<wire::Commit>(), 0U);
  hear(0, wire::Prepare{View{0}, Seq{1}, d});
  EXPECT_EQ(count<wire::Commit>(), 1U);
}

// "prepare ... messages ... in the log" may be there before the pre-prepare is.
TEST_F(Backup, counts_prepares_that_came_before_the_pre_prepare_4_2) {
  const Digest d = digest(proposal(1));
  hear(2, wire::Prepare{View{0}, Seq{1}, d});
  hear(3, wire::Prepare{View{0}, Seq{1}, d});
  EXPECT_EQ(count<wire::Commit>(), 0U);
  hear(0, proposal(1));
  EXPECT_EQ(count<wire::Commit>(), 1U);
}

// "committed-local(m, v, n, i) is true iff prepared(m, v, n, i) is true and i has accepted 2f + 1
// commits (possibly including its own) from different replicas that match the pre-prepare"
TEST_F(Backup, executes_with_a_quorum_of_commits_4_2) {
  const Digest d = digest(proposal(1));
  hear(0, proposal(1));
  hear(0, wire::Prepare{View{0}, Seq{1}, d});
  hear(2, wire::Prepare{View{0}, Seq{1}, d});
  hear(0, wire::Commit{View{0}, Seq{1}, d});
  EXPECT_EQ(host->executed(), Seq{0});
  hear(0, wire::Commit{View{0}, Seq{1}, d});
  EXPECT_EQ(host->executed(), Seq{0}) << "the same sender counts once";
  hear(2, wire::Commit{View{0}, Seq{1}, d});
  EXPECT_EQ(host->executed(), Seq{1});
}

// "each replica i executes the operation requested by m after committed-local(m, v, n, i) is true
// and i's state reflects the sequential execution of all requests with lower sequence numbers"
TEST_F(Backup, executes_in_the_order_of_numbers_4_2) {
  for (const std::uint64_t n : {2U, 1U}) hear(0, proposal(n, n));
  for (const unsigned from : {0U, 2U, 3U})
    hear(from, wire::Commit{View{0}, Seq{2}, digest(proposal(2, 2))});
  EXPECT_EQ(host->executed(), Seq{0});
  for (const unsigned from : {0U, 2U, 3U})
    hear(from, wire::Commit{View{0}, Seq{1}, digest(proposal(1, 1))});
  EXPECT_EQ(host->executed(), Seq{2});
}

// Section 4.2's invariant: "if prepared(m, v, n, i) is true then prepared(m', v, n, j) is false for
// any non-faulty replica j (including i = j) and any m' such that D(m') != D(m)": two quorums share
// a correct replica, which votes once.
TEST(Agreement, an_equivocating_primary_prepares_at_most_one_batch_4_2) {
  Group group(small_config(4, 1));
  group.set_faulty(0);
  for (unsigned to = 1; to <= 3; ++to) {
    const auto m = Backup::proposal(1, to == 1 ? 1 : 2);
    group.forge(0, to, m);
    group.forge(0, to, wire::Prepare{View{0}, Seq{1}, Backup::digest(m)});
    group.forge(0, to, wire::Commit{View{0}, Seq{1}, Backup::digest(m)});
  }
  group.advance(3'000);
  for (unsigned id = 1; id <= 3; ++id) {
    EXPECT_GE(group.host(id).executed(), Seq{1});
    EXPECT_EQ(group.history().at(Seq{1}), Backup::digest(Backup::proposal(1, 2)));
  }
}

// The negative control: with more than f liars the group can be split, and the checker sees it.
TEST(AgreementDeathTest, more_than_f_liars_split_the_group_and_are_noticed) {
  EXPECT_DEATH(
      {
        Group group(small_config(4, 1));
        for (unsigned to = 1; to <= 2; ++to) {
          const auto m = Backup::proposal(1, to);
          for (const unsigned liar : {0U, 3U}) {
            if (liar == 0) group.forge(liar, to, m);
            group.forge(liar, to, wire::Prepare{View{0}, Seq{1}, Backup::digest(m)});
            group.forge(liar, to, wire::Commit{View{0}, Seq{1}, Backup::digest(m)});
          }
        }
        group.advance(1'000);
      },
      "it->second == e.digest");
}

// Section 5.1.4 (batching): "when it receives a request, the primary ... can start processing it
// immediately if e <= W; otherwise it queues the request", and "puts all the queued requests in a
// batch".
TEST(Batching, requests_gather_while_all_numbers_in_flight_are_used_5_1) {
  auto config = small_config(4, 1, 64, 128);
  config.in_flight_max = 2;
  Group group(config);
  for (std::uint64_t number = 1; number <= 50; ++number) group.submit(0, request_of(number, 1));
  EXPECT_EQ(group.status(0).proposed, Seq{2});
  group.deliver();
  EXPECT_EQ(group.status(0).executed, Seq{3});
  EXPECT_EQ(group.executed_requests(), 50U);
}

// docs/decisions/0030.
TEST(Batching, waits_for_as_many_as_of_late_while_something_is_in_flight) {
  Group group(small_config(4, 1, 64, 128));
  std::uint64_t session = 0;
  const auto submit = [&](unsigned count) {
    for (unsigned i = 0; i < count; ++i) group.submit(0, request_of(++session, 1));
  };
  // Four of one request, as many as may be in flight, and one of all the others.
  submit(40);
  EXPECT_EQ(group.status(0).proposed, Seq{4});
  group.deliver();
  EXPECT_EQ(group.status(0).executed, Seq{5});
  // (4 * 1 + 36) / 8: batches have held five of late, which one of one makes four.
  submit(1);
  EXPECT_EQ(group.status(0).proposed, Seq{6});
  submit(3);
  EXPECT_EQ(group.status(0).proposed, Seq{6});
  submit(1);
  EXPECT_EQ(group.status(0).proposed, Seq{7});
  // Fewer wait for what is in flight, and not longer.
  submit(2);
  EXPECT_EQ(group.status(0).proposed, Seq{7});
  group.deliver();
  EXPECT_EQ(group.status(0).executed, Seq{8});
  EXPECT_EQ(group.executed_requests(), 47U);
}

TEST(Batching, waits_for_no_more_requests_than_it_has_room_for) {
  auto config = small_config(4, 1, 64, 128);
  config.batch_bytes_max = 4'000;
  Group group(config);
  std::uint64_t session = 0;
  for (unsigned i = 0; i < 40; ++i) group.submit(0, request_of(++session, 1));
  group.deliver();
  const Seq before = group.status(0).executed;
  const std::string long_one(3'000, 'x');
  for (unsigned i = 0; i < 3; ++i) group.submit(0, request_of(++session, 1, long_one));
  // The first at once, the second when more waits than fits.
  EXPECT_EQ(group.status(0).proposed, before + 2);
}

TEST(Batching, makes_one_client_wait_for_nobody) {
  Group group(small_config(4, 1, 64, 128));
  for (std::uint64_t number = 1; number <= 20; ++number) {
    group.submit(0, request_of(1, number));
    EXPECT_EQ(group.status(0).proposed, Seq{number});
    if (number % 4 == 0) group.deliver();
  }
  EXPECT_EQ(group.executed_requests(), 20U);
}

TEST(Batching, of_one_request_each_is_no_batching_5_1) {
  auto config = small_config(4, 1, 64, 128);
  config.batch_requests_max = 1;
  Group group(config);
  for (std::uint64_t number = 1; number <= 10; ++number) group.submit(0, request_of(number, 1));
  group.deliver();
  EXPECT_EQ(group.status(0).executed, Seq{10});
}

/// Of a primary that is served one request at a time; before `join` was executed.
std::size_t executed_before(Group& group, const wire::ClientRequest& join) {
  for (int i = 0; i < 2'000 && !group.executed(join); ++i) group.advance(10);
  EXPECT_TRUE(group.executed(join));
  return group.executed_requests();
}

pbft::Config one_at_a_time() {
  auto config = small_config(4, 1, 64, 128);
  config.batch_requests_max = 1;
  config.in_flight_max = 1;
  return config;
}

// docs/decisions/0012. Found by the simulator: 64 joins of one client made another wait for 11 s.
TEST(Joins, of_one_host_put_off_those_of_others_by_one) {
  Group group(one_at_a_time());
  for (std::uint64_t number = 1; number <= 60; ++number)
    group.submit_to_all(request_of(0, number), 66);
  group.submit_to_all(request_of(0, 100), 1);
  EXPECT_LE(executed_before(group, request_of(0, 100)), 4U);
  EXPECT_EQ(group.converge(), "");
  EXPECT_EQ(group.executed_requests(), 61U);
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{0});
}

TEST(Joins, that_another_said_first_and_that_never_came_to_the_primary_are_brought_by_backups) {
  Group group(one_at_a_time());
  const auto join = request_of(0, 100);
  for (std::uint64_t number = 1; number <= 60; ++number) group.submit(0, request_of(0, number), 66);
  group.submit(0, join, 66);
  for (unsigned id = 1; id < 4; ++id) group.submit(id, join, 1);
  EXPECT_LE(executed_before(group, join), 20U);
  EXPECT_EQ(group.converge(), "");
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{0});
}

// Any group: n and f are free.
TEST(AnySize, every_group_that_can_reach_a_quorum_executes) {
  for (const pbft::Group shape : {pbft::Group{1, 0},
                                  {2, 0},
                                  {3, 0},
                                  {3, 1},
                                  {4, 1},
                                  {4, 2},
                                  {5, 1},
                                  {6, 1},
                                  {7, 2},
                                  {10, 3},
                                  {13, 4}}) {
    Group group(small_config(shape.n, shape.f));
    group.submit_to_all(request_of(1, 1));
    group.deliver();
    EXPECT_EQ(group.executed_requests(), 1U) << shape.n << " " << shape.f;
    EXPECT_EQ(group.converge(), "") << shape.n << " " << shape.f;
  }
}

TEST(AnySize, as_many_may_be_dead_as_leave_a_quorum) {
  for (const pbft::Group shape : {pbft::Group{4, 1}, {6, 1}, {7, 2}, {10, 3}}) {
    Group group(small_config(shape.n, shape.f));
    for (unsigned dead = 0; dead < shape.n - shape.quorum(); ++dead) group.kill(shape.n - 1 - dead);
    group.submit(0, request_of(1, 1));
    group.deliver();
    EXPECT_EQ(group.executed_requests(), 1U) << shape.n;
    group.kill(shape.quorum() - 1);
    group.submit(0, request_of(1, 2));
    group.advance(1'000);
    EXPECT_EQ(group.executed_requests(), 1U) << "one more, and there is no quorum";
    EXPECT_EQ(group.converge(), "");
    EXPECT_EQ(group.executed_requests(), 2U);
  }
}

}  // namespace
}  // namespace prytany::play
