// Page slots in memory, which a test may damage, and which outlive whoever uses them.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "vfs/page_slots.h"

namespace prytany::vfs {

class MemorySlots final : public PageSlots {
 public:
  std::vector<Page> slots;
  std::size_t writes = 0;
  std::function<void(PageView)> on_write = [](PageView) {};

  Result<Slot> count() override { return static_cast<Slot>(slots.size()); }
  Result<void> write(Slot slot, PageView page) override {
    ++writes;
    on_write(page);
    if (slot >= slots.size()) slots.resize(slot + 1);
    std::ranges::copy(page, slots[slot].bytes.begin());
    return {};
  }
  Result<void> read(Slot slot, PageBuffer out) override {
    std::ranges::copy(slots.at(slot).bytes, out.begin());
    return {};
  }
  Result<void> clear() override {
    slots.clear();
    return {};
  }
};

}  // namespace prytany::vfs
