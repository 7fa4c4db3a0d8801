// The replicated state as memory: one database image in pages, and its checkpoints.
//
//   SQLite --xWrite--> live image --checkpoint()--> digest, and a frozen image --begin_commit()-->
//   disk
//
// Frozen images cost only the pages that changed since (copy-on-write), and are readable until
// discarded. The store belongs to one thread; only the disk below it may have threads of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/result.h"
#include "vfs/merkle.h"
#include "vfs/page.h"
#include "vfs/page_slots.h"
#include "vfs/region.h"
#include "vfs/state_disk.h"

namespace prytany::vfs {

struct PageStoreOptions {
  /// Addresses to reserve. Equal or not between replicas, it must exceed what SQL may fill
  /// (max_page_count).
  std::uint64_t capacity_bytes = std::uint64_t{64} << 30;
  /// Written pages kept in memory beyond need, because a page written once is often written again.
  /// Above this, pages that the database file holds too are given back to the kernel.
  std::uint64_t written_bytes_max = std::uint64_t{1} << 30;
};

class PageStore {
 public:
  /// Loads what `disk` holds: the last durable checkpoint, or nothing at all. Hashes every page of
  /// it, about 0.8 s per GiB. No checkpoint is retained yet: root() says which state it is, and
  /// whoever knows its number calls checkpoint(number), which then costs nothing. `disk` outlives
  /// the store.
  static Result<std::unique_ptr<PageStore>> open(StateDisk& disk, PageStoreOptions options = {});

  // ---- the live image, for the VFS. Its size is a whole number of pages. ----

  [[nodiscard]] std::uint64_t size() const { return byte_offset(page_count_); }
  /// Bytes at or beyond the end read as zeros; false if there were any.
  bool read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  /// Bytes that do not change leave their page clean. False if the end would lie beyond the
  /// capacity: nothing is written, and the process must stop, because others may have more room.
  [[nodiscard]] bool write(std::uint64_t offset, ByteView data);
  /// Cuts to `size` bytes rounded up to pages; what is cut, also within the last page, becomes
  /// zeros. Never grows.
  void truncate(std::uint64_t size);
  /// The image where it lies, for reading only; valid until the store is destroyed, though the
  /// content changes.
  [[nodiscard]] const std::uint8_t* data() const { return region_.data(); }

  // ---- checkpoints ----

  /// Freezes the live image under `label` and returns its root. Only pages changed since the last
  /// one are hashed. Requires: label above all retained ones.
  Digest checkpoint(Label label);
  /// The root of the newest checkpoint, or of the loaded image.
  [[nodiscard]] Digest root() const { return tree_.root(); }
  /// The tree of the same: what a walk compares with.
  [[nodiscard]] const TreeReader& tree() const { return tree_; }
  [[nodiscard]] bool retains(Label label) const { return find(label) != nullptr; }
  /// Ascending.
  [[nodiscard]] std::vector<Label> retained() const;
  /// Drops every checkpoint below `label`; their pages are free. What is not yet committed stays
  /// due to be.
  void discard_below(Label label);

  // The rest of this section requires: retains(label).
  [[nodiscard]] Digest root(Label label) const;
  [[nodiscard]] PageIndex page_count(Label label) const;
  /// Valid until the store next changes. Requires: page < page_count(label).
  [[nodiscard]] PageView read_page(Label label, PageIndex page) const;
  /// The digest of any node of that checkpoint's tree.
  [[nodiscard]] Digest node(Label label, unsigned level, PageIndex index) const;
  /// Hashes every page of a checkpoint again, all nodes too, trusting nothing kept. Pages whose
  /// content is not what the kept tree says are `damaged`; `whole` is whether all hashes to `root`.
  struct Verification {
    bool whole = false;
    std::vector<PageIndex> damaged;
  };
  [[nodiscard]] Verification verify(Label label, const Digest& root) const;

  // ---- the disk ----

  /// Copies the pages that differ since the last begun commit and hands them to the disk; durable
  /// later. Those of an image just installed, perhaps all there are, are lent instead: until it is
  /// durable the live image must not be written. Requires: retains(label); labels ascend. durable()
  /// is ignored. An Error is a local fault, as below.
  Result<void> begin_commit(Label label);
  /// Collects what the disk finished. An Error is a local fault: stop the process.
  Result<void> poll_disk();
  /// The newest checkpoint known to survive any crash: stable, and restart begins there.
  /// poll_disk() advances it.
  [[nodiscard]] std::optional<Label> durable() const { return durable_; }
  /// For epoll: readable when poll_disk() has something to collect; -1 if there is no such thing.
  [[nodiscard]] int ready_descriptor() const { return disk_.ready_descriptor(); }

