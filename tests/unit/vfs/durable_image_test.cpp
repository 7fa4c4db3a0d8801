#include "vfs/durable_image.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/vfs/memory_files.h"
#include "tests/unit/vfs/support.h"
#include "vfs/real_files.h"
#include "vfs/vfs.h"

namespace prytany::vfs {
namespace {

// Images of a real SQLite database, each one transaction further: g holds the image's number.
std::vector<Bytes> sqlite_images(int count) {
  NoDisk disk;
  const auto store = new_store(disk);
  Result<Database> database = open_database(*store);
  EXPECT_TRUE(database.ok());
  std::vector<Bytes> images{Bytes{}};
  for (int n = 1; n <= count; ++n) {
    const std::string number = std::to_string(n);
    if (n == 1)
      execute(database->get(), "CREATE TABLE g(n); INSERT INTO g VALUES(0); CREATE TABLE t(x, n)");
    execute(database->get(), "BEGIN; UPDATE g SET n = " + number +
                                 "; DELETE FROM t WHERE rowid % 9 = " + std::to_string(n % 9) +
                                 "; INSERT INTO t VALUES(zeroblob(" +
                                 std::to_string(n * 977 % 20000) + "), " + number +
                                 "); UPDATE t SET n = " + number + " WHERE rowid % 3 = 0; COMMIT");
    store->checkpoint(Label{static_cast<std::uint64_t>(n)});
    images.push_back(image_of(*store, Label{static_cast<std::uint64_t>(n)}));
  }
  return images;
}

const std::vector<Bytes>& images() {
  static const std::vector<Bytes> made = sqlite_images(60);
  return made;
}

Bytes load(DurableImage& image) {
  const Result<bool> locked = image.lock();
  EXPECT_TRUE(locked.ok());
  ImageReader reader;
  EXPECT_TRUE(image.load(reader).ok());
  return reader.image;
}

// What a trial of many lives, each ended by a power failure, is made of.
struct PowerPlan {
  int failures = 400;
  std::uint64_t seed = 1;
  std::vector<std::string> lies = {};  // files whose syncs do nothing
  unsigned readers_percent = 33;       // how often other programs keep backfill away
  std::uint64_t steps_max = 60;        // of one life
  bool ask_sqlite = false;             // whether plain SQLite opens what is left, before we do
};
struct PowerResult {
  int lost = 0;     // loads that gave neither the last commit nor the one under way
  int damaged = 0;  // files in which plain SQLite finds a fault
};

struct Life {
  std::uint64_t committed = 0;  // index into images(), known durable
  std::uint64_t begun = 0;      // the last one that may be

