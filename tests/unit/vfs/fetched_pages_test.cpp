// Pages kept beside the database by their content: what a crash did to them must not matter.
#include "vfs/fetched_pages.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/vfs/memory_slots.h"
#include "tests/unit/vfs/support.h"
#include "vfs/slot_file.h"

namespace prytany::vfs {
namespace {

Page page_of(std::uint8_t fill) {
  Page page;
  page.bytes.fill(fill);
  return page;
}
Digest leaf_of(std::uint8_t fill) { return leaf_digest(page_of(fill).bytes); }

void add(FetchedPages& pages, std::uint8_t fill) {
  ASSERT_TRUE(pages.add(leaf_of(fill), page_of(fill).bytes).ok());
}
void add_all(FetchedPages& pages, std::initializer_list<std::uint8_t> fills) {
  for (const std::uint8_t fill : fills) add(pages, fill);
}
std::uint8_t first_byte(FetchedPages& pages, std::uint8_t fill) {
  Page out;
  EXPECT_TRUE(pages.read(leaf_of(fill), out.bytes).value());
  return out.bytes[0];
}

TEST(FetchedPages, finds_after_a_restart_what_an_earlier_process_put_there) {
  MemorySlots slots;
  FetchedPages before(slots);
  ASSERT_TRUE(before.load().ok());
  add_all(before, {1, 2, 3});
  FetchedPages after(slots);
  EXPECT_FALSE(after.holds(leaf_of(2)));
  ASSERT_TRUE(after.load().ok());
  EXPECT_EQ(after.size(), 3u);
  EXPECT_EQ(first_byte(after, 2), 2);
}

TEST(FetchedPages, does_not_hold_what_a_crash_tore) {
  MemorySlots slots;
  FetchedPages before(slots);
  ASSERT_TRUE(before.load().ok());
  add_all(before, {1, 2, 3});
  slots.slots[1].bytes[4000] ^= 1;
  FetchedPages after(slots);
  ASSERT_TRUE(after.load().ok());
  EXPECT_TRUE(after.holds(leaf_of(1)));
  EXPECT_FALSE(after.holds(leaf_of(2)));
  EXPECT_TRUE(after.holds(leaf_of(3)));
}

TEST(FetchedPages, gives_out_nothing_that_rotted_and_takes_the_same_again_elsewhere) {
  MemorySlots slots;
  FetchedPages pages(slots);
  ASSERT_TRUE(pages.load().ok());
  add_all(pages, {1, 2});
  slots.slots[0].bytes[4000] ^= 1;
  Page out;
  EXPECT_FALSE(pages.read(leaf_of(1), out.bytes).value());
  EXPECT_FALSE(pages.holds(leaf_of(1)));
  add(pages, 1);
  EXPECT_EQ(slots.slots.size(), 3U) << "not where it rotted";
  EXPECT_TRUE(pages.read(leaf_of(1), out.bytes).value());
}

TEST(FetchedPages, writes_one_content_once) {
  MemorySlots slots;
  FetchedPages pages(slots);
  ASSERT_TRUE(pages.load().ok());
  for (int i = 0; i < 5; ++i) add(pages, 7);
  EXPECT_EQ(slots.writes, 1u);
}

TEST(FetchedPages, reuses_the_room_of_what_is_not_wanted_any_more) {
  MemorySlots slots;
  FetchedPages pages(slots);
  ASSERT_TRUE(pages.load().ok());
  add_all(pages, {1, 2, 3, 4});
  pages.keep_only([](const Digest& leaf) { return leaf == leaf_of(2); });
  EXPECT_EQ(pages.size(), 1u);
  add_all(pages, {5, 6, 7});
  EXPECT_EQ(slots.slots.size(), 4u);
  EXPECT_EQ(first_byte(pages, 2), 2);
  EXPECT_EQ(first_byte(pages, 6), 6);
}

TEST(SlotFile, exists_only_while_it_holds_something_and_ignores_half_a_page_at_its_end) {
  const TemporaryFolder folder;
  const std::string path = folder.file("state.db-fetched");
  {
    SlotFile slots(folder.path());
    EXPECT_EQ(slots.count().value(), 0u);
    EXPECT_FALSE(std::filesystem::exists(path));
    ASSERT_TRUE(slots.write(1, page_of(9).bytes).ok());
  }
  std::ofstream(path, std::ios::app) << "half a page";
  SlotFile again(folder.path());
  EXPECT_EQ(again.count().value(), 2u);
  Page out;
  ASSERT_TRUE(again.read(1, out.bytes).ok());
  EXPECT_EQ(out.bytes, page_of(9).bytes);
  ASSERT_TRUE(again.clear().ok());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SlotFile, says_so_when_it_cannot_be_written_or_was_cut) {
  SlotFile nowhere("/nonexistent/folder");
  EXPECT_FALSE(nowhere.write(0, page_of(1).bytes).ok());
  const TemporaryFolder folder;
  SlotFile slots(folder.path());
  ASSERT_TRUE(slots.write(3, page_of(1).bytes).ok());
  std::filesystem::resize_file(folder.file("state.db-fetched"), 5000);
  Page out;
  EXPECT_FALSE(slots.read(3, out.bytes).ok());
}

}  // namespace
}  // namespace prytany::vfs
