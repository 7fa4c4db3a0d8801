// A disk whose power fails when a test says so: what was not synced may be lost, in part, in any
// order.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/store/disk.h"

namespace prytany::store {

/// The platter, which outlives the journals that are opened on it.
struct Platter {
  struct File {
    Bytes seen;    // by programs
    Bytes synced;  // at the last sync
    // Written since. A sync that fails forgets them: programs still see what no later sync writes.
    std::set<std::size_t> dirty_blocks = {};

    void sync() {
      synced.resize(seen.size());
      for (const std::size_t block : dirty_blocks) {
        for (std::size_t at = block * 512; at < std::min((block + 1) * 512, seen.size()); ++at)
          synced[at] = seen[at];
      }
      dirty_blocks.clear();
    }
  };
  std::map<std::string, std::shared_ptr<File>> files;
  std::map<std::string, std::shared_ptr<File>> durable_names;  // at the last sync of the folder
  int syncs = 0;
  int fail_sync_at = 0;                      // that sync fails; 0: none
  std::size_t bytes_left = ~std::size_t{0};  // writes beyond this fail, as on a full disk
  int changes = 0;                           // of any kind, tried so far
  int fail_change_at = 0;                    // that one fails; 0: none

  /// Every change asks first. What fails may have happened in part.
  bool fails() { return ++changes == fail_change_at; }

  /// The power fails: of what was not synced, each block of 512 bytes is there or not, by chance.
  void crash(std::mt19937& chance) {
    files = durable_names;
    for (auto& [name, file] : files) {
      const std::size_t size = chance() % 2 == 0 ? file->synced.size()
                                                 : std::max(file->seen.size(), file->synced.size());
      Bytes mixed = file->synced;
      mixed.resize(size);
      for (std::size_t at = 0; at < std::min(size, file->seen.size()); at += 512) {
        if (chance() % 2 == 0) continue;
        const std::size_t end = std::min({at + 512, size, file->seen.size()});
        std::copy(file->seen.begin() + static_cast<std::ptrdiff_t>(at),
                  file->seen.begin() + static_cast<std::ptrdiff_t>(end),
                  mixed.begin() + static_cast<std::ptrdiff_t>(at));
      }
      file = std::make_shared<File>(File{mixed, mixed});
    }
    durable_names = files;
  }
};

class MemoryDisk final : public Disk {
 public:
  explicit MemoryDisk(Platter& platter) : platter_(platter) {}

  Result<std::vector<std::string>> list() override {
    std::vector<std::string> names;
    for (const auto& [name, file] : platter_.files) names.push_back(name);
    return names;
  }
  Result<Bytes> read(const std::string& name) override { return platter_.files.at(name)->seen; }
  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override {
    return handle(platter_.files.at(name));
  }
  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override {
    if (platter_.files.contains(name)) return Error{name + " exists"};
    if (platter_.fails()) return Error{name + ": No space left on device"};
    return handle(platter_.files[name] = std::make_shared<Platter::File>());
  }
  Result<void> remove(const std::string& name) override {
    if (platter_.fails()) return Error{name + ": Input/output error"};
    platter_.files.erase(name);
    return {};
  }
  Result<void> sync() override {
    if (++platter_.syncs == platter_.fail_sync_at || platter_.fails())
      return Error{"folder: Input/output error"};
    platter_.durable_names = platter_.files;
    return {};
  }

 private:
  class Handle final : public DiskFile {
   public:
    Handle(Platter& platter, std::shared_ptr<Platter::File> file)
        : platter_(platter), file_(std::move(file)) {}
    Result<void> write(std::uint64_t offset, ByteView bytes) override {
      const bool full = bytes.size() > platter_.bytes_left || platter_.fails();
      if (full) bytes = bytes.first(bytes.size() / 2);
      if (!full) platter_.bytes_left -= bytes.size();
      Bytes& seen = file_->seen;
      if (seen.size() < offset + bytes.size()) seen.resize(offset + bytes.size());
      std::copy(bytes.begin(), bytes.end(), seen.begin() + static_cast<std::ptrdiff_t>(offset));
      for (std::size_t at = offset; at < offset + bytes.size(); ++at)
        file_->dirty_blocks.insert(at / 512);
      if (full) return Error{"file: No space left on device"};
      return {};
    }
    Result<void> truncate(std::uint64_t size) override {
      if (platter_.fails()) return Error{"file: Input/output error"};
      file_->seen.resize(size);
      return {};
    }
    Result<void> sync() override {
      if (++platter_.syncs == platter_.fail_sync_at || platter_.fails()) {
        file_->dirty_blocks.clear();
        return Error{"file: Input/output error"};
      }
      file_->sync();
      return {};
    }

   private:
    Platter& platter_;
    std::shared_ptr<Platter::File> file_;
  };

  Result<std::unique_ptr<DiskFile>> handle(std::shared_ptr<Platter::File> file) {
    return std::unique_ptr<DiskFile>(std::make_unique<Handle>(platter_, std::move(file)));
  }

  Platter& platter_;
};

}  // namespace prytany::store
