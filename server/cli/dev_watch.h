// `prytany dev --watch`: an application's folder is looked at, and installed again when it changes.
#pragma once

#include <future>
#include <optional>
#include <string>

#include "server/base/result.h"
#include "server/cli/command.h"
#include "server/crypto/digest.h"

namespace prytany::cli {

/// Notices that an application's folder says something else than before. It reads what would be
/// installed, a megabyte at most, so that no file system's clock or way of saving can deceive it.
class FolderWatch {
 public:
  /// What is there now is known.
  explicit FolderWatch(std::string folder);
  /// Whether there is something else, and was already at the last look: who saves several files, or
  /// one in several steps, is let finish.
  bool changed();

 private:
  [[nodiscard]] Digest look() const;
  std::string folder_;
  Digest known_;
  Digest last_;
};

/// Installs what a watched folder has become, one at a time, on a thread of its own: an
/// installation may have to wait for replicas, and the pages for people must not.
class Reinstaller {
 public:
  static constexpr std::uint64_t look_every_us = 300'000;
  Reinstaller(std::string folder, std::string genesis_file, std::string key_file);
  /// Waits for an installation that is under way.
  ~Reinstaller() = default;
  Reinstaller(const Reinstaller&) = delete;
  Reinstaller& operator=(const Reinstaller&) = delete;

  /// To be called every look_every_us. A line for people when an installation has ended: what was
  /// there before goes on where it failed.
  std::optional<std::string> look();

 private:
  std::string folder_;
  std::string genesis_file_;
  std::string key_file_;
  FolderWatch watch_;
  std::future<Status> installing_;
};

}  // namespace prytany::cli