  // ---- replacing the state. No SQL handle may be open. ----

  /// Puts the content of page i of those listed into `out`.
  using PageSource = std::function<Result<void>(std::size_t i, PageSlots::PageBuffer out)>;
  /// The newest checkpoint with these pages in their new content (merkle.h: diff), cut or
  /// lengthened to `page_count`. What was written since that checkpoint is undone. Afterwards no
  /// older one is retained. Pages that are the same already stay clean. On an Error the live image
  /// is neither the old one nor the wanted one, and the process must stop. Requires: a checkpoint
  /// is retained; `pages` ascending, below page_count; page_count > 0, and within the capacity.
  Result<void> install(Label label, const Digest& root, PageIndex page_count,
                       std::span<const PageIndex> pages, const PageSource& source);
  [[nodiscard]] PageIndex capacity() const { return region_.capacity(); }

  /// Counters for people.
  struct Use {
    std::uint64_t written_pages = 0;   // of the live image, in memory of our own
    std::uint64_t retained_pages = 0;  // old contents kept for checkpoints
  };
  [[nodiscard]] Use use() const;

 private:
  // One frozen image: where it differs from the next newer one, or from the live one if it is the
  // newest.
  struct Frozen {
    Label label;
    std::uint32_t ordinal = 0;
    PageIndex page_count = 0;
    Digest root;
    std::unordered_map<PageIndex, std::unique_ptr<Page>> pages;
    MerkleTree::Undo nodes;
  };
  struct Due {
    std::uint32_t ordinal;
    std::vector<PageIndex> pages;
  };
  struct Begun {
    std::uint64_t number;
    std::optional<Label> label;  // nothing: replaced since by install()
    std::uint32_t ordinal;
    PageIndex page_count;
  };
  class Loader;

  PageStore(StateDisk& disk, Region region, PageStoreOptions options);
  [[nodiscard]] const Frozen* find(Label label) const;
  [[nodiscard]] std::size_t position(Label label) const;
  void touch(PageIndex page);
  void grow(PageIndex page_count);
  void undo_changes();
  void drop_checkpoints();
  std::vector<PageIndex> take_changed();
  std::vector<PageIndex> take_due(std::uint32_t ordinal, PageIndex page_count);
  Result<void> give_back(const Begun& in_file);

  StateDisk& disk_;
  PageStoreOptions options_;
  const std::shared_ptr<Region> owned_region_;  // shared with commits to which pages are lent
  Region& region_;
  PageIndex page_count_ = 0;

  // A page is changed if it differs, or may, from the newest checkpoint (before any, from the
  // loaded image).
  std::vector<std::uint64_t> changed_bits_;
  std::vector<PageIndex> changed_;
  MerkleTree tree_;
  std::deque<Frozen> frozen_;
  std::vector<std::unique_ptr<Page>> spare_pages_;
  std::uint32_t next_ordinal_ =
      1;  // of checkpoints, over the life of the store; 0 is the loaded image

  std::deque<Due> due_;      // changed pages of checkpoints whose commit has not begun
  std::deque<Begun> begun_;  // commits not yet backfilled
  std::uint64_t next_commit_ = 1;
  PageIndex committed_page_count_ = 0;
  std::optional<Label> durable_;
  std::optional<Label> installed_;     // and not written since
  std::optional<std::uint64_t> lent_;  // the commit that reads the live image

  // For each page the ordinal of the checkpoint that has its last change, or `in_file` if it was
  // not written since the file was mapped there: only such pages take no memory.
  static constexpr std::uint32_t in_file = ~std::uint32_t{0};
  std::vector<std::uint32_t> last_change_;
  std::uint64_t written_pages_ = 0;
};

/// The tree of a retained checkpoint, for walking. Valid while the store retains it.
class CheckpointTree final : public TreeReader {
 public:
  CheckpointTree(const PageStore& store, Label label) : store_(store), label_(label) {}
  [[nodiscard]] TreeShape shape() const override { return {store_.page_count(label_)}; }
  [[nodiscard]] Digest node(unsigned level, PageIndex index) const override {
    return store_.node(label_, level, index);
  }

 private:
  const PageStore& store_;
  Label label_;
};

}  // namespace prytany::vfs
