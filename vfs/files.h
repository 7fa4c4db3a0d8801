// The port through which DurableImage reaches a disk: the system calls it makes, all inside one
// folder. The real ones are in real_files.h; tests and the simulator put disks here that lose, tear
// and refuse.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/base/bytes.h"
#include "server/base/result.h"

namespace prytany::vfs {

/// What we hold on the bytes that SQLite locks in a database file (sqlite.org/lockingv3.html),
/// against programs that read the file beside us.
enum class FileLock {
  shared,     // others may read; none may write
  draining,   // those who read may finish; nobody may begin (SQLite's PENDING)
  exclusive,  // nobody else reads or writes
};

/// Every Error is a local fault: it is reported once and the process stops. Nothing is tried again,
/// because after a failed write or sync nobody knows what the disk holds.
class Files {
 public:
  using Handle = int;

  virtual ~Files() = default;

  /// An existing file, or nothing if there is none.
  virtual Result<std::optional<Handle>> open(std::string_view name) = 0;
  /// A file that does not exist yet. Its name is durable after sync_folder().
  virtual Result<Handle> create(std::string_view name) = 0;
  virtual void close(Handle file) = 0;

  virtual Result<std::uint64_t> size(Handle file) = 0;
  /// How many bytes were there: fewer than asked for only at the end of the file.
  virtual Result<std::size_t> read(Handle file, std::uint64_t offset,
                                   std::span<std::uint8_t> out) = 0;
  virtual Result<void> write(Handle file, std::uint64_t offset, ByteView data) = 0;
  virtual Result<void> resize(Handle file, std::uint64_t size) = 0;
  /// Content and size are durable.
  virtual Result<void> sync(Handle file) = 0;

  /// Atomic; replaces `to`. Durable after sync_folder().
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;
  /// No error if there is no such file. Durable after sync_folder().
  virtual Result<void> remove(std::string_view name) = 0;
  virtual Result<void> sync_folder() = 0;
  /// Whether `name` is still the name of this open file.
  virtual Result<bool> is_named(Handle file, std::string_view name) = 0;

  /// Changes what we hold, at once or not at all: false if somebody else's lock forbids it.
  virtual Result<bool> try_lock(Handle file, FileLock lock) = 0;
  /// Something that can be mapped, or -1.
  [[nodiscard]] virtual int descriptor(Handle file) const = 0;
  /// Never twice the same, across restarts too.
  virtual std::uint64_t fresh_number() = 0;
};

}  // namespace prytany::vfs
