#include "vfs/merkle.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace prytany::vfs {
namespace {

// An image, and its tree kept up to date by updates.
struct Grove {
  Bytes image;
  MerkleTree tree;

  // Changes a page or two, or the size; returns what undoes it.
  MerkleTree::Undo change(std::mt19937_64& random, PageIndex pages_max) {
    const auto old_count = static_cast<PageIndex>(image.size() / page_bytes);
    PageIndex count = old_count;
    if (random() % 3 == 0 || count == 0) count = static_cast<PageIndex>(random() % (pages_max + 1));
    image.resize(byte_offset(count));
    std::map<PageIndex, bool> changed;
    for (PageIndex page = old_count; page < count; ++page) changed[page] = true;
    for (int i = 0; i < 4 && count > 0; ++i)
      changed[static_cast<PageIndex>(random() % count)] = true;
    std::vector<PageIndex> pages;
    for (const auto& [page, unused] : changed) {
      image[byte_offset(page) + random() % page_bytes] = static_cast<std::uint8_t>(random());
      pages.push_back(page);
    }
    return tree.update(image.data(), count, pages);
  }
};

TEST(TreeShape, has_the_height_that_its_pages_need) {
  EXPECT_EQ(TreeShape{0}.height(), 0u);
  EXPECT_EQ(TreeShape{1}.height(), 0u);
  EXPECT_EQ(TreeShape{2}.height(), 1u);
  EXPECT_EQ(TreeShape{16}.height(), 1u);
  EXPECT_EQ(TreeShape{17}.height(), 2u);
  EXPECT_EQ(TreeShape{1u << 19}.height(), 5u);
  EXPECT_EQ(TreeShape{0xffffffffu}.height(), 8u);
  EXPECT_EQ(TreeShape{17}.width(0), 17u);
  EXPECT_EQ(TreeShape{17}.width(1), 2u);
  EXPECT_EQ(TreeShape{17}.width(2), 1u);
  EXPECT_EQ(TreeShape{17}.width(3), 0u);
  EXPECT_EQ(TreeShape{17}.child_count(1, 1), 1u);
}

TEST(MerkleTree, updated_step_by_step_equals_one_made_from_scratch) {
  std::mt19937_64 random(1);
  for (const PageIndex pages_max : {3u, 20u, 300u}) {
    Grove grove;
    for (int step = 0; step < 200; ++step) {
      grove.change(random, pages_max);
      ASSERT_EQ(grove.tree.root(), image_root(grove.image)) << "step " << step;
    }
  }
}

TEST(MerkleTree, is_readable_as_it_was_through_its_undo) {
  std::mt19937_64 random(2);
  Grove grove;
  for (int step = 0; step < 300; ++step) {
    const MerkleTree before = grove.tree;
    const MerkleTree::Undo undo = grove.change(random, 300);
    const TreeShape shape = before.shape();
    for (unsigned level = 0; shape.page_count > 0 && level <= shape.height(); ++level) {
      for (PageIndex i = 0; i < shape.width(level); ++i) {
        const Digest* const saved = undo.find(level, i);
        ASSERT_EQ(before.node(level, i), saved != nullptr ? *saved : grove.tree.node(level, i));
      }
    }
  }
}

TEST(MerkleTree, names_exactly_the_pages_in_which_two_states_differ) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    Grove mine;
    mine.change(random, 600);
    Grove theirs = mine;
    for (std::uint64_t i = random() % 3; i > 0; --i) theirs.change(random, 600);
    const auto my_count = mine.tree.shape().page_count;
    std::vector<PageIndex> expected;
    for (PageIndex page = 0; page < theirs.tree.shape().page_count; ++page) {
      if (page >= my_count || mine.tree.node(0, page) != theirs.tree.node(0, page))
        expected.push_back(page);
    }
    ASSERT_EQ(diff(mine.tree, theirs.tree), expected);
  }
}

TEST(MerkleTree, proves_each_node_by_its_children_up_to_the_root) {
  std::mt19937_64 random(4);
  Grove grove;
  while (grove.tree.shape().page_count < 300) grove.change(random, 600);
  const TreeShape shape = grove.tree.shape();
  for (unsigned level = 1; level <= shape.height(); ++level) {
    for (PageIndex i = 0; i < shape.width(level); ++i)
      EXPECT_EQ(node_digest(grove.tree.children(level, i)), grove.tree.node(level, i));
  }
  EXPECT_EQ(state_root(shape.page_count, grove.tree.node(shape.height(), 0)), grove.tree.root());
}

TEST(MerkleTree, tells_apart_states_that_differ_only_in_trailing_zero_pages) {
  const Bytes one(page_bytes, 0);
  const Bytes two(2 * page_bytes, 0);
  EXPECT_NE(image_root({}), image_root(one));
  EXPECT_NE(image_root(one), image_root(two));
}

TEST(MerkleTree, gives_a_page_another_digest_than_a_node_of_the_same_bytes) {
  std::vector<Digest> children(TreeShape::fan_out);
  Bytes page(page_bytes, 0);
  EXPECT_NE(leaf_digest(PageView(page.data(), page_bytes)), node_digest(children));
}

}  // namespace
}  // namespace prytany::vfs
