// Attacks on what decision 0031 does about primaries that are late with their votes, or with what
// they tell some: each of these once made clients wait for as long as the primary liked, or a
// correct primary be left.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "tests/paper/slow_primaries.h"

namespace prytany::play {
namespace {

/// What the faulty say, replaced or late, each by its own rule.
class LateLiars {
 public:
  using Act = std::function<std::optional<std::uint64_t>(unsigned from, unsigned to,
                                                         wire::PeerMessage& message)>;
  /// `act` tells by how many milliseconds a message is late; nothing: it is not sent.
  LateLiars(Group& group, const std::vector<unsigned>& ids, Act act) : group_(group) {
    for (const unsigned id : ids) group.set_faulty(id);
    group.mangle = [this, act = std::move(act)](
                       unsigned from, unsigned to,
                       wire::PeerMessage message) -> std::optional<wire::PeerMessage> {
      if (releasing_) return message;
      const auto late_ms = act(from, to, message);
      if (late_ms == 0U) return message;
      if (late_ms) kept_.emplace(group_.now() + *late_ms * ms, Kept{from, to, std::move(message)});
      return std::nullopt;
    };
  }
  void say(unsigned from, unsigned to, wire::PeerMessage message) {
    releasing_ = true;
    group_.forge(from, to, std::move(message));
    releasing_ = false;
  }
  void advance(std::uint64_t milliseconds) {
    for (std::uint64_t t = 0; t < milliseconds; ++t) {
      for (; !kept_.empty() && kept_.begin()->first <= group_.now(); kept_.erase(kept_.begin())) {
        Kept& kept = kept_.begin()->second;
        say(kept.from, kept.to, std::move(kept.message));
      }
      group_.advance(1);
    }
  }

