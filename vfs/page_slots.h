// The port to a place beside the database for single pages, numbered from 0, that may be lost: what
// a crash took away, tore or mixed up is found out by whoever reads it back, by its digest.
#pragma once

#include <cstdint>
#include <span>

#include "server/base/result.h"
#include "vfs/page.h"

namespace prytany::vfs {

/// Every Error is a local fault: stop the process.
class PageSlots {
 public:
  using Slot = std::uint32_t;
  using PageBuffer = std::span<std::uint8_t, page_bytes>;

  virtual ~PageSlots() = default;
  /// Whole slots that an earlier process left.
  virtual Result<Slot> count() = 0;
  /// Nothing is synced.
  virtual Result<void> write(Slot slot, PageView page) = 0;
  /// Requires: the slot was written, or is one of those counted.
  virtual Result<void> read(Slot slot, PageBuffer out) = 0;
  /// Gives the room back.
  virtual Result<void> clear() = 0;
};

}  // namespace prytany::vfs
