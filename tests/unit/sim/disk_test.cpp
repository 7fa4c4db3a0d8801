#include "tests/sim/disk.h"

#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

constexpr Ppm always = 1'000'000;
constexpr Ppm half = 500'000;

Bytes filled(std::size_t size, std::uint8_t value) { return Bytes(size, value); }

TEST(Folder, loses_what_was_not_synced_when_power_fails) {
  Folder folder;
  folder.create("a");
  folder.write("a", 0, filled(10, 1));
  folder.sync("a");
  folder.sync_entries();
  folder.write("a", 5, filled(10, 2));
  EXPECT_EQ(folder.read("a").size(), 15U);
  Rng rng(1);
  folder.crash(rng, 0);
  EXPECT_EQ(folder.read("a"), filled(10, 1));
}

TEST(Folder, tears_unsynced_writes_at_sectors) {
  Rng rng(2);
  bool torn = false;
  for (int i = 0; i < 50; ++i) {
    Folder folder;
    folder.create("a");
    folder.write("a", 0, filled(2'000, 1));
    folder.sync("a");
    folder.sync_entries();
    folder.write("a", 100, filled(1'800, 2));
    folder.crash(rng, half);
    const Bytes& after = folder.read("a");
    ASSERT_EQ(after.size(), 2'000U);
    for (std::size_t at = 0; at < after.size(); ++at) {
      if (at < 100 || at >= 1'900) {
        EXPECT_EQ(after[at], 1);
      }
      // Within a sector, all of the write or nothing of it.
      if (at > 100 && at < 1'900 && at % Folder::sector_bytes != 0) {
        EXPECT_EQ(after[at], after[at - 1]);
      }
    }
    torn = torn || (after[200] != after[1'800]);
  }
  EXPECT_TRUE(torn);
}

TEST(Folder, may_lose_a_file_whose_entry_was_not_synced_and_bring_back_one_that_was_removed) {
  Rng rng(3);
  Folder folder;
  folder.create("old");
  folder.sync_entries();
  folder.create("new");
  folder.write("new", 0, filled(4, 1));
  folder.sync("new");
  folder.remove("old");
  folder.crash(rng, 0);
  EXPECT_FALSE(folder.contains("new"));
  EXPECT_TRUE(folder.contains("old"));

  folder.remove("old");
  folder.sync_entries();
  folder.crash(rng, 0);
  EXPECT_FALSE(folder.contains("old"));
}

TEST(Folder, keeps_everything_when_the_crash_is_kind) {
  Rng rng(4);
  Folder folder;
  folder.create("a");
  folder.write("a", 0, filled(5'000, 7));
  folder.crash(rng, always);
  EXPECT_EQ(folder.read("a"), filled(5'000, 7));
}

vfs::Commit commit(std::uint64_t number, std::uint8_t value) {
  vfs::Commit made;
  made.number = number;
  made.page_count = 2;
  made.pages = vfs::PageBatch({1});
  std::fill_n(made.pages.slot(0), vfs::page_bytes, value);
  return made;
}

TEST(ImageDisk, makes_commits_durable_in_order_and_loses_those_that_were_not_due) {
  ImageDisk disk;
  disk.begin(commit(1, 11), Time{100}, 50);
  disk.begin(commit(2, 22), Time{90}, 50);
  EXPECT_EQ(disk.settle(Time{99}).committed, 0U);
  EXPECT_EQ(disk.settle(Time{100}).committed, 2U);
  EXPECT_EQ(disk.settle(Time{149}).backfilled, 0U);
  EXPECT_EQ(disk.settle(Time{150}).backfilled, 2U);
  disk.begin(commit(3, 33), Time{200}, 0);
  disk.crash(Time{199});
  EXPECT_EQ(disk.durable().pages[1].bytes[0], 22);
  EXPECT_EQ(disk.settle(Time{500}).committed, 2U);
  disk.begin(commit(1, 44), Time{600}, 0);
  disk.crash(Time{600});
  EXPECT_EQ(disk.durable().pages[1].bytes[0], 44);
}

TEST(ImageDisk, that_lies_says_durable_and_writes_nothing) {
  ImageDisk disk;
  disk.begin(commit(1, 11), Time{100}, 50);
  EXPECT_EQ(disk.pretend_settle().committed, 1U);
  disk.begin(commit(2, 22), Time{100}, 50);
  disk.crash(Time{1'000});
  EXPECT_EQ(disk.durable().page_count, 0U);
}

TEST(SlotDisk, loses_pages_whole_or_half_when_power_fails_and_keeps_the_rest) {
  SlotDisk disk;
  disk.slots.resize(900);
  for (vfs::Page& page : disk.slots) page.bytes.fill(7);
  Rng rng(5);
  disk.crash(rng, 333'333);
  unsigned whole = 0;
  unsigned torn = 0;
  for (const vfs::Page& page : disk.slots) {
    const bool first = page.bytes.front() == 7;
    const bool last = page.bytes.back() == 7;
    EXPECT_TRUE(first || !last);
    whole += first && last;
    torn += first && !last;
  }
  EXPECT_GT(whole, 200U);
  EXPECT_GT(torn, 100U);
  EXPECT_LT(whole + torn, 700U);
}

}  // namespace
}  // namespace prytany::sim
