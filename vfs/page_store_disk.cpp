// PageStore's dealings with the disk, and the replacement of the whole state.
#include <algorithm>
#include <cstring>

#include "server/base/ensure.h"
#include "vfs/page_store.h"

namespace prytany::vfs {

// What differs between the last begun commit and the checkpoint `ordinal`.
std::vector<PageIndex> PageStore::take_due(std::uint32_t ordinal, PageIndex page_count) {
  std::vector<PageIndex> pages;
  while (!due_.empty() && due_.front().ordinal <= ordinal) {
    pages.insert(pages.end(), due_.front().pages.begin(), due_.front().pages.end());
    due_.pop_front();
  }
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  pages.erase(std::lower_bound(pages.begin(), pages.end(), page_count), pages.end());
  // A commit is told by its last page, so a change of the size alone still carries one.
  if (pages.empty() && page_count != committed_page_count_) pages.push_back(0);
  return pages;
}

Result<void> PageStore::begin_commit(Label label) {
  if (label == durable_) return {};
  const Frozen& frozen = frozen_[position(label)];
  ENSURE(begun_.empty() || begun_.back().ordinal < frozen.ordinal);
  if (frozen.page_count == 0 && committed_page_count_ != 0)
    return Error{"a database that has become empty cannot be stored"};
  // The disk may cut the file to the image's size, which must not reach pages in use.
  if (Result<void> cut = region_.shrink(frozen.page_count, page_count_); !cut) return cut;

  Commit commit;
  commit.number = next_commit_++;
  commit.page_count = frozen.page_count;
  std::vector<PageIndex> due = take_due(frozen.ordinal, frozen.page_count);
  if (installed_ == label) {
    lent_ = commit.number;
    commit.pages = PageBatch::lent(
        std::move(due), std::shared_ptr<const std::uint8_t>(owned_region_, region_.data()));
  } else {
    commit.pages = PageBatch(std::move(due));
    for (std::size_t i = 0; i < commit.pages.size(); ++i) {
      const PageView content = read_page(label, commit.pages.page(i));
      std::memcpy(commit.pages.slot(i), content.data(), page_bytes);
    }
  }
  committed_page_count_ = frozen.page_count;
  begun_.push_back({commit.number, label, frozen.ordinal, frozen.page_count});
  disk_.begin_commit(std::move(commit));
  return {};
}

Result<void> PageStore::poll_disk() {
  const Result<DiskProgress> progress = disk_.progress();
  if (!progress) return progress.error();
  if (lent_ && *lent_ <= progress->committed) lent_.reset();
  for (const Begun& begun : begun_) {
    if (begun.label && begun.number <= progress->committed) durable_ = begun.label;
  }
  std::optional<Begun> backfilled;
  while (!begun_.empty() && begun_.front().number <= progress->backfilled) {
    backfilled = begun_.front();
    begun_.pop_front();
  }
  // Not while pages are lent: to map the file over them, even for a moment, would show its content.
  if (backfilled && !lent_ && region_.has_file() &&
      written_pages_ * page_bytes > options_.written_bytes_max)
    return give_back(*backfilled);
  return {};
}

// Pages that the file holds as they are now need no memory of their own. Those changed in the last
// few intervals stay: the next write to one would only copy it again, at 2 to 3 microseconds each.
Result<void> PageStore::give_back(const Begun& backfilled) {
  constexpr std::uint32_t cold = 4;
  const auto releasable = [&](PageIndex page) {
    return last_change_[page] != in_file && last_change_[page] + cold <= backfilled.ordinal;
  };
  const auto released = [&](PageIndex page) {
    last_change_[page] = in_file;
    --written_pages_;
  };
  const PageIndex mapped = std::min(region_.mapped(), page_count_);
  for (PageIndex page = 0; page < mapped; ++page) {
    if (!releasable(page)) continue;
    const PageIndex first = page;
    for (; page < mapped && releasable(page); ++page) released(page);
    if (Result<void> given = region_.release(first, page - first); !given) return given;
  }
  // The file has grown: map its new part too, but in large steps, since each is one more mapping
  // for the kernel.
  const PageIndex in_both = std::min(backfilled.page_count, page_count_);
  const PageIndex step = std::max<PageIndex>(4096, region_.mapped() / 8);
  if (in_both < region_.mapped() || in_both - region_.mapped() < step) return {};
  std::vector<PageIndex> keep;
  for (PageIndex page = region_.mapped(); page < in_both; ++page) {
    if (releasable(page)) {
      released(page);
    } else if (last_change_[page] != in_file) {
      keep.push_back(page);
    }
  }
  return region_.extend(in_both, keep);
}

void PageStore::drop_checkpoints() {
  discard_below(Label{~std::uint64_t{0}});
  ENSURE(frozen_.empty());
  // What was durable is being replaced, perhaps under the same label because it was wrong.
  durable_.reset();
  for (Begun& begun : begun_) begun.label.reset();
}

// Back to the newest checkpoint. What is restored counts as changed: it is hashed again.
void PageStore::undo_changes() {
  const Frozen& base = frozen_.back();
  grow(base.page_count);
  for (const auto& [page, content] : base.pages)
    std::memcpy(region_.data() + byte_offset(page), content->bytes.data(), page_bytes);
  truncate(byte_offset(base.page_count));
}

Result<void> PageStore::install(Label label, const Digest& root, PageIndex page_count,
                                std::span<const PageIndex> pages, const PageSource& source) {
  ENSURE(!frozen_.empty() && page_count > 0 && page_count <= region_.capacity());
  undo_changes();
  drop_checkpoints();
  grow(page_count);
  Page content;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    ENSURE(pages[i] < page_count);
    if (Result<void> read = source(i, content.bytes); !read) return read;
    ENSURE(write(byte_offset(pages[i]), content.bytes));
  }
  truncate(byte_offset(page_count));
  if (checkpoint(label) != root)
    return Error{"pages that were proven when they came are not what was written beside state.db"};
  installed_ = label;
  return {};
}

}  // namespace prytany::vfs