 private:
  struct Kept {
    unsigned from;
    unsigned to;
    wire::PeerMessage message;
  };
  Group& group_;
  std::multimap<Time, Kept> kept_;
  bool releasing_ = false;
};

template <class M>
bool says_a(const wire::PeerMessage& message) {
  return std::holds_alternative<M>(message);
}

/// How many correct replicas have executed so much: each of them answers the client.
unsigned answered_by(Group& group, std::uint64_t seq) {
  unsigned count = 0;
  for (unsigned id = 0; id < group.size(); ++id)
    count += !group.faulty(id) && group.host(id).executed() >= Seq{seq} ? 1 : 0;
  return count;
}

/// One request at a time, for 20 s: the mean of what clients wait for f+1 answers in the last ten;
/// 0 if the primary was replaced before.
std::uint64_t mean_wait_ms(Group& group, LateLiars& liars) {
  std::uint64_t waited_ms = 0;
  std::uint64_t late_ms = 0;
  std::uint64_t late = 0;
  for (std::uint64_t number = 1; waited_ms < 20'000 && group.status(1).view == View{0}; ++number) {
    group.submit_to_all(request_of(1, number));
    std::uint64_t each = 0;
    for (; each < 5'000 && answered_by(group, number) < group.config().group.weak_quorum(); ++each)
      liars.advance(1);
    waited_ms += each;
    if (waited_ms < 10'000) continue;
    late_ms += each;
    ++late;
  }
  return late == 0 ? 0 : late_ms / late;
}

/// n=4, f=1, nobody else is faulty. r3 is told another batch of every number, gets the primary's
/// COMMIT in time, so that the number is committed there. r1 and r2 get no COMMIT of the
/// primary's, but, as late as it likes, its COMMITTED, which is enough with r3's.
TEST(SlowPrimaryAttack,
     fails_that_lies_to_one_of_every_number_and_tells_the_others_late_that_it_is_committed) {
  for (const bool commits : {true, false}) {
    const std::uint64_t late_ms = 400;
    Group group(watchful(4, 1), false);
    std::set<std::pair<unsigned, Seq>> told;
    LateLiars liars(group, {0}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
      if (auto* proposal = std::get_if<wire::PrePrepare>(&message); proposal != nullptr && to == 3)
        proposal->agreed.time.value += 1;
      if (to == 3) return std::optional<std::uint64_t>{0};
      if (says_a<wire::Committed>(message)) return std::optional<std::uint64_t>{};
      if (const auto* commit = std::get_if<wire::Commit>(&message)) {
        if (!told.emplace(to, commit->seq).second) return std::optional<std::uint64_t>{};
        if (!commits) message = wire::Committed{commit->seq, commit->digest};
        return std::optional<std::uint64_t>{late_ms};
      }
      return std::optional<std::uint64_t>{0};
    });
    const std::uint64_t mean = mean_wait_ms(group, liars);
    EXPECT_LE(mean, 200U) << commits;
    EXPECT_GE(group.status(1).view, View{1}) << commits;
  }
}

/// The same, with four requests a second: r3 is ahead then, and with the primary's claim to be so,
/// too, it gives r1 and r2 four times the patience.
TEST(SlowPrimaryAttack,
     fails_that_lies_to_one_of_every_number_and_claims_that_the_others_are_behind) {
  Group group(watchful(4, 1), false);
  std::set<std::pair<unsigned, Seq>> told;
  LateLiars liars(group, {0}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
    if (auto* proposal = std::get_if<wire::PrePrepare>(&message); proposal != nullptr && to == 3)
      proposal->agreed.time.value += 1;
    if (to == 3) return std::optional<std::uint64_t>{0};
    if (says_a<wire::Committed>(message)) return std::optional<std::uint64_t>{};
    if (const auto* commit = std::get_if<wire::Commit>(&message)) {
      if (!told.emplace(to, commit->seq).second) return std::optional<std::uint64_t>{};
      message = wire::Committed{commit->seq, commit->digest};
      return std::optional<std::uint64_t>{1'500};
    }
    return std::optional<std::uint64_t>{0};
  });
  for (const unsigned to : {1U, 2U})
    liars.say(0, to, wire::Status{View{0}, View{0}, Seq{0}, Seq{1'000'000}, {}});
  std::uint64_t answered = 0;
  std::uint64_t longest_ms = 0;
  std::uint64_t asked = 0;
  std::uint64_t t = 0;
  for (; t < 30'000 && group.status(1).view == View{0}; ++t) {
    if (t % 250 == 0) {
      group.submit_to_all(request_of(1 + asked % 16, 1 + asked / 16));
      ++asked;
    }
    liars.advance(1);
    while (answered < asked && answered_by(group, answered + 1) >= 2) ++answered;
    if (answered < asked) longest_ms = std::max(longest_ms, t - answered * 250);
  }
  EXPECT_LE(t, 15'000U);
  EXPECT_LE(longest_ms, 1'000U);
  EXPECT_GE(group.status(1).view, View{1});
}

/// n=7, f=2: r0 leads and is in time with everything, its friend r6 is late with its COMMITs to r1,
/// r2, r3. r4 and r5 are told another batch of every number, and that it is committed.
TEST(SlowPrimaryAttack,
     fails_that_is_never_late_itself_and_lies_to_f_of_every_number_while_its_friend_is_late) {
  for (const std::uint64_t late_ms : {250U, 400U}) {
    Group group(watchful(7, 2), false);
    std::set<std::pair<unsigned, Seq>> told;
    LateLiars liars(group, {0, 6}, [&](unsigned from, unsigned to, wire::PeerMessage& message) {
      auto* proposal = std::get_if<wire::PrePrepare>(&message);
      if (proposal != nullptr && (to == 4 || to == 5)) proposal->agreed.time.value += 1;
      if (to > 3) return std::optional<std::uint64_t>{0};
      if (says_a<wire::Committed>(message)) return std::optional<std::uint64_t>{};
      const auto* commit = std::get_if<wire::Commit>(&message);
      if (from == 6 && commit != nullptr) {
        if (!told.emplace(to, commit->seq).second) return std::optional<std::uint64_t>{};
        return std::optional<std::uint64_t>{late_ms};
      }
      return std::optional<std::uint64_t>{0};
    });
    const std::uint64_t mean = mean_wait_ms(group, liars);
    EXPECT_LE(mean, 200U) << late_ms;
    EXPECT_GE(group.status(1).view, View{1}) << late_ms;
  }
}

/// n=7, f=2: r4 and r5 are told another batch of every number, and both liars vote for it there. So
/// each of the two hears f+1 others vote for what it was told, and as many for what it was not.
TEST(SlowPrimaryAttack, is_seen_by_who_hears_f_and_1_votes_for_each_of_two_batches) {
  Group group(watchful(7, 2), false);
  std::map<Seq, Digest> other;
  LateLiars liars(group, {0, 6}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
    auto* proposal = std::get_if<wire::PrePrepare>(&message);
    // Votes for the lie are there first.
    if (to != 4 && to != 5) return std::optional<std::uint64_t>{proposal != nullptr ? 5 : 0};
    if (proposal != nullptr) {
      proposal->agreed.time.value += 1;
      std::vector<Digest> digests;
      for (const wire::ClientRequest& each : proposal->batch.requests)
        digests.push_back(wire::request_digest(each.body));
      other[proposal->seq] = wire::batch_digest(digests, proposal->agreed);
    }
    auto* vote = std::get_if<wire::Prepare>(&message);
    if (vote != nullptr && other.contains(vote->seq)) vote->digest = other.at(vote->seq);
    const bool decides = says_a<wire::Commit>(message) || says_a<wire::Committed>(message);
    return decides ? std::optional<std::uint64_t>{} : std::optional<std::uint64_t>{0};
  });
  for (std::uint64_t number = 1; number <= 2; ++number) {
    group.submit_to_all(request_of(1, number));
    liars.advance(20);
  }
  EXPECT_EQ(other.size(), 2U);
  EXPECT_EQ(group.status(4).view, View{1}) << "at the second";
  EXPECT_EQ(group.status(5).view, View{1});
}

/// A primary of four that says nothing by itself; r3 was lied to and has left alone, so that each
/// number needs the primary's votes.
class Puppet {
 public:
  explicit Puppet(Group& group)
      : group_(group), liars_(group, {0}, [](unsigned, unsigned, wire::PeerMessage& message) {
          const bool own = says_a<wire::PrePrepare>(message) || says_a<wire::Prepare>(message) ||
                           says_a<wire::Commit>(message) || says_a<wire::Committed>(message) ||
                           says_a<wire::Signed<wire::ViewChange>>(message);
          return own ? std::optional<std::uint64_t>{} : std::optional<std::uint64_t>{0};
        }) {}
  void make_r3_leave() {
    group_.submit_to_all(request_of(50, 1));
    wire::PrePrepare message = body({request_of(50, 1)});
    propose(1, message);
    message.agreed.time.value += 1;
    message.seq = Seq{1};
    liars_.say(0, 3, message);
    liars_.advance(150);
    for (const unsigned to : {1U, 2U}) {
      const Digest digest = wire::batch_digest(last_, message_.agreed);
      liars_.say(0, to, wire::Prepare{View{0}, Seq{1}, digest});
      liars_.say(0, to, wire::Commit{View{0}, Seq{1}, digest});
    }
    liars_.advance(50);
    EXPECT_EQ(group_.status(3).view, View{1});
    EXPECT_EQ(group_.status(1).executed, Seq{1});
  }
  wire::PrePrepare body(std::vector<wire::ClientRequest> requests) {
    const AgreedTime time{group_.clock(0).local(group_.now())};
    wire::PrePrepare message{View{0}, {}, {}, {time, {}}};
    for (wire::ClientRequest& each : requests)
      message.batch.requests.items.push_back(std::move(each));
    return message;
  }
  void propose(std::uint64_t seq, wire::PrePrepare message) {
    message.seq = Seq{seq};
    message_ = message;
    last_.clear();
    for (const wire::ClientRequest& each : message.batch.requests)
      last_.push_back(wire::request_digest(each.body));
    digests_[seq] = wire::batch_digest(last_, message.agreed);
    for (const unsigned to : {1U, 2U}) liars_.say(0, to, message);
  }
  void prepare(std::uint64_t seq) {
    for (const unsigned to : {1U, 2U})
      liars_.say(0, to, wire::Prepare{View{0}, Seq{seq}, digests_.at(seq)});
  }
  void commit(std::uint64_t seq) {
    for (const unsigned to : {1U, 2U})
      liars_.say(0, to, wire::Commit{View{0}, Seq{seq}, digests_.at(seq)});
  }
  void advance(std::uint64_t milliseconds) { liars_.advance(milliseconds); }

 private:
  Group& group_;
  LateLiars liars_;
  wire::PrePrepare message_;
  std::vector<Digest> last_;
  std::map<std::uint64_t, Digest> digests_;
};

/// A digest does not hold the number: trials kept by it would be one for all of these, which a vote
/// for any of them ends.
TEST(SlowPrimaryAttack,
     fails_that_proposes_the_same_batch_for_more_numbers_and_votes_for_the_others_meanwhile) {
  for (const bool same : {false, true}) {
    Group group(watchful(4, 1), false);
    Puppet primary(group);
    primary.make_r3_leave();
    std::uint64_t seq = 1;
    std::uint64_t waited_ms = 0;
    std::uint64_t number = 0;
    while (waited_ms < 20'000 && group.status(1).view == View{0}) {
      const auto request = request_of(1, ++number);
      group.submit_to_all(request);
      auto message = primary.body({request});
      for (std::uint64_t i = 1; i <= 4; ++i) {
        primary.propose(seq + i, message);
        if (!same) message.agreed.time.value += 1;
      }
      for (std::uint64_t i = 4; i >= 2; --i) {
        primary.advance(110);
        primary.prepare(seq + i);
      }
      primary.advance(100);
      for (std::uint64_t i = 1; i <= 4; ++i) {
        primary.prepare(seq + i);
        primary.commit(seq + i);
      }
      primary.advance(40);
      waited_ms += 470;
      seq += 4;
    }
    EXPECT_LE(waited_ms, 15'000U) << same;
    EXPECT_GE(group.status(1).view, View{1}) << same;
    EXPECT_LE(number, 30U) << same;
  }
}

/// `requests: mac`. Some number always waits for a request's proof, and votes are to be tried all
/// the same.
TEST(SlowPrimaryAttack,
     fails_that_always_has_a_number_of_a_friendly_client_that_is_proven_in_time) {
  for (const bool hides : {false, true}) {
    Group group(watchful_of_tags(4, 1), false);
    Puppet primary(group);
    primary.make_r3_leave();
    std::uint64_t seq = 1;
    std::uint64_t friendly = 0;
    std::uint64_t number = 0;
    std::uint64_t from = 2;      // the first that has no vote of the primary's
    std::uint64_t since_ms = 0;  // of the real one
    std::map<std::uint64_t, wire::ClientRequest> proofs;
    std::uint64_t t = 0;
    for (; t < 20'000 && group.status(1).view == View{0}; t += 5) {
      if (hides && t % 30 == 0) {
        const auto request = tagged_request_of(99, ++friendly);
        proofs.emplace(t + 60, request);
        primary.propose(++seq, primary.body({request}));
      }
      if (const auto proof = proofs.find(t); proof != proofs.end())
        for (const unsigned id : {1U, 2U}) group.submit(id, proof->second);
      if (t % 450 == 60) {
        group.submit_to_all(request_of(1, ++number));
        primary.propose(++seq, primary.body({request_of(1, number)}));
        since_ms = t;
      }
      if (t == since_ms + 400)
        for (; from <= seq; ++from) {
          primary.prepare(from);
          primary.commit(from);
        }
      primary.advance(5);
    }
    EXPECT_LE(t, 15'000U) << hides;
    EXPECT_GE(group.status(1).view, View{1}) << hides;
  }
}

/// Ten requests a second, for twelve seconds.
void expect_that_nobody_leaves(Group& group, LateLiars& liars) {
  for (std::uint64_t t = 0; t < 1'200; ++t) {
    if (t % 10 == 0) group.submit_to_all(request_of(1 + t / 10 % 7, 1 + t / 70));
    liars.advance(10);
  }
  for (const unsigned id : {0U, 1U, 2U, 3U}) EXPECT_EQ(group.status(id).view, View{0}) << id;
  EXPECT_GE(group.executed_requests(), 100U);
}

/// n=7, f=2. All votes are needed when two faulty ones do not vote, and one correct backup is far
/// away: the primary must not be held to what the others but one need.
TEST(SlowPrimaryAttack, leaves_a_correct_one_in_office_where_one_is_far_and_f_ask_for_a_view) {
  for (const bool ask : {false, true}) {
    Group group(watchful(7, 2), false);
    LateLiars liars(group, {4, 5, 6}, [&](unsigned from, unsigned, wire::PeerMessage& message) {
      if (from == 4) return std::optional<std::uint64_t>{300};  // correct, and far
      const bool pong = says_a<wire::Pong>(message);
      return pong ? std::optional<std::uint64_t>{0} : std::optional<std::uint64_t>{};
    });
    wire::ViewChange leaves;
    leaves.view = View{1};
    for (unsigned id = 0; ask && id < 5; ++id)
      for (const unsigned from : {5U, 6U})
        liars.say(from, id, wire::Signed<wire::ViewChange>{leaves, {}});
    SCOPED_TRACE(ask);
    expect_that_nobody_leaves(group, liars);
  }
}

/// The same without asking for views: the faulty give their PREPAREs to three backups, and not to
/// the primary, which therefore waits for the one that is far.
TEST(SlowPrimaryAttack, leaves_a_correct_one_in_office_where_one_is_far_and_f_prepare_for_some) {
  for (const bool some : {false, true}) {
    Group group(watchful(7, 2), false);
    LateLiars liars(group, {4, 5, 6}, [&](unsigned from, unsigned to, wire::PeerMessage& message) {
      if (from == 4) return std::optional<std::uint64_t>{300};  // correct, and far
      if (says_a<wire::Pong>(message)) return std::optional<std::uint64_t>{0};
      const bool says = some && says_a<wire::Prepare>(message) && to >= 1 && to <= 3;
      return says ? std::optional<std::uint64_t>{0} : std::optional<std::uint64_t>{};
    });
    SCOPED_TRACE(some);
    expect_that_nobody_leaves(group, liars);
  }
}

/// n=4, f=1: the link between the primary and r2 is down for 0.35 s, now and then; r3 prepares for
/// r1 only.
TEST(SlowPrimaryAttack,
     leaves_a_correct_one_in_office_whose_link_to_another_backup_is_down_now_and_then) {
  for (const bool some : {false, true}) {
    Group group(watchful(4, 1), false);
    LateLiars liars(group, {3}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
      if (says_a<wire::Pong>(message)) return std::optional<std::uint64_t>{0};
      const bool says = some && says_a<wire::Prepare>(message) && to == 1;
      return says ? std::optional<std::uint64_t>{0} : std::optional<std::uint64_t>{};
    });
    for (std::uint64_t t = 0; t < 10'000; ++t) {
      if (t % 1000 == 500) group.cut(0, 2);
      if (t % 1000 == 850) group.connect(0, 2);
      if (t % 50 == 0) group.submit_to_all(request_of(1 + t / 50 % 7, 1 + t / 350));
      liars.advance(1);
    }
    for (const unsigned id : {0U, 1U, 2U}) EXPECT_EQ(group.status(id).view, View{0}) << some;
  }
}

/// View 1's primary proposes just what view 0's did, to some: r3 has that batch from then.
TEST(SlowPrimaryAttack, makes_nobody_ask_for_a_batch_that_is_at_hand_already) {
  Group group(watchful(4, 1));
  std::optional<wire::PrePrepare> first;
  group.on_said = [&](unsigned, const wire::PeerMessage& message) {
    if (const auto* m = std::get_if<wire::PrePrepare>(&message); m != nullptr && !first) first = *m;
  };
  for (const unsigned to : {1U, 2U}) group.drop({0, to, "pre-prepare", {}});
  for (unsigned from = 0; from < 4; ++from) group.drop({from, {}, "prepare", {}});
  bool leading = false;
  LateLiars liars(group, {1}, [&](unsigned, unsigned, wire::PeerMessage& message) {
    const bool own = says_a<wire::PrePrepare>(message) || says_a<wire::Prepare>(message) ||
                     says_a<wire::Commit>(message);
    return own && leading ? std::optional<std::uint64_t>{} : std::optional<std::uint64_t>{0};
  });
  group.submit_to_all(request_of(1, 1));
  leading = true;
  for (std::uint64_t t = 0; t < 3'000; ++t) {
    liars.advance(1);
    bool all = true;
    for (const unsigned id : {0U, 2U, 3U})
      all = all && group.status(id).view == View{1} && group.status(id).active;
    if (all) break;
  }
  ASSERT_TRUE(first);
  ASSERT_EQ(group.status(3).view, View{1});
  group.clear_rules();
  wire::PrePrepare again = *first;
  again.view = View{1};
  for (const unsigned to : {0U, 2U}) liars.say(1, to, again);
  const std::size_t before = group.trace.size();
  liars.advance(300);
  std::size_t repeated = 0;
  std::size_t voted = 0;
  for (std::size_t i = before; i < group.trace.size(); ++i) {
    const std::string& line = group.trace[i];
    if (line.find("r3 > batch-body n1") != std::string::npos) ++repeated;
    if (line.find("r3 > pre-prepare n1 from r1 -> prepare") != std::string::npos) ++voted;
  }
  EXPECT_EQ(repeated, 0U);
  EXPECT_EQ(voted, 1U);
}

/// `dissemination: all`: r3 hears f+1 others' votes, then another batch by its digests.
TEST(SlowPrimaryAttack, by_digests_of_another_batch_after_f_and_1_others_voted_is_refused) {
  auto config = watchful(4, 1);
  config.bodies_apart = true;
  Group group(config);
  LateLiars liars(group, {0}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
    auto* proposal = std::get_if<wire::PrePrepareDigests>(&message);
    if (proposal != nullptr && to == 3) {
      proposal->requests.items.push_back(digest_of("nothing"));
      return std::optional<std::uint64_t>{15};  // r1's and r2's votes are there first
    }
    if (to == 3) return std::optional<std::uint64_t>{0};
    // Its own vote is 30 ms late: less than a retransmission interval.
    const bool vote = says_a<wire::Prepare>(message);
    return vote ? std::optional<std::uint64_t>{30} : std::optional<std::uint64_t>{0};
  });
  group.submit_to_all(request_of(1, 1));
  liars.advance(300);
  EXPECT_EQ(group.status(1).executed, Seq{1});
  EXPECT_EQ(group.status(3).view, View{0});
}

/// n=4, f=1, no lie: every request has a number at once, and all vote; but one number below them
/// all has no proposal until patience is nearly at its end.
TEST(SlowPrimaryAttack, fails_that_proposes_at_once_above_a_gap_that_it_fills_late) {
  std::uint64_t seq = 0;
  std::uint64_t gap = 0;
  std::uint64_t gap_ms = 0;
  expect_that_it_is_found_out([&](Group&, Sly& primary, Line& line, std::uint64_t t) {
    for (; !line.empty(); line.pop_front()) {
      if (gap == 0) {
        gap = ++seq;
        gap_ms = t;
      }
      primary.propose(++seq, {line.front().request});
    }
    if (gap == 0 || t < gap_ms + late_ms) return;
    primary.propose(std::exchange(gap, 0), {});
  });
}

/// `requests: mac`. Each number holds a request that a friend proves 400 ms late. Before what the
/// others would need has passed, the primary votes for it, which proves nothing.
TEST(SlowPrimaryAttack, fails_that_votes_while_its_friend_lets_each_number_hang) {
  constexpr std::uint64_t within_ms = 150;
  std::uint64_t seq = 0;
  std::map<std::uint64_t, wire::ClientRequest> proofs;
  std::multimap<std::uint64_t, wire::PeerMessage> votes;
  const auto act = [&](Group& group, Sly& primary, Line& line, std::uint64_t t) {
    if (!line.empty()) {
      std::vector<wire::ClientRequest> all;
      for (; !line.empty(); line.pop_front()) all.push_back(line.front().request);
      all.push_back(tagged_request_of(99, ++seq));
      proofs.emplace(t + late_ms, all.back());
      const Digest digest = primary.propose(seq, all);
      votes.emplace(t + within_ms, wire::Prepare{View{0}, Seq{seq}, digest});
      votes.emplace(t + 2 * within_ms, wire::Commit{View{0}, Seq{seq}, digest});
    }
    for (; !votes.empty() && votes.begin()->first <= t; votes.erase(votes.begin()))
      primary.say(votes.begin()->second);
    if (proofs.contains(t)) group.submit(1, proofs.at(t));
  };
  expect_that_it_is_found_out(act, watchful_of_tags(4, 1));
}

/// n=4, f=1, `requests: mac`. Only r2 gets proposals in time, r3 gets them late, r1 not at all, and
/// r0's votes for another batch. r2 does not wait for those requests any more: but r1 and r3 need
/// its word that they are authentic, or nobody counts the time in which they wait.
TEST(SlowPrimaryAttack, fails_that_proposes_what_bears_no_signature_to_one_and_late_to_the_others) {
  constexpr std::uint64_t late_ms = 400;
  auto config = watchful_of_tags(4, 1);
  config.slow_after_us = 40 * ms;  // r2 has it before anybody asks
  Group group(config, false);
  LateLiars liars(group, {0}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
    const bool proposal = says_a<wire::PrePrepare>(message);
    if (to == 2) return std::optional<std::uint64_t>{0};
    if (to == 1 && proposal) return std::optional<std::uint64_t>{};
    if (auto* vote = std::get_if<wire::Prepare>(&message); vote != nullptr && to == 1)
      vote->digest = digest_of("another batch");
    const bool late = proposal || says_a<wire::Prepare>(message) || says_a<wire::Commit>(message);
    return std::optional<std::uint64_t>{late && to == 3 ? late_ms : 0};
  });
  std::uint64_t number = 0;
  std::uint64_t waited_ms = 0;
  while (waited_ms < 20'000 && group.status(1).view == View{0}) {
    const auto request = tagged_request_of(1, ++number);
    for (unsigned id = 0; id < 4; ++id) group.submit(id, request);
    for (int i = 0; i < 2'000 && answered_by(group, number) < 2; ++i, ++waited_ms) liars.advance(1);
  }
  EXPECT_LE(waited_ms, 8'000U);
  EXPECT_GE(group.status(1).view, View{1});
}

/// n=4, f=1. r3 is told nothing but votes, in time: it learns that the number is committed before
/// it asks for the batch. r1 and r2 lack the primary's COMMIT, which comes as late as it likes, or
/// r3's.
TEST(SlowPrimaryAttack, gains_nothing_by_telling_one_of_each_number_only_that_it_is_committed) {
  for (const std::uint64_t late_ms : {400U, 480U}) {
    Group group(watchful(4, 1), false);
    std::set<std::pair<unsigned, Seq>> told;
    LateLiars liars(group, {0}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
      if (says_a<wire::PrePrepare>(message) && to == 3) return std::optional<std::uint64_t>{};
      if (to == 3) return std::optional<std::uint64_t>{0};
      if (says_a<wire::Committed>(message)) return std::optional<std::uint64_t>{};
      const auto* commit = std::get_if<wire::Commit>(&message);
      if (commit == nullptr) return std::optional<std::uint64_t>{0};
      if (!told.emplace(to, commit->seq).second) return std::optional<std::uint64_t>{};
      return std::optional<std::uint64_t>{late_ms};
    });
    EXPECT_LE(mean_wait_ms(group, liars), 100U) << late_ms;
    EXPECT_GE(group.host(3).executed(), Seq{20}) << late_ms;
  }
}

/// r3 gets the NEW-VIEW before anybody's VIEW-CHANGE, while the primary of view 0 lets it wait.
TEST(SlowPrimaryAttack, leaves_nothing_behind_that_is_held_against_the_next_one) {
  Group group(watchful(4, 1), false);
  std::set<std::pair<unsigned, Seq>> told;
  LateLiars liars(group, {0}, [&](unsigned, unsigned to, wire::PeerMessage& message) {
    const auto* proposal = std::get_if<wire::PrePrepare>(&message);
    if (proposal == nullptr || proposal->view != View{0}) return std::optional<std::uint64_t>{0};
    const bool first = proposal->seq < Seq{3} && told.emplace(to, proposal->seq).second;
    return first ? std::optional<std::uint64_t>{430} : std::nullopt;
  });
  for (unsigned from = 1; from < 3; ++from) group.drop({from, 3, "view-change", {}});
  for (std::uint64_t number = 1; number <= 2; ++number) {
    group.submit_to_all(request_of(1, number));
    liars.advance(540);
    EXPECT_EQ(group.host(3).executed(), Seq{number});
  }
  for (const unsigned id : {1U, 2U, 3U}) ASSERT_EQ(group.status(id).view, View{0}) << id;
  group.submit_to_all(request_of(1, 3));
  liars.advance(300);
  const wire::Membership membership{
      group.config().cluster, group.config().number, group.config().group.quorum(), {}};
  const auto asks =
      wire::sign(membership, ReplicaId{0}, signer_of(0), wire::ViewChange{View{1}, {}, {}, {}});
  for (const unsigned id : {1U, 2U}) group.forge(0, id, asks);
  liars.advance(1'000);
  for (const unsigned id : {1U, 2U, 3U}) EXPECT_EQ(group.status(id).view, View{1}) << id;
  EXPECT_GE(group.host(3).executed(), Seq{3});
}

}  // namespace
}  // namespace prytany::play
