// A folder in memory that remembers what was synced, so that power can fail: what was not synced is
// then there or not, sector by sector and name by name, as the dice fall.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "vfs/files.h"

namespace prytany::vfs {

/// What survives the death of the process that uses it.
class MemoryFolder {
 public:
  static constexpr std::size_t sector_bytes = 512;

  struct Change {  // of one file, not synced
    bool is_resize = false;
    std::uint64_t offset = 0;  // or the new size
    Bytes data;
  };
  struct File {
    Bytes now;
    Bytes synced;
    std::vector<Change> unsynced;
    bool lossy = false;  // a sync failed: `now` may say what nobody will write
  };
  struct Naming {  // of a file, not synced; an empty name is none
    int file = 0;
    std::string from;
    std::string to;
  };

  std::vector<File> files;
  std::map<std::string, int, std::less<>> names;
  std::map<std::string, int, std::less<>> synced_names;
  std::vector<Naming> unsynced_names;

  /// The power fails: afterwards everything is as a disk might have it.
  void lose_power(std::mt19937_64& random);
  /// Every file, to a folder of the real disk.
  void copy_to(const std::string& folder) const;

 private:
  static void apply(std::map<std::string, int, std::less<>>& to, const Naming& naming);
  static void lose_sectors(File& file, std::mt19937_64& random);
};

/// A process that uses the folder.
class MemoryFiles final : public Files {
 public:
  explicit MemoryFiles(MemoryFolder& folder) : folder_(folder) {}

  /// Asked before each change; false: that change, and everything afterwards, fails.
  std::function<bool()> before_change;
  /// A sync that fails leaves what was written to be read, and no later sync writes it: so does
  /// Linux.
  bool failed_sync_loses = false;
  /// Syncs of these names claim success and do nothing ("." is the folder).
  std::vector<std::string> lying_about;
  /// What try_lock answers to `exclusive`: other programs are reading.
  bool readers = false;

  Result<std::optional<Handle>> open(std::string_view name) override;
  Result<Handle> create(std::string_view name) override;
  void close(Handle) override {}
  Result<std::uint64_t> size(Handle file) override;
  Result<std::size_t> read(Handle file, std::uint64_t offset, std::span<std::uint8_t> out) override;
  Result<void> write(Handle file, std::uint64_t offset, ByteView data) override;
  Result<void> resize(Handle file, std::uint64_t size) override;
  Result<void> sync(Handle file) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<void> sync_folder() override;
  Result<bool> is_named(Handle file, std::string_view name) override;
  Result<bool> try_lock(Handle, FileLock lock) override {
    return lock != FileLock::exclusive || !readers;
  }
  [[nodiscard]] int descriptor(Handle) const override { return -1; }
  std::uint64_t fresh_number() override { return ++fresh_; }

 private:
  Result<void> may_change();
  [[nodiscard]] bool lies(std::string_view name) const;
  MemoryFolder::File& at(Handle file) { return folder_.files[static_cast<std::size_t>(file)]; }

  MemoryFolder& folder_;
  bool dead_ = false;
  static inline std::uint64_t fresh_ = 0;
};

}  // namespace prytany::vfs
