// Processes that tests start, talk to and kill: a replica's state on a real disk, and the sqlite3
// program beside it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vfs/files.h"
#include "vfs/merkle.h"
#include "vfs/page_store.h"

struct sqlite3;

namespace prytany::vfs {

/// Calls a hook before each change that it passes on.
class SteppedFiles final : public Files {
 public:
  /// The hook gets what will be done, "write state.db" for instance.
  using Hook = std::function<void(const std::string& step)>;
  SteppedFiles(std::unique_ptr<Files> files, Hook hook)
      : files_(std::move(files)), hook_(std::move(hook)) {}

  Result<std::optional<Handle>> open(std::string_view name) override;
  Result<Handle> create(std::string_view name) override;
  void close(Handle file) override { files_->close(file); }
  Result<std::uint64_t> size(Handle file) override { return files_->size(file); }
  Result<std::size_t> read(Handle file, std::uint64_t offset,
                           std::span<std::uint8_t> out) override {
    return files_->read(file, offset, out);
  }
  Result<void> write(Handle file, std::uint64_t offset, ByteView data) override;
  Result<void> resize(Handle file, std::uint64_t size) override;
  Result<void> sync(Handle file) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<void> sync_folder() override;
  Result<bool> is_named(Handle file, std::string_view name) override {
    return files_->is_named(file, name);
  }
  Result<bool> try_lock(Handle file, FileLock lock) override {
    return files_->try_lock(file, lock);
  }
  [[nodiscard]] int descriptor(Handle file) const override { return files_->descriptor(file); }
  std::uint64_t fresh_number() override { return files_->fresh_number(); }

 private:
  std::unique_ptr<Files> files_;
  Hook hook_;
  std::vector<std::pair<Handle, std::string>> names_;
  void step(const char* what, std::string_view name) {
    hook_(std::string(what) + " " + std::string(name));
  }
  void step(const char* what, Handle file);
};

/// What a replica does between checkpoint n-1 and n; its bytes depend on nothing else.
void run_workload(sqlite3* database, std::uint64_t n);
/// roots[n] is that of checkpoint n; roots[0] that of nothing.
const std::vector<Digest>& workload_roots();
inline constexpr std::uint64_t workload_steps_max = 400;

/// A process that commits checkpoint after checkpoint to `folder`, starting from what it finds
/// there, and reports.
class OwnerProcess {
 public:
  struct Plan {
    std::uint64_t commits = workload_steps_max;
    /// Between two commits.
    unsigned pause_us = 2000;
    /// Whether it lives on after its last commit, until it is killed.
    bool stays = true;
    /// Whether to wait for each backfill before the next commit; so that steps come in a fixed
    /// order.
    bool in_lockstep = false;
    /// Called in the process before each change of a file.
    SteppedFiles::Hook hook = nullptr;
  };
  OwnerProcess(const std::string& folder, Plan plan);
  ~OwnerProcess();
  OwnerProcess(const OwnerProcess&) = delete;
  OwnerProcess& operator=(const OwnerProcess&) = delete;

  /// One line: "loaded N" or "durable N MICROSECONDS", or nothing once it is dead.
  std::optional<std::string> next_report();
  /// Reads reports up to that of checkpoint n.
  void wait_for(std::uint64_t n);
  /// Reads the reports there are.
  void catch_up();
  void kill();

  std::uint64_t durable = 0;             // the last that it reported
  std::optional<std::uint64_t> loaded;   // what it found
  std::vector<std::uint64_t> commit_us;  // from beginning a commit to knowing it durable
  std::uint64_t load_us = 0;             // from its start to having the state

 private:
  void note(const std::string& line);
  pid_t process_ = -1;
  int pipe_ = -1;
  std::string rest_;
  std::uint64_t begun_us_ = 0;
};

/// `sqlite3` with a pipe to its input, kept open.
class SqliteShell {
 public:
  explicit SqliteShell(const std::vector<std::string>& arguments);
  ~SqliteShell();
  SqliteShell(const SqliteShell&) = delete;
  SqliteShell& operator=(const SqliteShell&) = delete;
  /// What it prints, errors included.
  std::string ask(const std::string& input);

 private:
  pid_t process_ = -1;
  int in_ = -1;
  int out_ = -1;
};

std::uint64_t now_us();
/// The middle one. Requires: not empty.
std::uint64_t median(std::vector<std::uint64_t> values);
/// Asks again and again, up to `seconds`, until it is so.
bool eventually(int seconds, const std::function<bool()>& is_so);

}  // namespace prytany::vfs
