#include "vfs/merkle.h"

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

// Digests are arrays of bytes without padding, so a run of them is one run of bytes: hashed where
// it lies.
static_assert(sizeof(Digest) == Digest::size);
ByteView bytes_of(std::span<const Digest> digests) {
  return {reinterpret_cast<const std::uint8_t*>(digests.data()), digests.size_bytes()};
}

PageView page_of(const std::uint8_t* image, PageIndex page) {
  return PageView(image + byte_offset(page), page_bytes);
}

}  // namespace

unsigned TreeShape::height() const {
  unsigned level = 0;
  for (std::uint64_t nodes = page_count; nodes > 1; nodes = (nodes + fan_out - 1) / fan_out)
    ++level;
  return level;
}

PageIndex TreeShape::width(unsigned level) const {
  if (level > height()) return 0;
  std::uint64_t nodes = page_count;
  for (unsigned i = 0; i < level; ++i) nodes = (nodes + fan_out - 1) / fan_out;
  return static_cast<PageIndex>(nodes);
}

PageIndex TreeShape::child_count(unsigned level, PageIndex index) const {
  const PageIndex below = width(level - 1);
  return std::min<PageIndex>(fan_out, below - first_child(index));
}

Digest leaf_digest(PageView page) { return crypto::sha256("prytany.page", page); }

Digest node_digest(std::span<const Digest> children) {
  ENSURE(!children.empty() && children.size() <= TreeShape::fan_out);
  return crypto::sha256("prytany.node", bytes_of(children));
}

Digest state_root(PageIndex page_count, const Digest& top) {
  std::array<std::uint8_t, 4 + Digest::size> bytes;
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(page_count >> (24 - 8 * i));
  std::copy(top.bytes.begin(), top.bytes.end(), bytes.begin() + 4);
  return crypto::sha256("prytany.state", bytes);
}

Digest root_of_leaves(std::vector<Digest> level) {
  const auto pages = static_cast<PageIndex>(level.size());
  while (level.size() > 1) {
    std::vector<Digest> above;
    above.reserve(level.size() / TreeShape::fan_out + 1);
    for (std::size_t i = 0; i < level.size(); i += TreeShape::fan_out) {
      const std::size_t count = std::min<std::size_t>(TreeShape::fan_out, level.size() - i);
      above.push_back(node_digest(std::span(level).subspan(i, count)));
    }
    level = std::move(above);
  }
  return state_root(pages, level.empty() ? Digest{} : level.front());
}

Digest image_root(ByteView image) {
  ENSURE(image.size() % page_bytes == 0);
  std::vector<Digest> leaves(image.size() / page_bytes);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    leaves[i] = leaf_digest(page_of(image.data(), static_cast<PageIndex>(i)));
  return root_of_leaves(std::move(leaves));
}

std::vector<Digest> TreeReader::children(unsigned level, PageIndex index) const {
  const TreeShape tree = shape();
  ENSURE(level > 0 && index < tree.width(level));
  std::vector<Digest> digests(tree.child_count(level, index));
  for (PageIndex i = 0; i < digests.size(); ++i)
    digests[i] = node(level - 1, tree.first_child(index) + i);
  return digests;
}

Digest TreeReader::top() const {
  const TreeShape tree = shape();
  return tree.page_count == 0 ? Digest{} : node(tree.height(), 0);
}

std::vector<PageIndex> differing_children(const TreeReader& mine, unsigned level, PageIndex index,
                                          std::span<const Digest> theirs) {
  ENSURE(level > 0);
  // A node's digest covers how many children it has, so equal digests at equal places mean equal
  // pages even where the two trees have different page counts.
  const PageIndex my_width = mine.shape().width(level - 1);
  const PageIndex first = index * TreeShape::fan_out;
  std::vector<PageIndex> different;
  for (PageIndex i = 0; i < theirs.size(); ++i) {
    if (first + i >= my_width || mine.node(level - 1, first + i) != theirs[i])
      different.push_back(first + i);
  }
  return different;
}

