// The replicas of a development cluster as child processes of this one. None outlives it, however
// it ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/wire/genesis.h"

namespace prytany::cli {

/// How long commands that start a cluster wait for it.
inline constexpr std::uint64_t ready_timeout_us = 60'000'000;

class LocalCluster {
 public:
  struct Options {
    std::string folder;                 // as `prytany init` made it
    std::vector<std::string> settings;  // --set of every replica
    std::string log_level = "warning";
    std::string program = {};               // empty: this one
    std::vector<std::string> origins = {};  // --origin of every replica
    std::string bind = {};  // numeric: where replicas listen, if not where genesis says
    std::vector<std::string> environment = {};  // "NAME=value", for every replica besides ours
  };

  /// Reads folder/genesis.json; starts nothing yet.
  static Result<LocalCluster> open(Options options);
  LocalCluster(LocalCluster&&) = default;
  LocalCluster& operator=(LocalCluster&&) = delete;
  /// Stops all, as stop() does.
  ~LocalCluster();

  /// Starts replica `id` unless it runs.
  Result<void> start(unsigned id);
  Result<void> start_all();
  /// Starts replica `id` behind the test program `prytany-liar`, which holds its key and lies to
  /// clients as `lies` (its options) say. Requires: can_lie(), and that the replica does not run.
  Result<void> start_lying(unsigned id, const std::vector<std::string>& lies);
  /// Until every running replica serves its status. The Error says which did not, or ended.
  Result<void> wait_until_ready(std::uint64_t timeout_us);
  /// Sends `signal`; after SIGKILL and SIGTERM also waits for the end.
  void signal(unsigned id, int signal);
  /// SIGTERM to all, SIGKILL to those still there after five seconds.
  void stop();

  struct Ended {
    unsigned id;
    std::string how;  // "exit code 1", "signal 9"
  };
  /// Those that ended by themselves since the last call.
  std::vector<Ended> ended();

  /// What a person types to start replica `id` as start() does.
  [[nodiscard]] std::string command(unsigned id) const;
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(children_.size()); }
  [[nodiscard]] unsigned running() const;
  [[nodiscard]] bool running(unsigned id) const { return children_[id] != 0; }
  [[nodiscard]] bool lying(unsigned id) const { return running(id) && lying_[id]; }
  /// `prytany-liar` is built beside `prytany`, and never installed.
  [[nodiscard]] bool can_lie() const;
  [[nodiscard]] const wire::Genesis& genesis() const { return genesis_; }
  [[nodiscard]] const std::string& folder() const { return options_.folder; }
  /// Where it listens for clients, whatever stands between.
  [[nodiscard]] wire::HostPort client_address(unsigned id) const;
  /// "http://127.0.0.1:7000"
  [[nodiscard]] std::string url(unsigned id) const;

 private:
  LocalCluster(Options options, wire::Genesis genesis);
  [[nodiscard]] std::vector<std::string> words(unsigned id) const;
  Result<void> run(unsigned id, std::vector<std::string> words);
  Result<void> wait_for(unsigned id, std::uint64_t deadline_us);
  void wait_until_folder_is_free(unsigned id) const;
  [[nodiscard]] std::string liar_program() const;
  bool collect(unsigned id, bool wait, std::string* how);

  Options options_;
  wire::Genesis genesis_;
  std::vector<pid_t> children_;  // by replica id; 0 when not running
  std::vector<bool> lying_;      // by replica id: how it was started last
};

}  // namespace prytany::cli
