// What went over the links of a group, counted as it left.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/base/bytes.h"
#include "server/crypto/counts.h"
#include "server/wire/ids.h"

namespace prytany::sim {

class Traffic {
 public:
  explicit Traffic(unsigned replicas);

  void frame(ReplicaId from, ReplicaId to, ByteView frame);
  void to_client(ReplicaId from, std::size_t bytes);
  void from_client(ReplicaId to, std::size_t bytes);

  /// Between replicas, by the names of wire::name_of.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& messages() const { return messages_; }
  [[nodiscard]] std::uint64_t messages(const std::string& name) const;
  [[nodiscard]] std::uint64_t all_messages() const;
  /// PRE-PREPARE, PREPARE and COMMIT in all their forms.
  [[nodiscard]] std::uint64_t agreement_messages() const;
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t bytes_between() const;
  [[nodiscard]] std::uint64_t client_texts() const { return client_texts_; }
  [[nodiscard]] std::uint64_t client_bytes() const { return client_bytes_; }
  /// In one direction between two replicas.
  [[nodiscard]] std::uint64_t busiest_link_bytes() const;
  /// What one replica sends and gets, clients' included.
  [[nodiscard]] std::uint64_t busiest_replica_bytes() const;

 private:
  unsigned replicas_;
  std::map<std::string, std::uint64_t> messages_;
  std::uint64_t frames_ = 0;
  std::uint64_t client_texts_ = 0;
  std::uint64_t client_bytes_ = 0;
  std::vector<std::uint64_t> link_bytes_;     // by sender, then receiver
  std::vector<std::uint64_t> replica_bytes_;  // in and out
};

}  // namespace prytany::sim
