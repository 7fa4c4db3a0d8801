// Pages on their way into the state, by content: fetched, proven, not yet installed.
//
// They are kept by the digest of what they contain, not by the place or the checkpoint they are
// wanted for. So nothing about the place where they lie needs to be trusted, ordered or synced: a
// restart hashes what it finds there, and whatever the wanted state has of it need not be fetched
// again, also when another checkpoint is wanted by then.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <vector>

#include "vfs/merkle.h"
#include "vfs/page_slots.h"

namespace prytany::vfs {

/// Every Error is a local fault: stop the process.
class FetchedPages {
 public:
  /// `slots` outlives this.
  explicit FetchedPages(PageSlots& slots) : slots_(slots) {}

  /// Takes over what an earlier process left, once, before the first use; about 0.8 s per GiB.
  Result<void> load();
  /// Forgets everything and gives its room back. No load() is needed afterwards.
  Result<void> clear();

  [[nodiscard]] bool holds(const Digest& leaf) const { return where_.contains(leaf); }
  [[nodiscard]] std::size_t size() const { return where_.size(); }
  /// Requires: leaf_digest(page) == leaf.
  Result<void> add(const Digest& leaf, PageView page);
  /// Requires: holds(leaf). False: what lies there is not that content any more; it is held no
  /// longer, and its place not used again by this process.
  Result<bool> read(const Digest& leaf, PageSlots::PageBuffer out);
  /// Frees the room of all others for pages to come.
  void keep_only(const std::function<bool(const Digest& leaf)>& wanted);

 private:
  PageSlots& slots_;
  bool loaded_ = false;
  std::unordered_map<Digest, PageSlots::Slot> where_;
  std::vector<PageSlots::Slot> free_;
  PageSlots::Slot end_ = 0;
};

}  // namespace prytany::vfs
