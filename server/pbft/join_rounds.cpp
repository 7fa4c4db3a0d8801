#include "server/pbft/join_rounds.h"

#include <algorithm>

namespace prytany::pbft {

std::uint64_t JoinRounds::next(const Origin& origin) const {
  const auto turn = turns_.find(origin);
  if (turn == turns_.end() || turn->second.round <= begun_) return begun_ + 1;
  const bool has_room = turn->second.places < (origin.peer ? of_peer_max : 1);
  return turn->second.round + (has_room ? 0 : 1);
}

void JoinRounds::enter(const Digest& join, const Origin& origin) {
  const std::uint64_t round = next(origin);
  if (turns_.size() >= origins_max && !turns_.contains(origin)) turns_.clear();
  Turn& turn = turns_[origin];
  if (turn.round != round) turn = {round, 0};
  ++turn.places;
  rounds_[join] = round;
}

void JoinRounds::took_first(std::uint64_t round, std::optional<Digest> next) {
  const std::uint64_t before = begun_;
  begun_ = std::max(begun_, round);
  // Rounds in which nobody waits any more are over.
  if (next) begun_ = std::max(begun_, of(*next) - 1);
  if (begun_ != before)
    std::erase_if(turns_, [&](const auto& each) { return each.second.round <= begun_; });
}

void JoinRounds::clear() {
  rounds_.clear();
  turns_.clear();
}

}  // namespace prytany::pbft
