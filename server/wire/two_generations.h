// TwoGenerations: a memory of what came lately, of bounded size. When the younger generation is
// full it becomes the older one, and what was older is forgotten: no list of ages to keep.
#pragma once

#include <cstddef>
#include <map>
#include <utility>

namespace prytany::wire {

/// Remembers at least the last `generation_max` different keys, and never more than twice as many.
template <class Key, class Value>
class TwoGenerations {
 public:
  /// Requires: generation_max > 0.
  explicit TwoGenerations(std::size_t generation_max) : generation_max_(generation_max) {}

  void remember(const Key& key, Value value) {
    if (young_.size() >= generation_max_ && !young_.contains(key)) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_.insert_or_assign(key, std::move(value));
  }

  /// What was remembered for `key` last, or nullptr. Valid until the next remember().
  [[nodiscard]] const Value* find(const Key& key) const {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    if (const auto found = old_.find(key); found != old_.end()) return &found->second;
    return nullptr;
  }

  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::size_t generation_max_;
  std::map<Key, Value> young_, old_;
};

}  // namespace prytany::wire
