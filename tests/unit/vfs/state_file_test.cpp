#include "vfs/state_file.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/vfs/memory_files.h"
#include "tests/unit/vfs/process.h"
#include "tests/unit/vfs/support.h"
#include "vfs/vfs.h"

namespace prytany::vfs {
namespace {

void wait_until_durable(PageStore& store, Label label) {
  ASSERT_TRUE(eventually(20, [&] {
    EXPECT_TRUE(store.poll_disk().ok());
    return store.durable() == label;
  }));
}

TEST(StateFile, creates_its_folder_and_an_empty_database) {
  const TemporaryFolder scratch;
  const std::string folder = scratch.file("new");
  Result<std::unique_ptr<StateFile>> disk = StateFile::open(folder);
  ASSERT_TRUE(disk.ok());
  EXPECT_EQ(new_store(**disk)->size(), 0u);
  EXPECT_TRUE(std::filesystem::exists(folder + "/state.db"));
  EXPECT_FALSE(StateFile::open(scratch.file("none/below")).ok());
}

TEST(StateFile, refuses_a_folder_that_another_replica_has_and_says_which) {
  const TemporaryFolder scratch;
  Result<std::unique_ptr<StateFile>> first = StateFile::open(scratch.path());
  ASSERT_TRUE(first.ok());
  const Result<std::unique_ptr<StateFile>> second = StateFile::open(scratch.path());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("in use by another replica"), std::string::npos);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
  first->reset();
  EXPECT_TRUE(StateFile::open(scratch.path()).ok());
}

TEST(StateFile, wakes_its_owner_when_a_commit_is_durable) {
  const TemporaryFolder scratch;
  Result<std::unique_ptr<StateFile>> disk = StateFile::open(scratch.path());
  ASSERT_TRUE(disk.ok());
  const auto store = new_store(**disk);
  ASSERT_TRUE(store->write(0, Bytes(10 * page_bytes, 3)));
  store->checkpoint(Label{1});
  ASSERT_TRUE(store->begin_commit(Label{1}).ok());
  pollfd ready{store->ready_descriptor(), POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, 20'000), 1);
  wait_until_durable(*store, Label{1});
}

TEST(StateFile, finishes_on_the_way_out_what_was_begun) {
  const TemporaryFolder scratch;
  Digest root;
  {
    Result<std::unique_ptr<StateFile>> disk = StateFile::open(scratch.path());
    const auto store = new_store(**disk);
    for (std::uint64_t n = 1; n <= 20; ++n) {
      ASSERT_TRUE(store->write(n * 3000, Bytes(5000, static_cast<std::uint8_t>(n))));
      root = store->checkpoint(Label{n});
      ASSERT_TRUE(store->begin_commit(Label{n}).ok());
    }
  }
  EXPECT_FALSE(std::filesystem::exists(scratch.file("state.db-redo")));
  EXPECT_FALSE(std::filesystem::exists(scratch.file("state.db-wal")));
  Result<std::unique_ptr<StateFile>> disk = StateFile::open(scratch.path());
  EXPECT_EQ(new_store(**disk)->root(), root);
}

TEST(StateFile, reports_a_disk_error_for_good_and_makes_nothing_durable_after_it) {
  MemoryFolder folder;
  auto files = std::make_unique<MemoryFiles>(folder);
  std::uint64_t steps = 9;
  files->before_change = [&steps] { return steps-- > 0; };
  const std::unique_ptr<StateFile> disk = StateFile::over(std::move(files));
  const auto store = new_store(*disk);
  std::optional<Error> error;
  for (std::uint64_t n = 1; n < 100 && !error; ++n) {
    ASSERT_TRUE(store->write(n * 100, Bytes(5000, static_cast<std::uint8_t>(n))));
    store->checkpoint(Label{n});
    ASSERT_TRUE(store->begin_commit(Label{n}).ok());
    eventually(20, [&] {
      const Result<void> polled = store->poll_disk();
      if (!polled) error = polled.error();
      return error || store->durable() == Label{n};
    });
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "the disk failed");
  const std::optional<Label> durable = store->durable();
  EXPECT_FALSE(store->poll_disk().ok());
  EXPECT_EQ(store->durable(), durable);
}

TEST(StateFile, gives_back_memory_that_the_file_holds_too_and_still_reads_the_same) {
  const TemporaryFolder scratch;
  Result<std::unique_ptr<StateFile>> disk = StateFile::open(scratch.path());
  ASSERT_TRUE(disk.ok());
  PageStoreOptions options;
  options.capacity_bytes = 256 << 20;
  options.written_bytes_max = 64 * page_bytes;
  Result<std::unique_ptr<PageStore>> opened = PageStore::open(**disk, options);
  ASSERT_TRUE(opened.ok());
  PageStore& store = **opened;
  // 9,000 pages once, then a few of them, and of new ones, in each interval.
  constexpr PageIndex pages = 9000;
  Bytes model;
  const auto write = [&](PageIndex page, std::uint8_t with) {
    const Bytes content(page_bytes, with);
    ASSERT_TRUE(store.write(byte_offset(page), content));
    if (model.size() < byte_offset(page + 1)) model.resize(byte_offset(page + 1));
    std::copy(content.begin(), content.end(),
              model.begin() + static_cast<std::ptrdiff_t>(byte_offset(page)));
  };
  for (PageIndex page = 0; page < pages; ++page) write(page, static_cast<std::uint8_t>(page % 251));
  for (std::uint64_t n = 1; n <= 30; ++n) {
    for (PageIndex i = 0; i < 20; ++i)
      write(static_cast<PageIndex>((n * 977 + i * 331) % pages), static_cast<std::uint8_t>(n + i));
    for (PageIndex i = 0; i < 200; ++i)
      write(static_cast<PageIndex>(pages + (n - 1) * 200 + i), static_cast<std::uint8_t>(n));
    const Digest root = store.checkpoint(Label{n});
    if (n % 10 == 0) {
      ASSERT_EQ(root, image_root(model)) << n;
    }
    ASSERT_TRUE(store.begin_commit(Label{n}).ok());
    wait_until_durable(store, Label{n});
    ASSERT_TRUE(eventually(20, [&] { return (*disk)->progress()->backfilled == n; }));
    const Result<void> polled = store.poll_disk();
    ASSERT_TRUE(polled.ok()) << polled.error().message;
    store.discard_below(Label{n});
    if (n % 10 == 0) {
      ASSERT_TRUE(store.verify(Label{n}, root).whole) << n;
    }
  }
  EXPECT_LT(store.use().written_pages, 6000u);  // of 15,000
  // Cutting below the mapping and growing again must not show old content of the file.
  store.truncate(byte_offset(100));
  model.resize(byte_offset(100));
  store.checkpoint(Label{31});
  ASSERT_TRUE(store.begin_commit(Label{31}).ok());
  wait_until_durable(store, Label{31});
  ASSERT_TRUE(eventually(20, [&] { return (*disk)->progress()->backfilled == 31; }));
  EXPECT_EQ(std::filesystem::file_size(scratch.file("state.db")), byte_offset(100));
  write(500, 1);
  EXPECT_EQ(store.checkpoint(Label{32}), image_root(model));
}

}  // namespace
}  // namespace prytany::vfs
