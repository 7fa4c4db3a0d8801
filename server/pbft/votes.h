// VoteSet: at most one vote per sender. However much a liar sends, it holds n votes, and the liar
// has one of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "server/wire/ids.h"

namespace prytany::pbft {

enum class Added : std::uint8_t { counted, repeated, conflicting };

/// V is what is voted for; two votes agree when they are equal.
template <class V>
class VoteSet {
 public:
  struct Vote {
    ReplicaId from;
    V value;
  };

  /// The first vote of a sender stands; a second one is reported, never counted.
  Added add(ReplicaId from, V value) {
    if (const V* standing = of(from))
      return *standing == value ? Added::repeated : Added::conflicting;
    votes_.push_back({from, std::move(value)});
    return Added::counted;
  }

  [[nodiscard]] const V* of(ReplicaId from) const {
    for (const Vote& vote : votes_)
      if (vote.from == from) return &vote.value;
    return nullptr;
  }

  [[nodiscard]] unsigned count(const V& value) const {
    return static_cast<unsigned>(std::count_if(
        votes_.begin(), votes_.end(), [&](const Vote& vote) { return vote.value == value; }));
  }
  [[nodiscard]] unsigned count_others(const V& value, ReplicaId self) const {
    const V* mine = of(self);
    return count(value) - (mine != nullptr && *mine == value ? 1U : 0U);
  }

  /// The value that at least `needed` senders voted for; nothing if there is none.
  /// With `needed` a quorum there is at most one while at most f are faulty; with a weak quorum of
  /// statements that correct replicas never make falsely, likewise.
  [[nodiscard]] std::optional<V> winner(unsigned needed) const {
    if (votes_.size() < needed) return std::nullopt;
    for (const Vote& vote : votes_)
      if (count(vote.value) >= needed) return vote.value;
    return std::nullopt;
  }

  [[nodiscard]] std::size_t size() const { return votes_.size(); }
  [[nodiscard]] bool empty() const { return votes_.empty(); }
  /// In the order of arrival.
  [[nodiscard]] auto begin() const { return votes_.begin(); }
  [[nodiscard]] auto end() const { return votes_.end(); }
  void erase(ReplicaId from) {
    std::erase_if(votes_, [&](const Vote& vote) { return vote.from == from; });
  }
  void clear() { votes_.clear(); }

 private:
  std::vector<Vote> votes_;
};

}  // namespace prytany::pbft
