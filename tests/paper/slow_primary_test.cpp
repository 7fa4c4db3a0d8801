// Robustness beyond the papers' timers (docs/decisions/0025): a primary that serves everybody, but
// late, is replaced; one that is as fast as the others would be is not, whatever its clients do.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "tests/paper/slow_primaries.h"

namespace prytany::play {
namespace {

/// A primary that does everything right, `late_ms` too late.
class Late {
 public:
  Late(Group& group, std::uint64_t late_ms) : group_(group), late_us_(late_ms * ms) {
    group.set_faulty(0);
    group.mangle = [this](unsigned, unsigned to,
                          wire::PeerMessage message) -> std::optional<wire::PeerMessage> {
      if (releasing_ || !std::holds_alternative<wire::PrePrepare>(message)) return message;
      kept_.push_back({group_.now() + late_us_, to, std::move(message)});
      return std::nullopt;
    };
  }
  void advance(std::uint64_t milliseconds) {
    for (std::uint64_t t = 0; t < milliseconds; t += 5) {
      releasing_ = true;
      for (; !kept_.empty() && kept_.front().due <= group_.now(); kept_.pop_front())
        group_.forge(0, kept_.front().to, std::move(kept_.front().message));
      releasing_ = false;
      group_.advance(5);
    }
  }

