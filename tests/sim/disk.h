// One replica's disk, which outlives its processes: two folders (the journal, and state.db with its
// redo) as bytes, with the line between what was synced and what a crash takes away; and what goes
// wrong with them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/wire/ids.h"
#include "tests/sim/rng.h"
#include "vfs/page.h"
#include "vfs/state_disk.h"

namespace prytany::sim {

/// A folder of files. What was not synced is, after a crash, there in any part or not at all:
/// writes are torn at sectors, and names come and go, independently of each other and of their
/// order. A copy is an image of the disk.
class Folder {
 public:
  static constexpr std::size_t sector_bytes = 512;

  struct Change {
    std::uint64_t offset = 0;
    Bytes bytes;
    bool truncates = false;  // to `offset`
  };
  struct File {
    Bytes now;      // as the running process reads it
    Bytes durable;  // as after a crash that keeps nothing
    std::vector<Change> unsynced;
  };
  using Open = std::shared_ptr<File>;

  Folder() = default;
  Folder(const Folder& other) { *this = other; }
  Folder& operator=(const Folder& other);
  Folder(Folder&&) = default;
  Folder& operator=(Folder&&) = default;
  ~Folder() = default;

  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] bool contains(const std::string& name) const { return names_.contains(name); }
  /// An open file keeps its bytes when its name goes. Null if there is none.
  [[nodiscard]] Open open(const std::string& name) const;

  // The rest requires that the file exists (create: that it does not).
  [[nodiscard]] const Bytes& read(const std::string& name) const { return names_.at(name)->now; }
  Open create(const std::string& name);
  static void write(File& file, std::uint64_t offset, ByteView bytes);
  static void truncate(File& file, std::uint64_t size);
  static void sync(File& file);
  /// A sync that fails: what it should have written is not on the disk, and the next one would
  /// succeed ("fsyncgate"). It is gone from memory, too; or (`readable`) it can be read until power
  /// fails, as on Linux, where its pages count as clean.
  static void fail_sync(File& file, bool readable);
  void write(const std::string& name, std::uint64_t offset, ByteView bytes) {
    write(*names_.at(name), offset, bytes);
  }
  void sync(const std::string& name) { sync(*names_.at(name)); }
  void remove(const std::string& name);
  /// Replaces `to`, if there is one.
  void rename(const std::string& from, const std::string& to);
  /// Files created, renamed and removed are so for good.
  void sync_entries();

  /// Power fails.
  void crash(Rng& rng, Ppm kept_rate);

  /// Bytes change at rest. Requires: the file exists and is that long; nothing is unsynced.
  void damage(const std::string& name, std::uint64_t offset, ByteView bytes);

 private:
  struct Step {
    std::string name;
    Open file;         // what it names from then on; null: nothing
    std::string from;  // which loses its name to it; empty: none
  };
  static void apply(Bytes& content, const Change& change);

  std::map<std::string, Open> names_;
  std::map<std::string, Open> durable_names_;
  std::vector<Step> unsynced_;
};

/// What is wrong with a disk, for the process that uses it. Errors are transient: the next process
/// finds a disk that works, perhaps without what was not synced.
class Trouble {
 public:
  enum class Write : std::uint8_t { done, lost, misdirected, torn, error, full };
  enum class Sync : std::uint8_t { done, pretended, error, error_readable };
  enum class Kind : std::uint8_t {
    write_error,
    sync_error,
    read_error,
    full,         // ENOSPC, after a part of what was to be written
    lost_write,   // says done
    misdirected,  // says done, and overwrites something else
    torn,         // says done, and has written some of its sectors
    sync_gate,    // a sync error after which what was not written can still be read
    lying_sync,   // all that follow
  };

  /// The next operation but `after` that can meet this does.
  void arm(Kind kind, std::uint64_t after);
  Write on_write();
  Sync on_sync();
  /// False: an error.
  bool on_read();

  /// A process starts. Errors of the last one's life are over; lies go on.
  void new_life();
  /// In this life some operation returned an error: the process must stop.
  [[nodiscard]] bool failed() const { return failed_; }
  /// Nothing can be written until somebody makes room. Then it is an error.
  bool no_room() { return failed_ = failed_ || full_, full_; }
  void make_room() { full_ = false; }
  /// What has not gone wrong yet will not.
  void disarm() { armed_.reset(); }
  /// Syncs say done and do nothing.
  [[nodiscard]] bool lies() const { return lies_; }

 private:
  bool due(Kind kind);

  std::optional<Kind> armed_;
  std::uint64_t left_ = 0;
  bool failed_ = false;
  bool full_ = false;
  bool lies_ = false;
};

/// A database image as pages.
struct Image {
  std::vector<vfs::Page> pages;
};
/// What a start-up would load from this folder, which is not changed; an Error is what it would
/// say.
Result<Image> image_in(const Folder& folder);

/// Pages beside state.db, never synced: power takes any of them, whole or half.
class SlotDisk {
 public:
  std::vector<vfs::Page> slots;

  void crash(Rng& rng, Ppm kept_rate);
};

}  // namespace prytany::sim
