#include "tests/sim/scaling/traffic.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "tests/sim/checks.h"

namespace prytany::sim {

Traffic::Traffic(unsigned replicas)
    : replicas_(replicas),
      link_bytes_(std::size_t{replicas} * replicas),
      replica_bytes_(replicas) {}

void Traffic::frame(ReplicaId from, ReplicaId to, ByteView frame) {
  const auto messages = messages_of(frame);
  ENSURE(messages.ok());
  for (const wire::PeerMessage& message : *messages) ++messages_[wire::name_of(message)];
  ++frames_;
  link_bytes_[std::size_t{from.value} * replicas_ + to.value] += frame.size();
  replica_bytes_[from.value] += frame.size();
  replica_bytes_[to.value] += frame.size();
}

void Traffic::to_client(ReplicaId from, std::size_t bytes) {
  ++client_texts_;
  client_bytes_ += bytes;
  replica_bytes_[from.value] += bytes;
}

void Traffic::from_client(ReplicaId to, std::size_t bytes) { to_client(to, bytes); }

std::uint64_t Traffic::messages(const std::string& name) const {
  const auto found = messages_.find(name);
  return found == messages_.end() ? 0 : found->second;
}

std::uint64_t Traffic::all_messages() const {
  std::uint64_t all = 0;
  for (const auto& [name, count] : messages_) all += count;
  return all;
}

std::uint64_t Traffic::agreement_messages() const {
  std::uint64_t all = 0;
  for (const char* name : {"pre-prepare", "pre-prepare-digests", "prepare", "signed-prepare",
                           "commit", "signed-commit"})
    all += messages(name);
  return all;
}

std::uint64_t Traffic::bytes_between() const {
  return std::accumulate(link_bytes_.begin(), link_bytes_.end(), std::uint64_t{0});
}

std::uint64_t Traffic::busiest_link_bytes() const { return std::ranges::max(link_bytes_); }

std::uint64_t Traffic::busiest_replica_bytes() const { return std::ranges::max(replica_bytes_); }

}  // namespace prytany::sim
