#include "server/pbft/config.h"

#include "server/pbft/view_change.h"

namespace prytany::pbft {
namespace {

/// The longest VIEW-CHANGE, with its sender and signature, in its canonical encoding.
std::uint64_t view_change_bytes_max(const Config& config) {
  constexpr std::uint64_t entry = 8 + 32 + 8;
  const std::uint64_t entries =
      config.window * (1 + ViewChanges::digests_per_number_max);  // P, and Q
  const std::uint64_t proof = 1 + 8 + 2 * 32 + 4 + config.group.n * (2 + 64U);
  return 2 + 64 + 8 + proof + 4 + 4 + entries * entry;
}

/// A frame that holds the longest NEW-VIEW, and its own few bytes.
std::uint64_t new_view_bytes_max(const Config& config) {
  constexpr std::uint64_t choice = 8 + 1 + 32;
  return 1024 + config.group.n * view_change_bytes_max(config) + config.window * choice;
}

}  // namespace

std::optional<std::string> Config::refuse() const {
  if (group.n == 0) return "a group needs at least one replica";
  // A quorum may then hold fewer than weak_quorum() correct replicas, and what only these can
  // authenticate is not accepted by the others.
  if (mac_requests && !group.always_live())
    return "with fewer than 3f+1 replicas requests must be signed";
  if (group.n > limits::replicas_max)
    return "at most " + std::to_string(limits::replicas_max) + " replicas";
  // Two quorums must share more than f, and one must be reachable at all.
  if (group.quorum() > group.n)
    return std::to_string(group.n) + " replicas cannot tolerate " + std::to_string(group.f) +
           " faults: a quorum would need " + std::to_string(group.quorum());
  if (!group.contains(self))
    return "replica " + std::to_string(self.value) + " is not in the group";
  if (checkpoint_interval == 0) return "the checkpoint interval must be positive";
  if (window < 2 * checkpoint_interval)
    return "the window must hold two checkpoint intervals, or the group waits for every checkpoint";
  if (window > limits::window_max)
    return "the window may hold at most " + std::to_string(limits::window_max) + " numbers";
  if (window / checkpoint_interval > 60) return "at most 60 checkpoints in a window";
  if (new_view_bytes_max(*this) > limits::frame_bytes_max)
    return "a NEW-VIEW of so many replicas with such a window would not fit a frame";
  if (request_timeout_us == 0 || request_timeout_doublings_max > 20)
    return "the request timeout must be positive, and doubled at most 20 times";
  if (in_flight_max == 0) return "at least one number must be in flight";
  if (batch_requests_max == 0 || batch_requests_max > limits::batch_requests_max)
    return "a batch holds 1 to " + std::to_string(limits::batch_requests_max) + " requests";
  if (batch_bytes_max > limits::batch_bytes_max)
    return "a batch holds at most " + std::to_string(limits::batch_bytes_max) + " bytes";
  if (backlog_requests_max == 0 || backlog_per_session_max == 0 || backlog_joins_max == 0)
    return "the backlog must have room for a request";
  if (retransmit_us == 0 || retransmit_max_us < retransmit_us || forward_us == 0)
    return "retransmission needs a positive interval that its maximum is not below";
  return std::nullopt;
}

}  // namespace prytany::pbft
