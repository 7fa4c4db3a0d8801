// What tests of slow primaries share: who watches, a primary whose words are said for it, and a
// line of clients.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "tests/play/group.h"

namespace prytany::play {

inline pbft::Config watchful(unsigned n, unsigned f) {
  auto config = small_config(n, f, 64, 128);
  config.slow_after_us = 8 * ms;
  return config;
}

inline pbft::Config watchful_of_tags(unsigned n, unsigned f) {
  auto config = watchful(n, f);
  config.mac_requests = true;
  return config;
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
  /// Gives back what is to be voted for.
  Digest propose(std::uint64_t seq, std::vector<wire::ClientRequest> requests,
                 std::uint64_t ahead_us = 0) {
    wire::Batch batch;
    for (wire::ClientRequest& each : requests) batch.requests.items.push_back(std::move(each));
    const auto time = group_.clock(0).local(group_.now()) + static_cast<std::int64_t>(ahead_us);
    const wire::Agreed agreed{AgreedTime{time}, {}};
    say(wire::PrePrepare{View{0}, Seq{seq}, batch, agreed});
    return wire::batch_digest(batch, agreed);
  }
  void say(const wire::PeerMessage& message) {
    speaking_ = true;
    for (unsigned id = 1; id < 4; ++id) group_.forge(0, id, message);
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

inline constexpr std::uint64_t late_ms = 400;  // below the patience of half a second

}  // namespace prytany::play
