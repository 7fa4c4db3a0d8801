// The words of this folder: pages, how they are numbered, and what a checkpoint is called.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/strong.h"

namespace prytany::vfs {

/// SQLite's page size, the unit of hashing, of copy-on-write, of the disk and of state transfer.
inline constexpr std::size_t page_bytes = 4096;

/// From 0; SQLite's own page number minus one. Counts of pages use the same type.
using PageIndex = std::uint32_t;

using PageView = std::span<const std::uint8_t, page_bytes>;

struct Page {
  std::array<std::uint8_t, page_bytes> bytes;
};

/// What a checkpoint is called: the sequence number at which it was taken.
using Label = Strong<struct CheckpointLabelTag>;

inline std::uint64_t byte_offset(PageIndex page) { return std::uint64_t{page} * page_bytes; }

/// Some pages of one image: copied, one after the other, or lent by whoever has the image.
class PageBatch {
 public:
  PageBatch() = default;
  explicit PageBatch(std::vector<PageIndex> ascending)
      : pages_(std::move(ascending)),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(pages_.size() * page_bytes)) {}

  /// Pages of `image` where they lie. For as long as the batch is in use the owner changes none of
  /// them; `image` keeps the memory.
  static PageBatch lent(std::vector<PageIndex> ascending,
                        std::shared_ptr<const std::uint8_t> image) {
    PageBatch batch;
    batch.pages_ = std::move(ascending);
    batch.image_ = std::move(image);
    return batch;
  }

  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  [[nodiscard]] bool empty() const { return pages_.empty(); }
  [[nodiscard]] PageIndex page(std::size_t i) const { return pages_[i]; }
  [[nodiscard]] PageView content(std::size_t i) const {
    if (image_ != nullptr) return PageView(image_.get() + byte_offset(pages_[i]), page_bytes);
    return PageView(bytes_.get() + i * page_bytes, page_bytes);
  }
  /// Requires: not lent.
  [[nodiscard]] std::uint8_t* slot(std::size_t i) { return bytes_.get() + i * page_bytes; }

 private:
  std::vector<PageIndex> pages_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::shared_ptr<const std::uint8_t> image_;  // null: the pages are in bytes_
};

}  // namespace prytany::vfs
