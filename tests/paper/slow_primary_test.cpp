// Robustness beyond the papers' timers (docs/decisions/0025): a primary that serves everybody, but
// late, is replaced; one that is as fast as the others would be is not, whatever its clients do.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "tests/play/group.h"

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

pbft::Config watchful(unsigned n, unsigned f) {
  auto config = small_config(n, f, 64, 128);
  config.slow_after_us = 8 * ms;
  return config;
}

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

/// A primary that does not propose by itself: what it says is said for it.
class Sly {
 public:
  explicit Sly(Group& group) : group_(group) {
    group.set_faulty(0);
    group.mangle = [this](unsigned, unsigned,
                          wire::PeerMessage message) -> std::optional<wire::PeerMessage> {
      const bool own = std::holds_alternative<wire::PrePrepare>(message) ||
                       std::holds_alternative<wire::Prepare>(message) ||
                       std::holds_alternative<wire::Commit>(message) ||
                       std::holds_alternative<wire::Signed<wire::ViewChange>>(message);
      if (own && !speaking_) return std::nullopt;
      return message;
    };
  }
  void propose(std::uint64_t seq, std::vector<wire::ClientRequest> requests,
               std::uint64_t ahead_us = 0) {
    wire::Batch batch;
    for (wire::ClientRequest& each : requests) batch.requests.items.push_back(std::move(each));
    const auto time = group_.clock(0).local(group_.now()) + static_cast<std::int64_t>(ahead_us);
    speaking_ = true;
    for (unsigned id = 1; id < 4; ++id)
      group_.forge(0, id, wire::PrePrepare{View{0}, Seq{seq}, batch, {AgreedTime{time}, {}}});
    speaking_ = false;
  }

 private:
  Group& group_;
  bool speaking_ = false;
};

/// What waits at a primary: eight clients, twenty requests a second in all.
struct Waiting {
  wire::ClientRequest request;
  std::uint64_t number = 0;
  std::uint64_t since_ms = 0;
};
using Line = std::deque<Waiting>;

/// `act` is asked every five milliseconds what a sly primary does.
template <class Act>
void expect_that_it_is_found_out(Act act, const pbft::Config& config = watchful(4, 1)) {
  Group group(config, false);
  Sly primary(group);
  Line line;
  std::uint64_t asked = 0;
  std::uint64_t t = 0;
  for (; t < 20'000 && group.status(1).view == View{0}; t += 5) {
    if (t % 50 == 0) {
      line.push_back({request_of(1 + asked % 8, 1 + asked / 8), 1 + asked / 8, t});
      group.submit_to_all(line.back().request);
      ++asked;
    }
    act(group, primary, line, t);
    group.advance(5);
  }
  EXPECT_LE(t, 15'000U);
  EXPECT_EQ(group.status(1).view, View{1});
}

constexpr std::uint64_t late_ms = 400;  // below the patience of half a second

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

pbft::Config watchful_of_tags(unsigned n, unsigned f) {
  auto config = watchful(n, f);
  config.mac_requests = true;
  return config;
}

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

// ---- attacks of a review ------------------------------------------------------------------------

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
/// COMMIT in time, and stays since "the number was committed". r1 and r2 get no COMMIT of the
/// primary's, but, as late as it likes, its COMMITTED: with r3's that is enough, and nothing is
/// held against it.
TEST(SlowPrimaryAttack,
     lies_to_one_of_every_number_and_tells_the_others_late_that_it_is_committed) {
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
TEST(SlowPrimaryAttack, lies_to_one_of_every_number_and_claims_that_the_others_are_behind) {
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
     is_never_late_itself_and_lies_to_f_of_every_number_while_its_friend_is_late) {
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

/// Trials of numbers are kept by digest, which does not hold the number: one batch proposed for
/// several numbers has one trial, which a vote for any of them ends.
TEST(SlowPrimaryAttack,
     proposes_the_same_batch_for_more_numbers_and_votes_for_the_others_meanwhile) {
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

/// `requests: mac`. While any number waits for a request's proof, no number's votes are tried.
TEST(SlowPrimaryAttack, always_has_a_number_of_a_friendly_client_that_is_proven_in_time) {
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

/// n=7, f=2. All votes are needed when two faulty ones do not vote, and one correct backup is far
/// away: the primary is held to what the others but one need.
TEST(SlowPrimaryAttack, a_correct_one_is_left_where_one_is_far_and_f_ask_for_a_view) {
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
    for (std::uint64_t t = 0; t < 1'200; ++t) {
      if (t % 10 == 0) group.submit_to_all(request_of(1 + t / 10 % 7, 1 + t / 70));
      liars.advance(10);
    }
    for (const unsigned id : {0U, 1U, 2U, 3U}) EXPECT_EQ(group.status(id).view, View{0}) << ask;
    EXPECT_GE(group.executed_requests(), 100U);
  }
}

/// The same without asking for views: the faulty give their PREPAREs to three backups, and not to
/// the primary, which therefore waits for the one that is far.
TEST(SlowPrimaryAttack, a_correct_one_is_left_where_one_is_far_and_f_prepare_for_some) {
  for (const bool some : {false, true}) {
    Group group(watchful(7, 2), false);
    LateLiars liars(group, {4, 5, 6}, [&](unsigned from, unsigned to, wire::PeerMessage& message) {
      if (from == 4) return std::optional<std::uint64_t>{300};  // correct, and far
      if (says_a<wire::Pong>(message)) return std::optional<std::uint64_t>{0};
      const bool says = some && says_a<wire::Prepare>(message) && to >= 1 && to <= 3;
      return says ? std::optional<std::uint64_t>{0} : std::optional<std::uint64_t>{};
    });
    for (std::uint64_t t = 0; t < 1'200; ++t) {
      if (t % 10 == 0) group.submit_to_all(request_of(1 + t / 10 % 7, 1 + t / 70));
      liars.advance(10);
    }
    for (const unsigned id : {0U, 1U, 2U, 3U}) EXPECT_EQ(group.status(id).view, View{0}) << some;
    EXPECT_GE(group.executed_requests(), 100U);
  }
}

/// n=4, f=1: the link between the primary and r2 is down for 0.35 s, now and then; r3 prepares for
/// r1 only.
TEST(SlowPrimaryAttack, a_correct_one_is_left_whose_link_to_another_backup_is_down_now_and_then) {
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

/// View 1's primary proposes just what view 0's did, to some: r3 has that batch from then, asks for
/// it all the same, and throws the answer away.
TEST(SlowPrimaryAttack, others_word_for_a_batch_that_is_at_hand_already) {
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

/// `dissemination: all`: r3 hears f+1 others' votes, then another batch by its digests: that is not
/// refused, but what it leaves for.
TEST(SlowPrimaryAttack, digests_of_another_batch_after_f_and_1_others_voted) {
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
TEST(SlowPrimaryAttack, proposes_at_once_above_a_gap_that_it_fills_late) {
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

}  // namespace
}  // namespace prytany::play
