// One replica's disk, which outlives its processes: the journal's folder as bytes, and the images
// of state.db, with the line between what was synced and what a kill takes away.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "server/base/bytes.h"
#include "server/wire/ids.h"
#include "tests/sim/rng.h"
#include "vfs/page.h"
#include "vfs/state_disk.h"

namespace prytany::sim {

/// A folder of files. What was not synced is, after a crash, there in any part or not at all:
/// writes are torn at sectors, independently of each other and of their order.
class Folder {
 public:
  static constexpr std::size_t sector_bytes = 512;

  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] bool contains(const std::string& name) const { return files_.contains(name); }
  // The rest requires that the file exists (create: that it does not).
  [[nodiscard]] const Bytes& read(const std::string& name) const;
  void create(const std::string& name);
  void write(const std::string& name, std::uint64_t offset, ByteView bytes);
  void truncate(const std::string& name, std::uint64_t size);
  void sync(const std::string& name);
  void remove(const std::string& name);
  /// Files created and removed are so for good.
  void sync_entries();

  /// Power fails.
  void crash(Rng& rng, Ppm kept_rate);

 private:
  struct Change {
    std::uint64_t offset = 0;
    Bytes bytes;
    bool truncates = false;  // to `offset`
  };
  struct File {
    Bytes now;      // as the running process reads it
    Bytes durable;  // as after a crash that keeps nothing
    std::vector<Change> unsynced;
    bool entry_durable = false;
  };
  static void apply(Bytes& content, const Change& change);

  std::map<std::string, File> files_;
  std::map<std::string, File> removed_;  // not yet for good
};

/// state.db: pages, and commits on their way.
class ImageDisk {
 public:
  struct Image {
    vfs::PageIndex page_count = 0;
    std::vector<vfs::Page> pages;
  };

  /// A process starts: it numbers its commits anew from 1.
  void opened() { progress_ = {}; }
  /// Becomes durable at `due`, in the order begun; the database file itself holds it `backfill_us`
  /// later.
  void begin(vfs::Commit commit, Time due, std::uint64_t backfill_us);
  vfs::DiskProgress settle(Time now);
  /// Says that all commits begun are durable, and writes nothing, now or ever.
  vfs::DiskProgress pretend_settle();
  void crash(Time now);

  [[nodiscard]] const Image& durable() const { return durable_; }

 private:
  struct Pending {
    vfs::Commit commit;
    Time due;
    Time backfilled;
    bool written = false;
  };
  void write(const vfs::Commit& commit);

  Image durable_;
  std::deque<Pending> pending_;
  vfs::DiskProgress progress_;
  bool lies_ = false;
};

/// Pages beside state.db, never synced: power takes any of them, whole or half.
class SlotDisk {
 public:
  std::vector<vfs::Page> slots;

  void crash(Rng& rng, Ppm kept_rate);
};

}  // namespace prytany::sim
