// TwoGenerations: a memory of what came lately, of bounded size. When the younger generation is
// full it becomes the older one, and what was older is forgotten: no list of ages to keep.
#pragma once

#include <cstddef>
#include <utility>

#include "server/crypto/digest_map.h"

namespace prytany::wire {

/// Remembers at least the last `generation_max` different digests, and never more than twice as
/// many.
template <class Value>
class TwoGenerations {
 public:
  /// Requires: generation_max > 0.
  explicit TwoGenerations(std::size_t generation_max) : generation_max_(generation_max) {}

  void remember(const crypto::Digest& digest, Value value) {
    if (young_.size() >= generation_max_ && !young_.contains(digest)) {
      std::swap(old_, young_);
      young_.clear();
    }
    young_.assign(digest, std::move(value));
  }

  /// What was remembered for `digest` last, or nullptr. Valid until the next remember().
  [[nodiscard]] const Value* find(const crypto::Digest& digest) const {
    if (const Value* found = young_.find(digest)) return found;
    return old_.find(digest);
  }

  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::size_t generation_max_;
  crypto::DigestTable<Value> young_, old_;
};

}  // namespace prytany::wire
