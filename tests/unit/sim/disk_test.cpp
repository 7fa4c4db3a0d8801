#include "tests/sim/disk.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_files.h"

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

TEST(Folder, after_a_failed_sync_may_show_until_power_fails_what_no_later_sync_writes) {
  for (const bool readable : {true, false}) {
    Folder folder;
    folder.create("a");
    folder.write("a", 0, filled(10, 1));
    folder.sync("a");
    folder.sync_entries();
    folder.write("a", 0, filled(10, 2));
    Folder::fail_sync(*folder.open("a"), readable);
    EXPECT_EQ(folder.read("a"), filled(10, readable ? 2 : 1));
    folder.sync("a");
    const Folder killed_only = folder;
    EXPECT_EQ(killed_only.read("a"), filled(10, readable ? 2 : 1));
    Rng rng(1);
    folder.crash(rng, always);
    EXPECT_EQ(folder.read("a"), filled(10, 1));
  }
}

TEST(Folder, gets_a_misdirected_page_at_another_pages_place) {
  bool seen = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Folder folder;
    folder.create("a");
    folder.write("a", 0, filled(4 * vfs::page_bytes, 1));
    Trouble trouble;
    trouble.arm(Trouble::Kind::misdirected, 0);
    Rng rng(seed);
    const auto page = filled(vfs::page_bytes, 2);
    ASSERT_TRUE(write_through(*folder.open("a"), vfs::page_bytes, page, trouble, rng));
    const Bytes& now = folder.read("a");
    EXPECT_EQ(std::count(now.begin(), now.end(), 2), static_cast<std::ptrdiff_t>(vfs::page_bytes));
    const auto first = std::find(now.begin(), now.end(), 2) - now.begin();
    EXPECT_EQ(static_cast<std::size_t>(first) % vfs::page_bytes, 0U);
    seen = seen || now[vfs::page_bytes] == 1;
  }
  EXPECT_TRUE(seen) << "what was to be replaced stays";
}

TEST(Folder, gets_some_sectors_of_a_torn_write_that_says_done) {
  Folder folder;
  folder.create("a");
  folder.write("a", 0, filled(vfs::page_bytes, 1));
  Trouble trouble;
  trouble.arm(Trouble::Kind::torn, 0);
  Rng rng(1);
  const auto page = filled(vfs::page_bytes, 2);
  ASSERT_TRUE(write_through(*folder.open("a"), 0, page, trouble, rng));
  const Bytes& now = folder.read("a");
  const auto written = std::count(now.begin(), now.end(), 2);
  EXPECT_GT(written, 0);
  EXPECT_LT(written, static_cast<std::ptrdiff_t>(vfs::page_bytes));
  EXPECT_EQ(written % static_cast<std::ptrdiff_t>(Folder::sector_bytes), 0);
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

TEST(Folder, renames_at_once_and_for_good_only_when_entries_are_synced) {
  Rng rng(6);
  Folder folder;
  folder.create("old");
  folder.write("old", 0, filled(3, 1));
  folder.sync("old");
  folder.sync_entries();
  folder.rename("old", "new");
  EXPECT_EQ(folder.list(), std::vector<std::string>{"new"});
  folder.crash(rng, 0);
  EXPECT_EQ(folder.list(), std::vector<std::string>{"old"});
  folder.rename("old", "new");
  folder.sync_entries();
  folder.crash(rng, 0);
  EXPECT_EQ(folder.read("new"), filled(3, 1));
}

TEST(Folder, a_copy_is_an_image_that_does_not_change_with_the_disk) {
  Folder folder;
  folder.create("a");
  const Folder image = folder;
  folder.write("a", 0, filled(3, 1));
  EXPECT_TRUE(image.read("a").empty());
}

TEST(Folder, forgets_what_a_sync_failed_to_write) {
  Folder folder;
  const Folder::Open file = folder.create("a");
  Folder::write(*file, 0, filled(3, 1));
  Folder::fail_sync(*file, false);
  Folder::sync(*file);  // which succeeds, and wrote nothing
  EXPECT_TRUE(folder.read("a").empty());
}

TEST(Trouble, comes_once_when_it_is_due_and_is_known_to_have_come) {
  Trouble disk;
  disk.arm(Trouble::Kind::write_error, 1);
  EXPECT_EQ(disk.on_sync(), Trouble::Sync::done);
  EXPECT_EQ(disk.on_write(), Trouble::Write::done);
  EXPECT_FALSE(disk.failed());
  EXPECT_EQ(disk.on_write(), Trouble::Write::error);
  EXPECT_TRUE(disk.failed());
  EXPECT_EQ(disk.on_write(), Trouble::Write::done);
  disk.new_life();
  EXPECT_FALSE(disk.failed());
}

TEST(Trouble, of_a_full_disk_lasts_until_there_is_room_and_lies_last_for_ever) {
  Trouble disk;
  disk.arm(Trouble::Kind::full, 0);
  EXPECT_EQ(disk.on_write(), Trouble::Write::full);
  EXPECT_EQ(disk.on_write(), Trouble::Write::full);
  disk.make_room();
  EXPECT_EQ(disk.on_write(), Trouble::Write::done);
  disk.arm(Trouble::Kind::lying_sync, 0);
  EXPECT_EQ(disk.on_sync(), Trouble::Sync::pretended);
  disk.new_life();
  EXPECT_EQ(disk.on_sync(), Trouble::Sync::pretended);
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
