// The files under the real DurableImage (vfs/durable_image.h): a Folder, and what is wrong with it.
#pragma once

#include <map>

#include "tests/sim/disk.h"
#include "vfs/files.h"

namespace prytany::sim {

/// What a write, a truncation or a sync meets on its way to a file. Shared by both folders of a
/// disk.
Result<void> write_through(Folder::File& file, std::uint64_t offset, ByteView bytes,
                           Trouble& trouble, Rng& rng);
Result<void> truncate_through(Folder::File& file, std::uint64_t size, Trouble& trouble);
Result<void> sync_through(Folder::File& file, Trouble& trouble);

class SimulatedFiles final : public vfs::Files {
 public:
  /// All outlive it.
  SimulatedFiles(Folder& folder, Trouble& trouble, Rng& rng)
      : folder_(folder), trouble_(trouble), rng_(rng) {}

  /// From now on only so many operations change anything; then all fail, as if the process was
  /// killed there.
  void allow(std::uint64_t operations) { left_ = operations; }

  Result<std::optional<Handle>> open(std::string_view name) override;
  Result<Handle> create(std::string_view name) override;
  void close(Handle file) override { open_.erase(file); }
  Result<std::uint64_t> size(Handle file) override { return open_.at(file)->now.size(); }
  Result<std::size_t> read(Handle file, std::uint64_t offset, std::span<std::uint8_t> out) override;
  Result<void> write(Handle file, std::uint64_t offset, ByteView data) override;
  Result<void> resize(Handle file, std::uint64_t size) override;
  Result<void> sync(Handle file) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<void> sync_folder() override;
  Result<bool> is_named(Handle file, std::string_view name) override;
  Result<bool> try_lock(Handle, vfs::FileLock) override { return true; }
  [[nodiscard]] int descriptor(Handle) const override { return -1; }
  std::uint64_t fresh_number() override { return rng_.next(); }

 private:
  bool spend();

  Folder& folder_;
  Trouble& trouble_;
  Rng& rng_;
  std::map<Handle, Folder::Open> open_;
  Handle last_ = 0;
  std::optional<std::uint64_t> left_;
};

}  // namespace prytany::sim
