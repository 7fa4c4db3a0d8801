// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/inline_disk.h"
#include "vfs/page_store.h"
#include "vfs/state_disk.h"

namespace prytany::vfs {

/// A new folder of the real disk; gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Nothing on it, and whatever is committed is durable at once.
class NoDisk final : public StateDisk {
 public:
  Result<void> load(ImageSink& sink) override { return sink.begin(0, -1, 0); }
  void begin_commit(Commit commit) override { last_ = commit.number; }
  Result<DiskProgress> progress() override { return DiskProgress{last_, last_}; }

 private:
  std::uint64_t last_ = 0;
};

/// A store on nothing, small.
std::unique_ptr<PageStore> new_store(StateDisk& disk, std::uint64_t capacity_bytes = 64 << 20);

/// Takes a loaded image as bytes.
class ImageReader final : public ImageSink {
 public:
  Result<void> begin(PageIndex page_count, int descriptor, PageIndex mapped_pages) override;
  void page(PageIndex page, PageView content) override;
  Bytes image;
};

/// The pages in which `to` differs from `from`, as commit `number`.
Commit difference(const Bytes& from, const Bytes& to, std::uint64_t number);

Bytes image_of(const PageStore& store, Label label);

/// Runs SQL that must succeed.
void execute(sqlite3* database, const std::string& sql);
/// All values of all rows, one line per row, values separated by '|'. The error's text if there is
/// one.
std::string query(sqlite3* database, const std::string& sql);

/// SQLite's own "unix" VFS on a file: a program that knows nothing of us.
struct ClosePlain {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using PlainDatabase = std::unique_ptr<sqlite3, ClosePlain>;
PlainDatabase open_plain(const std::string& path);

/// What the sqlite3 program prints, errors included, given these arguments and this input.
std::string run_sqlite3(const std::string& arguments, const std::string& input = "");

}  // namespace prytany::vfs