  [[nodiscard]] bool may_leave(const Bytes& image) const {
    for (std::uint64_t n = committed; n <= begun; ++n) {
      if (image == images()[n]) return true;
    }
    return false;
  }
};

// Commits image after image, with background work in between as the dice say, until something
// fails.
void live(DurableImage& image, Life& life, std::mt19937_64& random, MemoryFiles& files,
          const PowerPlan& plan) {
  for (std::uint64_t number = 1; life.committed + 1 < images().size(); ++number) {
    life.begun = std::min<std::uint64_t>(life.committed + 1 + random() % 2, images().size() - 1);
    const Commit commit = difference(images()[life.committed], images()[life.begun], number);
    if (!image.commit(commit).ok()) return;
    life.committed = life.begun;
    files.readers = random() % 100 < plan.readers_percent;
    for (std::uint64_t i = random() % 6; i > 0; --i) {
      if (!image.work(random() % 2 == 0).ok()) return;
    }
  }
}

void let_sqlite_look(const MemoryFolder& folder, const Life& life, PowerResult& result) {
  const TemporaryFolder real;
  folder.copy_to(real.path());
  if (query(open_plain(real.file("state.db")).get(), "PRAGMA integrity_check") != "ok\n")
    ++result.damaged;
  // It may have redone our wal and removed it, which must not matter to us.
  Result<std::unique_ptr<RealFiles>> files = RealFiles::open(real.path());
  ASSERT_TRUE(files.ok());
  DurableImage image(**files);
  if (!life.may_leave(load(image))) ++result.lost;
}

PowerResult lose_power_often(const PowerPlan& plan) {
  std::mt19937_64 random(plan.seed);
  PowerResult result;
  int left = plan.failures;
  while (left > 0) {
    MemoryFolder folder;
    Life life;
    for (; left > 0 && life.committed + 1 < images().size(); --left) {
      MemoryFiles files(folder);
      files.lying_about = plan.lies;
      std::uint64_t steps = random() % plan.steps_max;
      files.before_change = [&steps] { return steps-- > 0; };
      DurableImage image(files, {.superseded_frames_min = 20});
      ImageReader reader;
      if (image.lock().ok() && image.load(reader).ok()) {
        if (!life.may_leave(reader.image)) {
          ++result.lost;
          break;
        }
        while (reader.image != images()[life.committed]) ++life.committed;
        live(image, life, random, files, plan);
      }
      folder.lose_power(random);
      if (plan.ask_sqlite) let_sqlite_look(folder, life, result);
    }
  }
  return result;
}

TEST(DurableImage, survives_power_failures_with_the_last_commit_or_the_one_under_way) {
  EXPECT_EQ(lose_power_often({.failures = 1000, .seed = 1}).lost, 0);
  const PowerPlan blocked{.failures = 500, .seed = 2, .readers_percent = 95, .steps_max = 400};
  EXPECT_EQ(lose_power_often(blocked).lost, 0);
}

TEST(DurableImage, leaves_after_a_power_failure_what_plain_sqlite_finds_whole) {
  const PowerResult result = lose_power_often({.failures = 400, .seed = 3, .ask_sqlite = true});
  EXPECT_EQ(result.lost, 0);
  EXPECT_EQ(result.damaged, 0);
}

// The tests above must be able to fail: they notice each sync that is left out.
TEST(DurableImage, would_lose_commits_without_any_one_of_its_syncs) {
  for (const char* file : {"state.db-redo", "state.db", "."})
    EXPECT_GT(lose_power_often({.seed = 4, .lies = {file}}).lost, 0) << file;
  EXPECT_GT(lose_power_often(
                {.seed = 4, .lies = {"state.db-redo.new"}, .readers_percent = 95, .steps_max = 400})
                .lost,
            0);
}

TEST(DurableImage, shows_readers_the_last_backfilled_commit_and_keeps_later_ones_to_itself) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  DurableImage image(files);
  EXPECT_TRUE(load(image).empty());
  ASSERT_TRUE(image.commit(difference(images()[0], images()[1], 1)).ok());
  while (*image.work() == DurableImage::Work::more) {
  }
  EXPECT_EQ(image.progress().backfilled, 1u);
  files.readers = true;
  for (std::uint64_t n = 2; n < 9; ++n) {
    ASSERT_TRUE(image.commit(difference(images()[n - 1], images()[n], n)).ok());
    const Result<DurableImage::Work> work = image.work();
    ASSERT_TRUE(work.ok());
    EXPECT_EQ(*work, DurableImage::Work::blocked);
    EXPECT_EQ(image.progress().committed, n);
    EXPECT_EQ(image.progress().backfilled, 1u);
    EXPECT_EQ(folder.files[static_cast<std::size_t>(folder.names.at("state.db"))].now, images()[1]);
    EXPECT_FALSE(folder.names.contains("state.db-wal"));
  }
  files.readers = false;
  while (*image.work() == DurableImage::Work::more) {
  }
  EXPECT_EQ(image.progress().backfilled, 8u);
  EXPECT_EQ(folder.names.size(), 1u);
  EXPECT_EQ(folder.files[static_cast<std::size_t>(folder.names.at("state.db"))].now, images()[8]);
}

TEST(DurableImage, bounds_a_redo_that_readers_keep_it_from_emptying) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  DurableImage image(files, {.superseded_frames_min = 100});
  load(image);
  files.readers = true;
  // Two images by turns, so that the same pages change again and again.
  std::size_t largest = 0;
  for (std::uint64_t n = 1; n <= 300; ++n) {
    const Bytes& from = n == 1 ? images()[0] : images()[30 + (n - 1) % 2];
    ASSERT_TRUE(image.commit(difference(from, images()[30 + n % 2], n)).ok());
    ASSERT_TRUE(image.work().ok());
    const int redo = folder.names.at("state.db-redo");
    largest = std::max(largest, folder.files[static_cast<std::size_t>(redo)].now.size());
  }
  while (*image.work() == DurableImage::Work::more) {
  }
  const std::size_t pages = images()[30].size() / page_bytes + 10;
  EXPECT_LT(largest, (3 * pages + 100) * FrameFile::frame_bytes);
  MemoryFiles again(folder);
  DurableImage after(again);
  EXPECT_EQ(load(after), images()[30]);
}

