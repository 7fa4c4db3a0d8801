// A run of memory for one database image, reserved once at its full capacity so that its address
// never changes: first pages of a file mapped privately, then anonymous memory. Memory is used only
// by pages that were written.
#pragma once

#include <cstdint>
#include <span>

#include "server/base/result.h"
#include "vfs/page.h"

namespace prytany::vfs {

class Region {
 public:
  /// All zeros. Reserves addresses, not memory, so it may exceed what the machine has.
  static Result<Region> reserve(std::uint64_t bytes);
  ~Region();
  Region(Region&& other) noexcept;
  Region& operator=(Region&&) = delete;

  [[nodiscard]] std::uint8_t* data() const { return base_; }
  [[nodiscard]] PageIndex capacity() const { return capacity_; }
  /// Pages at the start that are the file's unless they were written since.
  [[nodiscard]] PageIndex mapped() const { return mapped_; }

  /// Whether map() named a file, which release() and extend() need.
  [[nodiscard]] bool has_file() const { return descriptor_ >= 0; }

  /// Pages [0, pages), perhaps none, become those of the file. Requires: nothing was written yet.
  Result<void> map(int descriptor, PageIndex pages);
  /// Pages [first, first + count) become those of the file again; their memory is free.
  /// Requires: first + count <= mapped().
  Result<void> release(PageIndex first, PageIndex count);
  /// Pages [mapped(), pages) become those of the file, except `keep`, ascending, which stay as they
  /// are. Requires: pages >= mapped(); the file has them.
  Result<void> extend(PageIndex pages, std::span<const PageIndex> keep);
  /// Pages [pages, mapped()) become anonymous with unchanged content, so that the file may be cut
  /// there: cutting a file takes even privately written pages out of its mappings. Pages at or
  /// above `used` must be all zeros.
  Result<void> shrink(PageIndex pages, PageIndex used);

 private:
  Region(std::uint8_t* base, PageIndex capacity) : base_(base), capacity_(capacity) {}

  std::uint8_t* base_ = nullptr;
  PageIndex capacity_ = 0;
  PageIndex mapped_ = 0;
  int descriptor_ = -1;  // not ours to close
};

}  // namespace prytany::vfs
