#include "tests/sim/answers_checker.h"

#include <algorithm>

#include "server/wire/messages.h"
#include "tests/sim/checkers.h"

namespace prytany::sim {

namespace {

/// Of what is more than a few words, and belongs to a checkpoint.
std::uint64_t bytes_of_state(ByteView frame) {
  static const std::size_t wanted = wire::PeerMessage(wire::StatePart{}).index();
  constexpr std::size_t few = 512;
  std::uint64_t bytes = 0;
  wire::Reader reader(frame);
  reader.take(sizeof(std::uint32_t) + sizeof(std::uint8_t) + sizeof(std::uint64_t));
  for (unsigned left = reader.number<std::uint16_t>(); left > 0 && !reader.failed(); --left) {
    const ByteView message = reader.take(reader.number<std::uint32_t>());
    if (message.size() > few && message.front() == wanted) bytes += message.size();
  }
  return bytes;
}

}  // namespace

void AnswersChecker::started(ReplicaId id) {
  std::erase_if(read_, [id](const auto& each) { return each.first.second == id; });
}

void AnswersChecker::frame_left(ReplicaId from, ReplicaId to, Time now, ByteView frame) {
  const std::uint64_t bytes = bytes_of_state(frame);
  if (bytes == 0) return;
  Allowance& read = read_.try_emplace({to, from}, Allowance{now}).first->second;
  const std::uint64_t refilled = (now.value - read.since.value) * state_bytes_per_s / 1'000'000;
  read.bytes -= std::min(read.bytes, refilled);
  read.since = now;
  read.bytes += bytes;
  // What surrounds pages is not counted there; and clocks drift.
  if (read.bytes <= state_burst_bytes + state_burst_bytes / 4) return;
  violations_.add("answers", replica_name(from) + " lets " + replica_name(to) + " read " +
                                 std::to_string(read.bytes) + " bytes of its state at once");
  read.bytes = 0;
}

void AnswersChecker::passed_back(ReplicaId by, node::ConnectionId to,
                                 const wire::PassedBack& words) {
  // Who is asked for it says it once.
  if (std::holds_alternative<wire::ReplyDigest>(words.voice.message)) return;
  Client& client = clients_[{by, to}];
  const std::uint64_t most = 2 * client.texts * (replicas_ - 1);
  if (++client.passed_back == most + 1)
    violations_.add("answers", replica_name(by) + " passes more to a client than " +
                                   std::to_string(most) + " words, which it asked for");
}

}  // namespace prytany::sim
