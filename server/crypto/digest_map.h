// What is kept by digest, and looked up and never walked: a hash table is several times cheaper
// than a tree of 32-byte keys. There are two: in a DigestMap values stay where they are; in a
// DigestTable they lie beside each other and move, so that a lookup in a large one waits for memory
// once, not three times. Two things to mind, both minded here:
//
// - Who makes requests chooses their digests, as far as trying many lets him, and could choose such
//   as fall together. So the table's hash has a key, drawn when the process begins.
// - The order inside is another one in each process. So there is no way to see it: results, states
//   and traces stay functions of what was put in.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <tsl/robin_map.h>

#include "server/crypto/digest.h"

namespace prytany::crypto {

/// Of two digests, chosen without knowing the key, the hashes are equal by a chance of 1 in 2^32
/// (Dietzfelbinger's multilinear hashing). Of the first 16 bytes only: whoever makes many digests
/// that agree in those has broken SHA-256.
struct KeyedDigestHash {
  // Not noexcept: then the standard library keeps each hash beside its digest and compares that
  // first.
  std::size_t operator()(const Digest& digest) const;
};

/// In their own order.
std::vector<Digest> sorted(std::vector<Digest> digests);
template <class Map>
std::vector<Digest> sorted_keys(const Map& map) {
  std::vector<Digest> digests;
  digests.reserve(map.size());
  for (const auto& entry : map) digests.push_back(entry.first);
  return sorted(std::move(digests));
}

template <class Value>
class DigestMap {
 public:
  /// Null if there is none. Valid until it is erased, or the map cleared.
  [[nodiscard]] Value* find(const Digest& digest) {
    const auto found = values_.find(digest);
    return found == values_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Value* find(const Digest& digest) const {
    const auto found = values_.find(digest);
    return found == values_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool contains(const Digest& digest) const { return values_.contains(digest); }
  /// Requires: contains(digest).
  [[nodiscard]] const Value& at(const Digest& digest) const { return values_.at(digest); }

  /// One made by default if there is none.
  Value& operator[](const Digest& digest) { return values_[digest]; }
  /// False, and nothing done, if there is one.
  bool emplace(const Digest& digest, Value value) {
    return values_.try_emplace(digest, std::move(value)).second;
  }
  void assign(const Digest& digest, Value value) {
    values_.insert_or_assign(digest, std::move(value));
  }
  /// False if there was none.
  bool erase(const Digest& digest) { return values_.erase(digest) > 0; }
  void clear() { values_.clear(); }

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  /// All digests, in their own order: the one way to come by every value. Costs a sort.
  [[nodiscard]] std::vector<Digest> sorted() const { return sorted_keys(values_); }

 private:
  std::unordered_map<Digest, Value, KeyedDigestHash> values_;
};

/// For small values.
template <class Value>
class DigestTable {
 public:
  /// Null if there is none. Valid until the table is changed.
  [[nodiscard]] Value* find(const Digest& digest) {
    const auto found = values_.find(digest);
    return found == values_.end() ? nullptr : &found.value();
  }
  [[nodiscard]] const Value* find(const Digest& digest) const {
    const auto found = values_.find(digest);
    return found == values_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool contains(const Digest& digest) const { return values_.contains(digest); }

  /// One made by default if there is none. Valid until the table is changed.
  Value& operator[](const Digest& digest) { return values_[digest]; }
  /// False, and nothing done, if there is one.
  bool emplace(const Digest& digest, Value value) {
    return values_.try_emplace(digest, std::move(value)).second;
  }
  void assign(const Digest& digest, Value value) {
    values_.insert_or_assign(digest, std::move(value));
  }
  /// False if there was none.
  bool erase(const Digest& digest) { return values_.erase(digest) > 0; }
  void clear() { values_.clear(); }

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  /// All digests, in their own order. Costs a sort.
  [[nodiscard]] std::vector<Digest> sorted() const { return sorted_keys(values_); }

 private:
  // With each hash beside its digest: compared first, and not computed again when the table grows.
  tsl::robin_map<Digest, Value, KeyedDigestHash, std::equal_to<Digest>,
                 std::allocator<std::pair<Digest, Value>>, true>
      values_;
};

class DigestSet {
 public:
  [[nodiscard]] bool contains(const Digest& digest) const { return map_.contains(digest); }
  /// False if it is in.
  bool insert(const Digest& digest) { return map_.emplace(digest, {}); }
  bool erase(const Digest& digest) { return map_.erase(digest); }
  void clear() { map_.clear(); }
  [[nodiscard]] std::size_t size() const { return map_.size(); }
  [[nodiscard]] std::vector<Digest> sorted() const { return map_.sorted(); }

 private:
  DigestTable<std::monostate> map_;
};

}  // namespace prytany::crypto
