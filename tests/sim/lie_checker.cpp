#include "tests/sim/lie_checker.h"

#include <algorithm>
#include <array>
#include <string>

#include "tests/sim/checkers.h"

namespace prytany::sim {

namespace {

/// Of its encoding, by the first byte: votes, and what says that something is decided.
bool is_vote(std::uint8_t kind) {
  static const std::array kinds{wire::PeerMessage(wire::Prepare{}).index(),
                                wire::PeerMessage(wire::Signed<wire::Prepare>{}).index(),
                                wire::PeerMessage(wire::Commit{}).index(),
                                wire::PeerMessage(wire::Signed<wire::Commit>{}).index(),
                                wire::PeerMessage(wire::Committed{}).index()};
  return std::ranges::find(kinds, kind) != kinds.end();
}

}  // namespace

void LieChecker::votes(ReplicaId id, const wire::Prepare& vote) {
  Known& known = known_[id];
  if (known.view == vote.view) known.numbers[vote.seq].mine = vote.digest;
}

void LieChecker::gets(ReplicaId to, ReplicaId from, bool from_liar, ByteView frame) {
  Known& known = known_[to];
  if (!known.view) return;
  wire::Reader reader(frame);
  reader.take(sizeof(std::uint32_t) + sizeof(std::uint8_t) + sizeof(std::uint64_t));
  for (unsigned left = reader.number<std::uint16_t>(); left > 0 && !reader.failed(); --left) {
    const ByteView bytes = reader.take(reader.number<std::uint32_t>());
    if (bytes.empty() || !is_vote(bytes.front())) continue;
    if (const auto message = wire::decode<wire::PeerMessage>(bytes))
      hears(known, from, from_liar, *message);
  }
}

void LieChecker::hears(Known& known, ReplicaId from, bool from_liar,
                       const wire::PeerMessage& message) {
  const auto prepare = [&](const wire::Prepare& vote) {
    if (!from_liar && vote.view == known.view && vote.seq <= known.high)
      known.numbers[vote.seq].theirs.insert_or_assign(from, vote.digest);
  };
  const auto decides = [&](Seq seq) { known.numbers[seq].decided = true; };
  if (const auto* plain = std::get_if<wire::Prepare>(&message)) return prepare(*plain);
  if (const auto* vote = std::get_if<wire::Signed<wire::Prepare>>(&message))
    return prepare(vote->message);
  if (const auto* commit = std::get_if<wire::Commit>(&message)) return decides(commit->seq);
  if (const auto* vote = std::get_if<wire::Signed<wire::Commit>>(&message))
    return decides(vote->message.seq);
  if (const auto* claim = std::get_if<wire::Committed>(&message)) return decides(claim->seq);
}

bool LieChecker::shows_a_lie(const Number& number) const {
  if (!number.mine || number.decided) return false;
  return std::ranges::any_of(number.theirs, [&](const auto& one) {
    const auto same = [&](const auto& other) { return other.second == one.second; };
    return one.second != *number.mine &&
           std::ranges::count_if(number.theirs, same) >= static_cast<std::ptrdiff_t>(weak_quorum_);
  });
}

void LieChecker::after_turn(ReplicaId id, const pbft::ReplicaStatus& status, std::uint64_t window) {
  Known& known = known_[id];
  const bool judges = status.active && status.voting && !status.fetching && !status.diverged &&
                      status.primary != id;
  if (!judges || known.view != status.view) {
    if (known.lies.size() == 1 && known.view && *known.view < status.view) ++judged_;
    known = {};
    if (judges) known.view = status.view;
    known.high = status.stable + window;
    return;
  }
  known.high = status.stable + window;
  known.numbers.erase(known.numbers.begin(), known.numbers.upper_bound(status.executed));
  for (const auto& [seq, number] : known.numbers)
    if (shows_a_lie(number)) known.lies.insert(seq);
  if (known.lies.size() < 2) return;
  violations_.add("leaving", replica_name(id) + " stays in view " +
                                 std::to_string(status.view.value) + ", although " +
                                 std::to_string(weak_quorum_) +
                                 " others voted twice for other batches than it was told");
  known = {};
}

}  // namespace prytany::sim