TEST(DurableImage, costs_nothing_to_commit_an_image_that_is_the_same) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  DurableImage image(files);
  load(image);
  ASSERT_TRUE(image.commit(difference(images()[0], images()[1], 1)).ok());
  while (*image.work() == DurableImage::Work::more) {
  }
  files.before_change = [] { return false; };
  ASSERT_TRUE(image.commit(difference(images()[1], images()[1], 2)).ok());
  EXPECT_EQ(image.progress().committed, 2u);
  EXPECT_EQ(image.progress().backfilled, 2u);
}

TEST(DurableImage, reports_a_write_that_fails_and_does_not_try_again) {
  for (std::uint64_t good = 0; good < 12; ++good) {
    MemoryFolder folder;
    MemoryFiles files(folder);
    DurableImage image(files);
    load(image);
    std::uint64_t steps = good;
    files.before_change = [&steps] { return steps-- > 0; };
    bool failed = false;
    for (std::uint64_t n = 1; n < 9 && !failed; ++n) {
      failed = !image.commit(difference(images()[n - 1], images()[n], n)).ok();
      for (int i = 0; i < 3 && !failed; ++i) failed = !image.work().ok();
    }
    EXPECT_TRUE(failed) << "after " << good << " good steps";
  }
}

// The image that a start after a failed sync shows must be there after a power failure, too: others
// were told, meanwhile, that it is.
TEST(DurableImage, writes_again_what_a_failed_sync_has_left_in_memory_only) {
  int shown = 0;
  for (std::uint64_t good = 0; good < 30; ++good) {
    MemoryFolder folder;
    std::uint64_t last = 0;
    {
      MemoryFiles files(folder);
      files.failed_sync_loses = true;
      DurableImage image(files);
      load(image);
      std::uint64_t steps = good;
      files.before_change = [&steps] { return steps-- > 0; };
      while (image.commit(difference(images()[last], images()[last + 1], last + 1)).ok()) ++last;
    }
    Bytes seen;
    {
      MemoryFiles files(folder);
      DurableImage image(files);
      seen = load(image);
      ASSERT_TRUE(seen == images()[last] || seen == images()[last + 1]) << good;
      shown += seen == images()[last + 1] ? 1 : 0;
      if (seen == images()[last + 1]) ++last;
      ASSERT_TRUE(image.commit(difference(images()[last], images()[last + 1], 1)).ok());
    }
    for (MemoryFolder::File& file : folder.files) file.now = file.synced;  // the power fails
    folder.names = folder.synced_names;
    MemoryFiles files(folder);
    DurableImage image(files);
    EXPECT_EQ(load(image), images()[last + 1]) << "after " << good << " good steps";
  }
  EXPECT_GT(shown, 3);
}

TEST(DurableImage, stops_when_its_file_was_replaced_by_another) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  DurableImage image(files);
  load(image);
  ASSERT_TRUE(image.commit(difference(images()[0], images()[1], 1)).ok());
  folder.names.erase("state.db");
  const Result<DurableImage::Work> work = image.work();
  ASSERT_FALSE(work.ok());
  EXPECT_NE(work.error().message.find("replaced"), std::string::npos);
}

TEST(DurableImage, removes_a_wal_that_says_nothing) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  {
    DurableImage image(files);
    load(image);
    ASSERT_TRUE(image.commit(difference(images()[0], images()[1], 1)).ok());
    while (*image.work() == DurableImage::Work::more) {
    }
  }
  const Result<Files::Handle> wal = files.create("state.db-wal");
  ASSERT_TRUE(files.write(*wal, 0, Bytes(5000, 1)).ok());
  DurableImage image(files);
  EXPECT_EQ(load(image), images()[1]);
  while (*image.work() == DurableImage::Work::more) {
  }
  EXPECT_FALSE(folder.names.contains("state.db-wal"));
  EXPECT_EQ(folder.files[static_cast<std::size_t>(folder.names.at("state.db"))].now, images()[1]);
}

}  // namespace
}  // namespace prytany::vfs