std::vector<PageIndex> diff(const TreeReader& mine, const TreeReader& theirs) {
  const TreeShape tree = theirs.shape();
  if (tree.page_count == 0) return {};
  const unsigned height = tree.height();
  std::vector<PageIndex> different{0};
  if (mine.shape().width(height) > 0 && mine.node(height, 0) == theirs.node(height, 0)) return {};
  for (unsigned level = height; level > 0; --level) {
    std::vector<PageIndex> below;
    for (const PageIndex index : different) {
      const auto found = differing_children(mine, level, index, theirs.children(level, index));
      below.insert(below.end(), found.begin(), found.end());
    }
    different = std::move(below);
  }
  return different;
}

const Digest* MerkleTree::Undo::find(unsigned level, PageIndex index) const {
  if (level >= levels.size()) return nullptr;
  const auto& saved = levels[level];
  const auto at = std::lower_bound(saved.begin(), saved.end(), index,
                                   [](const auto& entry, PageIndex i) { return entry.first < i; });
  return at != saved.end() && at->first == index ? &at->second : nullptr;
}

Digest MerkleTree::node(unsigned level, PageIndex index) const {
  ENSURE(level < levels_.size() && index < levels_[level].size());
  return levels_[level][index];
}

void MerkleTree::set(unsigned level, PageIndex index, PageIndex old_width, const Digest& digest,
                     Undo& undo) {
  Digest& here = levels_[level][index];
  if (index < old_width) undo.levels[level].emplace_back(index, here);
  here = digest;
}

// Cuts or lengthens every level. Cut nodes are appended to the undo last, where their indexes, the
// highest, belong.
void MerkleTree::resize(PageIndex page_count, Undo& undo) {
  const TreeShape shape{page_count};
  const std::size_t count = page_count == 0 ? 0 : shape.height() + 1;
  for (unsigned level = 0; level < levels_.size(); ++level) {
    const PageIndex keep = level < count ? shape.width(level) : 0;
    for (PageIndex i = keep; i < levels_[level].size(); ++i)
      undo.levels[level].emplace_back(i, levels_[level][i]);
  }
  levels_.resize(count);
  for (unsigned level = 0; level < count; ++level) levels_[level].resize(shape.width(level));
  shape_ = shape;
}

MerkleTree::Undo MerkleTree::update(const std::uint8_t* image, PageIndex page_count,
                                    std::span<const PageIndex> changed) {
  const TreeShape old = shape_;
  Undo undo;
  undo.levels.resize(old.height() + 1);
  Undo cut = undo;
  resize(page_count, cut);

  std::vector<PageIndex> current(changed.begin(), changed.end());
  for (const PageIndex page : current) {
    ENSURE(page < page_count);
    set(0, page, old.width(0), leaf_digest(page_of(image, page)), undo);
  }
  for (unsigned level = 1; level < levels_.size(); ++level) {
    const PageIndex old_width = old.width(level);
    const auto last = static_cast<PageIndex>(levels_[level].size() - 1);
    std::vector<PageIndex> parents;
    for (const PageIndex index : current) {
      const PageIndex parent = index / TreeShape::fan_out;
      if (parents.empty() || parents.back() != parent) parents.push_back(parent);
    }
    // A shorter tree ends in a node that may have lost children although none of those left
    // changed.
    if (page_count < old.page_count && (parents.empty() || parents.back() != last))
      parents.push_back(last);
    const std::span<const Digest> below = levels_[level - 1];
    for (const PageIndex parent : parents) {
      const std::size_t first = shape_.first_child(parent);
      const std::size_t count = std::min<std::size_t>(TreeShape::fan_out, below.size() - first);
      set(level, parent, old_width, node_digest(below.subspan(first, count)), undo);
    }
    current = std::move(parents);
  }
  for (std::size_t level = 0; level < undo.levels.size(); ++level) {
    auto& saved = undo.levels[level];
    saved.insert(saved.end(), cut.levels[level].begin(), cut.levels[level].end());
  }
  return undo;
}

}  // namespace prytany::vfs
