// Which replicas gave their word for which requests (vouching.h). All of a request's are in one
// place, since each word asks for the others; but each replica has room of its own, so that one
// that vouches for what nobody asked makes nobody's words be forgotten but its own.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <vector>

#include "server/crypto/digest_map.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"

namespace prytany::pbft {

class Words {
 public:
  /// Of one replica are remembered at least its last `max` words, and never more than twice as
  /// many: when its younger generation is full, it becomes the older one, and what was older is
  /// forgotten. Requires: max[i] > 0.
  explicit Words(const std::vector<std::size_t>& max);

  /// False if it is remembered as said lately.
  bool said(ReplicaId by, const Digest& request);
  /// All that it said: that is what is returned, some of it twice.
  std::vector<Digest> forget(ReplicaId by);
  [[nodiscard]] bool has(ReplicaId by, const Digest& request) const;
  /// How many replicas.
  [[nodiscard]] unsigned count(const Digest& request) const;
  /// Of all replicas, at most; for tests.
  [[nodiscard]] std::size_t remembered() const { return said_.size(); }

 private:
  using Replicas = std::bitset<limits::replicas_max>;
  /// Two generations; which is the younger one is each replica's own.
  struct Said {
    std::array<Replicas, 2> by;
  };
  struct Speaker {
    std::size_t max = 0;
    unsigned young = 0;
    std::array<std::vector<Digest>, 2> requests;
  };

  void forget_older(ReplicaId by, Speaker& speaker);

  std::vector<Speaker> speakers_;  // by ReplicaId
  crypto::DigestTable<Said> said_;
};

}  // namespace prytany::pbft
