// The Merkle tree over the pages of a state: its root is the state's digest, its nodes are what
// state transfer walks.
//
// Fan-out 16. To rehash 500 scattered pages of 1 GiB takes 2.35 ms, of which the pages alone
// are 1.47 (binary: 3.1, 8: 2.32, 64: 2.61); 500 pages in a row take 1.50 with any of them. A walk
// of 2 GiB takes 5 round trips of 512 bytes per node, where a binary tree would take 19 trips and
// 15 times the memory, and a fan-out of 64 four times the bytes for one page that differs.
//
// leaf  = SHA-256("prytany.page", the 4096 bytes)
// node  = SHA-256("prytany.node", the digests of its children, 1 to 16)
// root  = SHA-256("prytany.state", page count as 4 bytes big-endian, digest of the top node)
//
// A leaf does not contain its page number: the path from the root fixes it, because the root
// contains the page count and so the shape. Pages of equal content therefore have equal digests
// wherever they are, and a walker that already holds a content need not fetch it again. The domain
// words keep a page from standing for a node.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "server/crypto/digest.h"
#include "vfs/page.h"

namespace prytany::vfs {

using crypto::Digest;

/// The shape of a tree follows from its page count. Level 0 is the leaves.
struct TreeShape {
  static constexpr unsigned fan_out = 16;
  PageIndex page_count = 0;

  /// The level of the top node: 0 for no page or one.
  [[nodiscard]] unsigned height() const;
  /// Nodes at a level; 0 above the top.
  [[nodiscard]] PageIndex width(unsigned level) const;
  /// Children of a node. Requires: level > 0, index < width(level).
  [[nodiscard]] PageIndex first_child(PageIndex index) const { return index * fan_out; }
  [[nodiscard]] PageIndex child_count(unsigned level, PageIndex index) const;

  bool operator==(const TreeShape&) const = default;
};

[[nodiscard]] Digest leaf_digest(PageView page);
/// Requires: 1 to 16 children.
[[nodiscard]] Digest node_digest(std::span<const Digest> children);
/// `top` is all zeros when there is no page.
[[nodiscard]] Digest state_root(PageIndex page_count, const Digest& top);
/// The root of a tree with these leaves.
[[nodiscard]] Digest root_of_leaves(std::vector<Digest> leaves);
/// From nothing but the pages. Requires: whole pages.
[[nodiscard]] Digest image_root(ByteView image);

/// Anything that can be walked: the live tree, that of a retained checkpoint, or one at the other
/// end of a wire.
class TreeReader {
 public:
  [[nodiscard]] virtual TreeShape shape() const = 0;
  /// Requires: index < shape().width(level).
  [[nodiscard]] virtual Digest node(unsigned level, PageIndex index) const = 0;

  /// The digests under a node: node_digest of them is node(level, index). Requires: level > 0.
  [[nodiscard]] std::vector<Digest> children(unsigned level, PageIndex index) const;
  [[nodiscard]] Digest top() const;
  [[nodiscard]] Digest root() const { return state_root(shape().page_count, top()); }

 protected:
  ~TreeReader() = default;
};

/// Pages of `theirs` that are not the same in `mine`, ascending: what to fetch to turn mine into
/// theirs.
[[nodiscard]] std::vector<PageIndex> diff(const TreeReader& mine, const TreeReader& theirs);
/// One step of that walk over a wire: which of the digests under (level, index) of their tree are
/// not mine, as indexes at level - 1. `theirs` must be proven by node_digest. Requires: level > 0.
[[nodiscard]] std::vector<PageIndex> differing_children(const TreeReader& mine, unsigned level,
                                                        PageIndex index,
                                                        std::span<const Digest> theirs);

class MerkleTree final : public TreeReader {
 public:
  /// What an update replaced, enough to read the tree as it was before.
  struct Undo {
    /// Per level, ascending by index.
    std::vector<std::vector<std::pair<PageIndex, Digest>>> levels;
    [[nodiscard]] const Digest* find(unsigned level, PageIndex index) const;
  };

  [[nodiscard]] TreeShape shape() const override { return shape_; }
  [[nodiscard]] Digest node(unsigned level, PageIndex index) const override;

  /// Rehashes the changed pages of `image` and the nodes above them, nothing else.
  /// Requires: `changed` ascending, below page_count, and with every page at or above the old page
  /// count.
  Undo update(const std::uint8_t* image, PageIndex page_count, std::span<const PageIndex> changed);

 private:
  void resize(PageIndex page_count, Undo& undo);
  void set(unsigned level, PageIndex index, PageIndex old_width, const Digest& digest, Undo& undo);

  TreeShape shape_;
  std::vector<std::vector<Digest>>
      levels_;  // levels_[0] is the leaves; empty when there is no page
};

}  // namespace prytany::vfs
