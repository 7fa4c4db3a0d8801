// Files in a folder of the real disk.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "vfs/files.h"

namespace prytany::vfs {

class RealFiles final : public Files {
 public:
  /// Creates the folder where there is none, durably; its parent must exist. Refused while another
  /// process has it.
  static Result<std::unique_ptr<RealFiles>> open(const std::string& folder);
  ~RealFiles() override;
  RealFiles(const RealFiles&) = delete;
  RealFiles& operator=(const RealFiles&) = delete;

  Result<std::optional<Handle>> open(std::string_view name) override;
  Result<Handle> create(std::string_view name) override;
  void close(Handle file) override;
  Result<std::uint64_t> size(Handle file) override;
  Result<std::size_t> read(Handle file, std::uint64_t offset, std::span<std::uint8_t> out) override;
  Result<void> write(Handle file, std::uint64_t offset, ByteView data) override;
  Result<void> resize(Handle file, std::uint64_t size) override;
  Result<void> sync(Handle file) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<void> sync_folder() override;
  Result<bool> is_named(Handle file, std::string_view name) override;
  Result<bool> try_lock(Handle file, FileLock lock) override;
  [[nodiscard]] int descriptor(Handle file) const override { return file; }
  std::uint64_t fresh_number() override;

 private:
  RealFiles(std::string folder, int directory, int owner)
      : folder_(std::move(folder)), directory_(directory), owner_(owner) {}
  [[nodiscard]] Error failed(const char* doing, std::string_view name) const;
  [[nodiscard]] Error failed(const char* doing, Handle file) const;

  std::string folder_;
  int directory_;
  int owner_;                            // locked for as long as this process has the folder
  std::map<Handle, std::string> names_;  // for messages; a handle is a file descriptor
};

}  // namespace prytany::vfs
