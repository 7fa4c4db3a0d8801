#include "vfs/frame_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "tests/unit/vfs/memory_files.h"
#include "tests/unit/vfs/support.h"

namespace prytany::vfs {
namespace {

Page filled(std::uint8_t with) {
  Page page;
  page.bytes.fill(with);
  return page;
}

// Page 0 and 1, then 1 again, with other content: two commits, three frames.
FrameFile two_commits(MemoryFiles& files) {
  Result<FrameFile> file = FrameFile::create(files, "frames");
  EXPECT_TRUE(file.ok());
  EXPECT_TRUE(file->add(0, filled(10).bytes, 0).ok());
  EXPECT_TRUE(file->add(1, filled(11).bytes, 2).ok());
  EXPECT_TRUE(file->add(1, filled(12).bytes, 2).ok());
  EXPECT_TRUE(file->sync().ok());
  return std::move(*file);
}

FrameFile recovered(MemoryFiles& files) {
  Result<std::optional<FrameFile>> file = FrameFile::recover(files, "frames");
  EXPECT_TRUE(file.ok() && file->has_value());
  return std::move(**file);
}

TEST(FrameFile, gives_back_the_newest_committed_content_of_each_page) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  two_commits(files);
  const FrameFile file = recovered(files);
  EXPECT_EQ(file.frames(), 3u);
  EXPECT_EQ(file.page_count(), 2u);
  const std::map<PageIndex, FrameFile::FrameIndex> expected{{0, 0}, {1, 2}};
  EXPECT_EQ(file.newest(), expected);
  FrameFile::Frame frame;
  ASSERT_TRUE(file.read(2, frame).ok());
  EXPECT_EQ(frame.page, 1u);
  EXPECT_EQ(frame.commits, 2u);
  EXPECT_EQ(frame.content.bytes, filled(12).bytes);
}

TEST(FrameFile, ends_at_the_last_commit_wherever_it_is_cut_or_damaged) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  two_commits(files);
  const Bytes whole = folder.files[0].now;
  const auto frames_up_to = [](std::size_t bytes) {
    const std::size_t frames = bytes < FrameFile::header_bytes
                                   ? 0
                                   : (bytes - FrameFile::header_bytes) / FrameFile::frame_bytes;
    return frames == 1 ? 0 : frames;  // the first alone commits nothing
  };
  for (std::size_t length = 0; length <= whole.size(); length += 61) {
    folder.files[0].now.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    ASSERT_EQ(recovered(files).frames(), frames_up_to(length)) << "cut at " << length;
  }
  for (std::size_t at = 0; at < whole.size(); at += 37) {
    folder.files[0].now = whole;
    folder.files[0].now[at] ^= 0x40;
    ASSERT_EQ(recovered(files).frames(), frames_up_to(at)) << "damaged at " << at;
  }
}

TEST(FrameFile, overwrites_a_torn_tail_so_that_nothing_stale_can_follow) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  {
    FrameFile file = two_commits(files);
    ASSERT_TRUE(file.add(5, filled(55).bytes, 0).ok());
    ASSERT_TRUE(file.add(6, filled(66).bytes, 0).ok());
    ASSERT_TRUE(file.sync().ok());
  }
  {
    FrameFile file = recovered(files);
    EXPECT_EQ(file.frames(), 3u);
    ASSERT_TRUE(file.settle().ok());
    EXPECT_EQ(folder.files[0].synced.size(), FrameFile::header_bytes + 3 * FrameFile::frame_bytes);
    ASSERT_TRUE(file.add(5, filled(55).bytes, 6).ok());
    ASSERT_TRUE(file.sync().ok());
  }
  EXPECT_EQ(recovered(files).frames(), 4u);
  EXPECT_EQ(recovered(files).page_count(), 6u);
}

TEST(FrameFile, forgets_pages_beyond_a_smaller_image) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  {
    FrameFile file = two_commits(files);
    ASSERT_TRUE(file.add(0, filled(1).bytes, 1).ok());
    ASSERT_TRUE(file.sync().ok());
  }
  const std::map<PageIndex, FrameFile::FrameIndex> expected{{0, 3}};
  EXPECT_EQ(recovered(files).newest(), expected);
}

TEST(FrameFile, notices_that_another_program_changed_it) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  FrameFile file = two_commits(files);
  Result<bool> unchanged = file.unchanged();
  ASSERT_TRUE(unchanged.ok());
  EXPECT_TRUE(*unchanged);
  folder.files[0].now.back() ^= 1;
  unchanged = file.unchanged();
  ASSERT_TRUE(unchanged.ok());
  EXPECT_FALSE(*unchanged);
}

TEST(FrameFile, reads_what_sqlite_wrote_and_sqlite_reads_what_it_wrote) {
  const TemporaryFolder real;
  const std::string path = real.file("w.db");
  const PlainDatabase plain = open_plain(path);
  execute(plain.get(),
          "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; CREATE TABLE t(x);"
          "INSERT INTO t VALUES(zeroblob(20000)); INSERT INTO t VALUES(7)");
  MemoryFolder folder;
  std::ifstream in(path + "-wal", std::ios::binary);
  folder.files.emplace_back();
  folder.files[0].now.assign(std::istreambuf_iterator<char>(in), {});
  folder.names["frames"] = 0;
  MemoryFiles files(folder);
  const FrameFile theirs = recovered(files);
  EXPECT_EQ(theirs.frames(), (folder.files[0].now.size() - 32) / FrameFile::frame_bytes);
  EXPECT_EQ(std::to_string(theirs.page_count()) + "\n", query(plain.get(), "PRAGMA page_count"));

  // The same frames under our hand, beside a placeholder of one page: SQLite must see the table.
  Result<FrameFile> ours = FrameFile::create(files, "state.db-wal");
  ASSERT_TRUE(ours.ok());
  FrameFile::Frame frame;
  for (FrameFile::FrameIndex i = 0; i < theirs.frames(); ++i) {
    ASSERT_TRUE(theirs.read(i, frame).ok());
    ASSERT_TRUE(ours->add(frame.page, frame.content.bytes, frame.commits).ok());
  }
  ASSERT_TRUE(ours->sync().ok());
  const Result<Files::Handle> database = files.create("state.db");
  ASSERT_TRUE(theirs.read(theirs.newest().at(0), frame).ok());
  ASSERT_TRUE(files.write(*database, 0, frame.content.bytes).ok());
  folder.copy_to(real.file("ours"));
  const PlainDatabase reader = open_plain(real.file("ours") + "/state.db");
  EXPECT_EQ(query(reader.get(), "SELECT count(*), max(length(x)) FROM t"), "2|20000\n");
  EXPECT_EQ(query(reader.get(), "PRAGMA integrity_check"), "ok\n");
}

}  // namespace
}  // namespace prytany::vfs
