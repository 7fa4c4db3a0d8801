// The slots in (h, h+L]: h is the stable checkpoint, L bounds how far anybody may run ahead of it
// (section 4.3). A peer can make at most L slots exist here.
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "server/base/ensure.h"
#include "server/pbft/slot.h"

namespace prytany::pbft {

class Window {
 public:
  /// `end`: beyond it there is nothing, if given.
  Window(Seq low, std::uint64_t length, std::optional<Seq> end = std::nullopt)
      : low_(low), length_(length), end_(end) {}

  /// h, the low watermark: everything at or below it is in a stable checkpoint.
  [[nodiscard]] Seq low() const { return low_; }
  /// h + L, the high watermark: the highest number in play.
  [[nodiscard]] Seq high() const { return end_ ? std::min(low_ + length_, *end_) : low_ + length_; }
  [[nodiscard]] bool contains(Seq seq) const { return seq > low_ && seq <= high(); }
  [[nodiscard]] const std::optional<Seq>& end() const { return end_; }

  [[nodiscard]] std::optional<Refusal> refuse(Seq seq) const {
    if (seq <= low_) return Refusal::below_window;
    if (!contains(seq)) return Refusal::above_window;
    return std::nullopt;
  }

  /// The slot of `seq`, made if need be. Requires: contains(seq).
  Slot& at(Seq seq) {
    ENSURE(contains(seq));
    return slots_[seq];
  }
  [[nodiscard]] Slot* find(Seq seq) {
    const auto it = slots_.find(seq);
    return it == slots_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] const Slot* find(Seq seq) const {
    const auto it = slots_.find(seq);
    return it == slots_.end() ? nullptr : &it->second;
  }

  /// In the order of numbers.
  [[nodiscard]] const std::map<Seq, Slot>& slots() const { return slots_; }
  [[nodiscard]] std::map<Seq, Slot>& slots() { return slots_; }

  /// Requires: no slot above `end`.
  void end_at(Seq end) {
    ENSURE(slots_.empty() || slots_.rbegin()->first <= end);
    end_ = end;
  }

  /// h moves to `low`; slots at or below it are dropped. Requires: low >= low().
  void advance(Seq low) {
    ENSURE(low >= low_);
    low_ = low;
    slots_.erase(slots_.begin(), slots_.upper_bound(low));
  }

 private:
  Seq low_;
  std::uint64_t length_;
  std::optional<Seq> end_;
  std::map<Seq, Slot> slots_;
};

}  // namespace prytany::pbft
