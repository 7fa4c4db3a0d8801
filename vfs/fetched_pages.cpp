#include "vfs/fetched_pages.h"

#include "server/base/ensure.h"

namespace prytany::vfs {

Result<void> FetchedPages::load() {
  if (loaded_) return {};
  loaded_ = true;
  const Result<PageSlots::Slot> count = slots_.count();
  if (!count) return count.error();
  Page page;
  for (end_ = 0; end_ < *count; ++end_) {
    if (Result<void> done = slots_.read(end_, page.bytes); !done) return done;
    if (!where_.try_emplace(leaf_digest(page.bytes), end_).second) free_.push_back(end_);
  }
  return {};
}

Result<void> FetchedPages::clear() {
  loaded_ = true;
  where_.clear();
  free_.clear();
  end_ = 0;
  return slots_.clear();
}

Result<void> FetchedPages::add(const Digest& leaf, PageView page) {
  ENSURE(loaded_);
  if (holds(leaf)) return {};
  PageSlots::Slot slot = end_;
  if (free_.empty()) {
    ++end_;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  where_.emplace(leaf, slot);
  return slots_.write(slot, page);
}

Result<bool> FetchedPages::read(const Digest& leaf, PageSlots::PageBuffer out) {
  const auto found = where_.find(leaf);
  ENSURE(found != where_.end());
  if (Result<void> done = slots_.read(found->second, out); !done) return done.error();
  if (leaf_digest(out) == leaf) return true;
  where_.erase(found);
  return false;
}

void FetchedPages::keep_only(const std::function<bool(const Digest& leaf)>& wanted) {
  std::erase_if(where_, [&](const auto& entry) {
    if (wanted(entry.first)) return false;
    free_.push_back(entry.second);
    return true;
  });
}

}  // namespace prytany::vfs
