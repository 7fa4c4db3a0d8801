// One folder of files, as little of it as a journal needs. The tests (and a simulated disk) put
// another one in the place of the real one, to tear, lose and damage what was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/result.h"

namespace prytany::store {

/// One open file. Errors name the file and say what the system said. After a failed write or sync
/// nothing is known about what is on the disk: the owner must stop, never retry.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  /// All of `bytes` at `offset`; the file grows as needed.
  virtual Result<void> write(std::uint64_t offset, ByteView bytes) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// What was written, and the length, are on the disk.
  virtual Result<void> sync() = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;
  /// The names of all files, sorted.
  virtual Result<std::vector<std::string>> list() = 0;
  virtual Result<Bytes> read(const std::string& name) = 0;
  virtual Result<std::unique_ptr<DiskFile>> open(const std::string& name) = 0;
  /// Refused when it exists.
  virtual Result<std::unique_ptr<DiskFile>> create(const std::string& name) = 0;
  virtual Result<void> remove(const std::string& name) = 0;
  /// Files created and removed are so on the disk.
  virtual Result<void> sync() = 0;
};

/// The folder `path`, created with mode 0700 (and its parent synced) if it does not exist.
Result<std::unique_ptr<Disk>> open_folder(const std::string& path);

}  // namespace prytany::store
