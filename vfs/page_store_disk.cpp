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
  commit.pages = PageBatch(take_due(frozen.ordinal, frozen.page_count));
  for (std::size_t i = 0; i < commit.pages.size(); ++i) {
    const PageView content = read_page(label, commit.pages.page(i));
    std::memcpy(commit.pages.slot(i), content.data(), page_bytes);
  }
  committed_page_count_ = frozen.page_count;
  begun_.push_back({commit.number, label, frozen.ordinal, frozen.page_count});
  disk_.begin_commit(std::move(commit));
  return {};
}

Result<void> PageStore::poll_disk() {
  const Result<DiskProgress> progress = disk_.progress();
  if (!progress) return progress.error();
  for (const Begun& begun : begun_) {
    if (begun.label && begun.number <= progress->committed) durable_ = begun.label;
  }
  std::optional<Begun> backfilled;
  while (!begun_.empty() && begun_.front().number <= progress->backfilled) {
    backfilled = begun_.front();
    begun_.pop_front();
  }
  if (backfilled && region_.has_file() && written_pages_ * page_bytes > options_.written_bytes_max)
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

Result<void> PageStore::install(Label label, const Digest& root, ByteView image) {
  if (image.empty() || image.size() % page_bytes != 0)
    return Error{"the image is not a whole number of pages"};
  if (image.size() > byte_offset(region_.capacity()))
    return Error{"the image is larger than the capacity this replica was given"};
  if (image_root(image) != root) return Error{"the image is not the one that was certified"};
  drop_checkpoints();
  ENSURE(write(0, image));
  truncate(image.size());
  ENSURE(checkpoint(label) == root);
  return {};
}

Result<void> PageStore::install(Label label, const Digest& root, PageIndex page_count,
                                const PageBatch& pages) {
  if (page_count == 0 || page_count > region_.capacity())
    return Error{"an image of this size cannot be installed"};
  drop_checkpoints();
  grow(page_count);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (pages.page(i) >= page_count) return Error{"a page lies beyond the end of the image"};
    ENSURE(write(byte_offset(pages.page(i)), pages.content(i)));
  }
  truncate(byte_offset(page_count));
  if (checkpoint(label) == root) return {};
  drop_checkpoints();
  return Error{"the pages do not add up to the image that was certified"};
}

}  // namespace prytany::vfs
