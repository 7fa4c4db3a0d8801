// Folders that programs of this machine put a cluster into for a while.
#pragma once

#include <string>
#include <thread>

namespace prytany::cli {

/// A folder for one cluster, gone afterwards.
class Scratch {
 public:
  /// Empty: the temporary folder.
  explicit Scratch(const std::string& parent);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  /// Empty if it could not be made.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// While there is one, a program that is told to stop (SIGINT, SIGTERM, SIGHUP) takes all its
/// Scratch folders with it and ends as by that signal. Make it before any other thread: each of
/// them has to leave these signals alone. What it started has to end when it ends (LocalCluster).
class ScratchKeeper {
 public:
  ScratchKeeper();
  ~ScratchKeeper();
  ScratchKeeper(const ScratchKeeper&) = delete;
  ScratchKeeper& operator=(const ScratchKeeper&) = delete;

 private:
  int told_ = -1;  // an eventfd: this one goes
  std::thread waiter_;
};

}  // namespace prytany::cli