 private:
  struct Kept {
    Time due;
    unsigned to;
    wire::PeerMessage message;
  };
  Group& group_;
  std::uint64_t late_us_;
  std::deque<Kept> kept_;
  bool releasing_ = false;
};

/// Eight clients ask, twenty times a second in all, until another leads.
void expect_that_it_is_replaced(
    const pbft::Config& config, std::uint64_t late_ms,
    const std::function<wire::ClientRequest(std::uint64_t, std::uint64_t)>& ask) {
  Group group(config, false);
  Late primary(group, late_ms);
  std::uint64_t number = 0;
  std::uint64_t waited_ms = 0;
  for (; waited_ms < 20'000 && group.status(1).view == View{0}; waited_ms += 50) {
    group.submit_to_all(ask(1 + number % 8, 1 + number / 8));
    ++number;
    primary.advance(50);
  }
  EXPECT_LE(waited_ms, 10'000U) << config.group.n << ", " << late_ms;
  EXPECT_GE(group.status(1).view, View{1}) << config.group.n << ", " << late_ms;
  EXPECT_EQ(group.converge(), "");
}

TEST(SlowPrimary, that_serves_everybody_just_before_patience_ends_is_replaced_in_seconds) {
  for (const pbft::Group shape : {pbft::Group{4, 1}, {7, 2}})
    for (const std::uint64_t late_ms : {450U, 300U, 250U})
      expect_that_it_is_replaced(
          watchful(shape.n, shape.f), late_ms,
          [](std::uint64_t session, std::uint64_t number) { return request_of(session, number); });
}

TEST(SlowPrimary, is_found_also_by_single_requests_of_one_client) {
  Group group(watchful(4, 1), false);
  Late primary(group, 400);
  std::uint64_t waited_ms = 0;
  for (std::uint64_t number = 1; waited_ms < 20'000 && group.status(1).view == View{0}; ++number) {
    const auto request = request_of(1, number);
    group.submit_to_all(request);
    for (int i = 0; i < 100 && !group.executed(request); ++i, waited_ms += 10) primary.advance(10);
  }
  EXPECT_LE(waited_ms, 5'000U);
  EXPECT_EQ(group.status(1).view, View{1});
}

/// Twelve seconds of what `load` submits at each step of ten milliseconds.
template <class Load>
void expect_no_view_change(const pbft::Config& config, Load load) {
  Group group(config, false);
  for (std::uint64_t t = 0; t < 1'200; ++t) {
    load(group, t);
    group.advance(10);
  }
  for (unsigned id = 0; id < group.size(); ++id) EXPECT_EQ(group.status(id).view, View{0}) << id;
  EXPECT_EQ(group.converge(), "");
}

TEST(SlowPrimary, is_none_that_proposes_as_soon_as_it_can) {
  for (const std::size_t batch : {1U, 4U, 256U})
    for (const std::uint64_t in_flight : {1U, 4U}) {
      auto config = watchful(4, 1);
      config.slow_after_us = 1 * ms;  // everything is tried
      config.batch_requests_max = batch;
      config.in_flight_max = in_flight;
      expect_no_view_change(config, [&](Group& group, std::uint64_t t) {
        // Twenty sessions at once, now and then, with several requests each.
        if (t % 200 != 0) return;
        for (std::uint64_t session = 1; session <= 20; ++session)
          for (std::uint64_t i = 1; i <= 1 + t / 200 % 3; ++i)
            group.submit_to_all(request_of(session, t + i));
      });
    }
}

TEST(SlowPrimary, is_found_though_it_proposes_old_requests_of_everybody_before) {
  std::uint64_t seq = 0;
  expect_that_it_is_found_out([&](Group& group, Sly& primary, Line& line, std::uint64_t t) {
    if (t % 50 == 40 && group.executed(request_of(8, 1))) {
      std::vector<wire::ClientRequest> old;
      for (std::uint64_t session = 1; session <= 8; ++session)
        old.push_back(request_of(session, 1));
      primary.propose(++seq, old);
    }
    while (!line.empty() && (line.front().since_ms + late_ms <= t || line.front().number == 1)) {
      primary.propose(++seq, {line.front().request});
      line.pop_front();
    }
  });
}

TEST(SlowPrimary, is_found_though_only_its_clock_makes_others_wait) {
  std::uint64_t seq = 0;
  expect_that_it_is_found_out([&](Group&, Sly& primary, Line& line, std::uint64_t) {
    constexpr std::uint64_t allowed_ms = 100;
    for (; !line.empty(); line.pop_front())
      primary.propose(++seq, {line.front().request}, (allowed_ms + late_ms) * ms);
  });
}

TEST(SlowPrimary, is_found_though_it_leaves_a_gap_below_numbers_that_it_uses_up) {
  std::uint64_t seq = 0;
  std::uint64_t next_ms = 10;
  expect_that_it_is_found_out([&](Group&, Sly& primary, Line& line, std::uint64_t t) {
    if (t < next_ms) return;
    std::vector<wire::ClientRequest> all;
    for (; !line.empty(); line.pop_front()) all.push_back(line.front().request);
    primary.propose(seq + 1, all);
    // The fourth is there since the last time.
    for (const std::uint64_t on : {2U, 3U}) primary.propose(seq + on, {});
    if (seq == 0) primary.propose(4, {});
    seq += 4;
    primary.propose(seq + 4, {});
    next_ms = t + late_ms;
  });
}

TEST(SlowPrimary, is_found_though_it_fills_its_batches_for_one_whom_it_favours) {
  auto config = watchful(4, 1);
  config.batch_requests_max = 4;
  std::uint64_t seq = 0;
  std::uint64_t favoured = 0;
  const auto act = [&](Group& group, Sly& primary, Line& line, std::uint64_t t) {
    // One batch every five milliseconds, which takes thirty: no number is ever free.
    std::vector<wire::ClientRequest> batch;
    if (!line.empty() && line.front().since_ms + late_ms <= t) {
      batch.push_back(line.front().request);
      line.pop_front();
    }
    while (batch.size() < config.batch_requests_max) {
      batch.push_back(request_of(99, ++favoured));
      group.submit_to_all(batch.back());
    }
    primary.propose(++seq, batch);
  };
  expect_that_it_is_found_out(act, config);
}

TEST(SlowPrimary, is_none_that_serves_in_turn_a_session_that_fills_its_batches) {
  for (const std::size_t batch : {1U, 2U}) {
    auto config = watchful(4, 1);
    config.batch_requests_max = batch;
    config.in_flight_max = 1;
    config.slow_after_us = 1 * ms;
    config.forward_us = 400 * ms;
    expect_no_view_change(config, [](Group& group, std::uint64_t t) {
      group.submit_to_all(request_of(99, 1 + t));
      // The primary has theirs from the trials alone.
      if (t % 7 == 0)
        for (unsigned id = 1; id < 4; ++id) group.submit(id, request_of(1 + t % 3, 1 + t / 7));
    });
  }
}

TEST(SlowPrimary, is_found_though_it_hangs_up_before_each_proposal) {
  std::uint64_t seq = 0;
  expect_that_it_is_found_out([&](Group& group, Sly& primary, Line& line, std::uint64_t t) {
    if (!line.empty() && line.front().since_ms + late_ms <= t + 5)
      for (unsigned id = 1; id < 4; ++id) group.connect(0, id);
    for (; !line.empty() && line.front().since_ms + late_ms <= t; line.pop_front())
      primary.propose(++seq, {line.front().request});
  });
}

TEST(SlowPrimary, is_none_that_serves_a_session_in_order_whose_last_request_came_first) {
  auto config = watchful(4, 1);
  config.batch_requests_max = 1;
  config.in_flight_max = 1;
  expect_no_view_change(config, [](Group& group, std::uint64_t t) {
    if (t % 400 != 0) return;
    for (std::uint64_t number = t + 64; number > t; --number)
      for (std::uint64_t session = 1; session <= 3; ++session)
        group.submit_to_all(request_of(session, number));
  });
}

TEST(SlowPrimary, is_none_that_never_gets_what_a_client_sends_to_its_backups) {
  auto config = watchful(4, 1);
  config.forward_us = 400 * ms;  // it has them from the trials alone, in time
  expect_no_view_change(config, [](Group& group, std::uint64_t t) {
    for (unsigned id = 1; id < 4; ++id) group.submit(id, request_of(1 + t % 7, 1 + t / 7));
  });
}

TEST(SlowPrimary, is_none_that_is_told_of_what_will_never_be_executed) {
  expect_no_view_change(watchful(4, 1), [](Group& group, std::uint64_t t) {
    // Its number is used: by another request that the primary had first.
    if (t % 20 != 0) return;
    group.submit_to_all(request_of(1, 1 + t));
    for (unsigned id = 1; id < 4; ++id) group.submit(id, request_of(2, 1 + t, "other"));
  });
}

// ---- proposals that some do not get, and votes that come late
// ------------------------------------

/// Everything that it says of a number, but what goes to `quick`, is late by `late_ms`, or never
/// sent.
class Halting {
 public:
  using Act = std::function<std::optional<std::uint64_t>(unsigned to, wire::PeerMessage& message)>;
  /// `act` tells by how many milliseconds a PRE-PREPARE or vote is late; nothing: it is not sent.
  Halting(Group& group, Act act) : group_(group) {
    group.set_faulty(0);
    group.mangle = [this, act = std::move(act)](
                       unsigned, unsigned to,
                       wire::PeerMessage message) -> std::optional<wire::PeerMessage> {
      const bool own = std::holds_alternative<wire::PrePrepare>(message) ||
                       std::holds_alternative<wire::Prepare>(message) ||
                       std::holds_alternative<wire::Commit>(message);
      if (!own || releasing_) return message;
      const auto late_ms = act(to, message);
      if (late_ms == 0U) return message;
      if (late_ms) kept_.emplace(group_.now() + *late_ms * ms, std::pair{to, std::move(message)});
      return std::nullopt;
    };
  }
  void advance(std::uint64_t milliseconds) {
    for (std::uint64_t t = 0; t < milliseconds; ++t) {
      releasing_ = true;
      for (; !kept_.empty() && kept_.begin()->first <= group_.now(); kept_.erase(kept_.begin()))
        group_.forge(0, kept_.begin()->second.first, std::move(kept_.begin()->second.second));
      releasing_ = false;
      group_.advance(1);
    }
  }

 private:
  Group& group_;
  std::multimap<Time, std::pair<unsigned, wire::PeerMessage>> kept_;
  bool releasing_ = false;
};

bool is_proposal(const wire::PeerMessage& message) {
  return std::holds_alternative<wire::PrePrepare>(message);
}

/// The longest that a request waits, of 100 in two seconds.
std::uint64_t longest_wait_ms(Group& group, Halting& primary) {
  std::uint64_t longest = 0;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    const auto request = request_of(1 + number % 8, 1 + number / 8);
    group.submit_to_all(request);
    std::uint64_t waited = 0;
    for (; waited < 5'000 && !group.executed(request); ++waited) primary.advance(1);
    longest = std::max(longest, waited);
  }
  return longest;
}

TEST(SlowPrimary, gains_nothing_by_keeping_its_proposals_from_f_backups_and_its_votes_from_all) {
  for (const pbft::Group shape : {pbft::Group{4, 1}, {7, 2}}) {
    Group group(watchful(shape.n, shape.f), false);
    Halting primary(group, [&](unsigned to, wire::PeerMessage& message) {
      const bool prompt = is_proposal(message) && to < shape.n - shape.f;
      return prompt ? std::optional<std::uint64_t>{0} : std::nullopt;
    });
    // Its proposal and their votes reach who lacks it; a wait, the batch, its vote, and theirs.
    EXPECT_LE(longest_wait_ms(group, primary), 6U * 10U + 8U) << shape.n;
    EXPECT_EQ(group.status(1).view, View{0}) << shape.n;
    EXPECT_EQ(group.converge(), "");
  }
}

/// To r3 it says something else of n2.
std::optional<std::uint64_t> lie_to_one(unsigned to, wire::PeerMessage& message) {
  auto* proposal = std::get_if<wire::PrePrepare>(&message);
  if (proposal != nullptr && to == 3 && proposal->seq == Seq{2}) proposal->agreed.time.value += 1;
  return 0U;
}

TEST(SlowPrimary, is_left_by_whom_it_lies_to_if_the_number_hangs_for_that) {
  for (const bool votes : {true, false}) {
    Group group(watchful(4, 1), false);
    Halting primary(group, [&](unsigned to, wire::PeerMessage& message) {
      const bool says = is_proposal(message) || votes;
      return says ? lie_to_one(to, message) : std::nullopt;
    });
    for (std::uint64_t number = 1; number <= 3; ++number) {
      group.submit_to_all(request_of(1, number));
      primary.advance(100);
    }
    // Outvoted, its lie does no harm: who was told it serves on.
    EXPECT_EQ(group.status(3).view, votes ? View{0} : View{1});
    EXPECT_EQ(group.status(1).view, View{0});
    EXPECT_EQ(group.executed(request_of(1, 3)), votes);
    EXPECT_TRUE(group.status(3).blamed.contains(ReplicaId{0}));
    EXPECT_EQ(group.converge(), "");
  }
}

TEST(SlowPrimary, is_found_though_it_lies_to_one_and_hides_its_slowness_in_its_votes) {
  for (const std::uint64_t late_ms : {450U, 300U, 250U}) {
    Group group(watchful(4, 1), false);
    bool lied = false;
    Halting primary(group, [&](unsigned to, wire::PeerMessage& message) {
      auto* proposal = std::get_if<wire::PrePrepare>(&message);
      if (proposal == nullptr) return std::optional<std::uint64_t>{late_ms};
      if (to == 3 && !std::exchange(lied, true)) proposal->agreed.time.value += 1;
      return std::optional<std::uint64_t>{0};
    });
    std::uint64_t waited_ms = 0;
    for (std::uint64_t number = 1; waited_ms < 20'000 && group.status(1).view == View{0};
         ++number, waited_ms += 50) {
      group.submit_to_all(request_of(1 + number % 8, 1 + number / 8));
      primary.advance(50);
    }
    EXPECT_LE(waited_ms, 5'000U) << late_ms;
    EXPECT_EQ(group.converge(), "") << late_ms;
  }
}

TEST(SlowPrimary, is_none_whose_backup_leaves_alone_and_asks_for_views) {
  expect_no_view_change(watchful(4, 1), [](Group& group, std::uint64_t t) {
    wire::ViewChange leaves;
    leaves.view = View{1};
    for (unsigned id = 0; id < 3 && t == 0; ++id)
      group.forge(3, id, wire::Signed<wire::ViewChange>{leaves, {}});
    // Its answers are as fast as can be, and its votes never come.
    group.mangle = [](unsigned, unsigned, wire::PeerMessage message) {
      return std::holds_alternative<wire::Pong>(message) ? std::optional{std::move(message)}
                                                         : std::nullopt;
    };
    if (t % 3 == 0) group.submit_to_all(request_of(1 + t % 7, 1 + t / 7));
  });
}

// ---- requests without signatures ------------------------------------------------------------

TEST(SlowPrimary, is_found_by_requests_without_signatures) {
  for (const pbft::Group shape : {pbft::Group{4, 1}, {6, 1}, {7, 2}})
    for (const std::uint64_t late_ms : {450U, 300U, 250U})
      expect_that_it_is_replaced(watchful_of_tags(shape.n, shape.f), late_ms, tagged_request_of);
}

TEST(SlowPrimary, is_found_though_a_client_lets_each_number_hang_by_a_request_proven_late) {
  std::uint64_t seq = 0;
  std::map<std::uint64_t, wire::ClientRequest> late;
  const auto act = [&](Group& group, Sly& primary, Line& line, std::uint64_t t) {
    if (!line.empty()) {
      std::vector<wire::ClientRequest> all;
      for (; !line.empty(); line.pop_front()) all.push_back(line.front().request);
      late.emplace(t + late_ms, tagged_request_of(99, ++seq));
      all.push_back(late.at(t + late_ms));
      primary.propose(seq, all);
    }
    if (late.contains(t)) group.submit(1, late.at(t));
  };
  expect_that_it_is_found_out(act, watchful_of_tags(4, 1));
}

TEST(SlowPrimary, is_tried_with_a_tag_before_others_word_comes_by_itself) {
  Group group(watchful_of_tags(4, 1), false);
  unsigned pings = 0;
  group.on_said = [&](unsigned, const wire::PeerMessage& message) {
    pings += std::holds_alternative<wire::Ping>(message) ? 1 : 0;
  };
  Late primary(group, 400);
  group.submit_to_all(tagged_request_of(1, 1));
  primary.advance(40);
  EXPECT_GE(pings, 3U);
  primary.advance(1'000);
  EXPECT_EQ(group.executed_requests(), 1U);
}

TEST(SlowPrimary, is_found_though_another_says_no_word) {
  Group group(watchful_of_tags(7, 2), false);
  Late primary(group, 400);
  group.drop({6, {}, "verified", {}});
  std::uint64_t waited_ms = 0;
  for (std::uint64_t number = 1; waited_ms < 20'000 && group.status(1).view == View{0}; ++number) {
    group.submit_to_all(tagged_request_of(1 + number % 8, 1 + number / 8));
    primary.advance(50);
    waited_ms += 50;
  }
  EXPECT_LE(waited_ms, 10'000U);
}

TEST(SlowPrimary, is_none_that_clients_give_wrong_tags) {
  // Right at f+1 correct backups: the others believe those, and then the primary may propose. f
  // faulty ones give their word to the one backup that is to lose patience.
  for (const pbft::Group shape : {pbft::Group{4, 1}, {7, 2}}) {
    auto config = watchful_of_tags(shape.n, shape.f);
    config.slow_after_us = 1 * ms;  // everything is tried
    config.in_flight_max = 1;
    Group group(config, false);
    for (unsigned id = shape.n - shape.f; id < shape.n; ++id) group.set_faulty(id);
    group.mangle = [](unsigned, unsigned,
                      wire::PeerMessage message) -> std::optional<wire::PeerMessage> {
      if (std::holds_alternative<wire::Verified>(message)) return std::nullopt;
      return message;
    };
    for (std::uint64_t t = 0; t < 1'000; ++t) {
      const auto request = tagged_request_of(1 + t % 7, 1 + t / 7);
      for (unsigned id = 1; id <= shape.f + 1; ++id) group.submit(id, request);
      for (unsigned id = shape.n - shape.f; id < shape.n; ++id)
        group.forge(id, 1, wire::Verified{{{wire::request_digest(request.body)}}});
      group.advance(10);
    }
    for (unsigned id = 0; id < group.size(); ++id) EXPECT_EQ(group.status(id).view, View{0}) << id;
    EXPECT_GT(group.executed_requests(), 500U);
  }
}

TEST(SlowPrimary, is_none_that_proposes_tagged_requests_as_soon_as_it_can) {
  for (const std::size_t batch : {1U, 256U})
    for (const std::uint64_t in_flight : {1U, 4U}) {
      auto config = watchful_of_tags(4, 1);
      config.slow_after_us = 1 * ms;
      config.batch_requests_max = batch;
      config.in_flight_max = in_flight;
      expect_no_view_change(config, [&](Group& group, std::uint64_t t) {
        if (t % 200 != 0) return;
        for (std::uint64_t session = 1; session <= 20; ++session)
          for (std::uint64_t i = 1; i <= 1 + t / 200 % 3; ++i)
            group.submit_to_all(tagged_request_of(session, t + i));
      });
    }
}

TEST(SlowPrimary, words_that_nobody_waits_for_make_nobody_speak) {
  // What a correct replica says of a waiting request when others ask for it is bounded per peer.
  auto config = watchful_of_tags(4, 1);
  config.slow_after_us = 60'000 * ms;
  Group group(config, false);
  unsigned words = 0;
  group.on_said = [&](unsigned from, const wire::PeerMessage& message) {
    words += from == 2 && std::holds_alternative<wire::Verified>(message) ? 1 : 0;
  };
  for (std::uint64_t number = 1; number <= 60; ++number) {
    group.submit(2, tagged_request_of(1, number));
    group.forge(3, 2, wire::Verified{{{wire::request_digest(tagged_request_of(1, number).body)}}});
    group.advance(1);
  }
  EXPECT_LE(words, 60U + 2U * 8U + 10U);
}

TEST(SlowPrimary, a_flood_of_pings_is_answered_now_and_then) {
  Group group(watchful(4, 1), false);
  unsigned pongs = 0;
  group.on_said = [&](unsigned from, const wire::PeerMessage& message) {
    pongs += from == 2 && std::holds_alternative<wire::Pong>(message) ? 1 : 0;
  };
  for (std::uint64_t t = 0; t < 1'000; ++t) {
    for (std::uint64_t i = 0; i < 10; ++i) group.forge(3, 2, wire::Ping{t * 10 + i});
    group.advance(1);
  }
  EXPECT_GE(pongs, 20U);
  EXPECT_LE(pongs, 8U * 25U);
}

}  // namespace
}  // namespace prytany::play
