#include "tests/sim/leave_checker.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/checkers.h"

namespace prytany::sim {

namespace {

/// The first byte of its encoding.
std::size_t index_of_view_changes() {
  return wire::PeerMessage(wire::Signed<wire::ViewChange>{}).index();
}

}  // namespace

void LeaveChecker::gets(ReplicaId to, ReplicaId from, ByteView frame) {
  // Every frame passes here: only VIEW-CHANGEs are decoded, which are few.
  wire::Reader reader(frame);
  reader.take(sizeof(std::uint32_t) + sizeof(std::uint8_t));
  const ConfigNumber configuration{reader.number<std::uint64_t>()};
  static const std::size_t wanted = index_of_view_changes();
  for (unsigned left = reader.number<std::uint16_t>(); left > 0 && !reader.failed(); --left) {
    const ByteView bytes = reader.take(reader.number<std::uint32_t>());
    if (bytes.empty() || bytes.front() != wanted) continue;
    const auto message = wire::decode<wire::PeerMessage>(bytes);
    if (!message) continue;
    const View view = std::get<wire::Signed<wire::ViewChange>>(*message).message.view;
    Asked& known = asked_[to][from];
    if (known.configuration == configuration) {
      known.view = std::max(known.view, view);
    } else if (known.configuration < configuration) {
      known = {configuration, view};
    }
  }
}

void LeaveChecker::after_turn(ReplicaId id, const pbft::ReplicaStatus& status) {
  // What it heard while it had no vote it may have thrown away, in this turn, too.
  if (!std::exchange(voted_[id], status.voting) || !status.voting) asked_.erase(id);
  const auto mine = asked_.find(id);
  if (mine == asked_.end()) return;
  std::vector<View> views;
  for (const auto& [from, asked] : mine->second)
    if (asked.configuration == status.configuration) views.push_back(asked.view);
  if (views.size() < weak_quorum_) return;
  std::ranges::sort(views, std::greater{});
  const View reached = views[weak_quorum_ - 1];
  if (reached == status.view) ++judged_;
  if (reached <= status.view) return;
  violations_.add("leaving", replica_name(id) + " stays in view " +
                                 std::to_string(status.view.value) + ", although " +
                                 std::to_string(weak_quorum_) + " others ask for " +
                                 std::to_string(reached.value) + " or later ones");
  asked_.erase(mine);
}

}  // namespace prytany::sim
