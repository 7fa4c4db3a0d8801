#include "tests/unit/vfs/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "server/base/ensure.h"
#include "tests/unit/vfs/support.h"
#include "vfs/real_files.h"
#include "vfs/state_file.h"
#include "vfs/vfs.h"

namespace prytany::vfs {

// ---- files, step by step ----

Result<std::optional<Files::Handle>> SteppedFiles::open(std::string_view name) {
  Result<std::optional<Handle>> file = files_->open(name);
  if (file && file->has_value()) names_.emplace_back(**file, name);
  return file;
}

Result<Files::Handle> SteppedFiles::create(std::string_view name) {
  step("create", name);
  Result<Handle> file = files_->create(name);
  if (file) names_.emplace_back(*file, name);
  return file;
}

void SteppedFiles::step(const char* what, Handle file) {
  // The newest name of a handle, since handles are used again.
  const auto at = std::find_if(names_.rbegin(), names_.rend(),
                               [file](const auto& entry) { return entry.first == file; });
  step(what, at != names_.rend() ? std::string_view(at->second) : "?");
}

Result<void> SteppedFiles::write(Handle file, std::uint64_t offset, ByteView data) {
  step("write", file);
  return files_->write(file, offset, data);
}
Result<void> SteppedFiles::resize(Handle file, std::uint64_t size) {
  step("resize", file);
  return files_->resize(file, size);
}
Result<void> SteppedFiles::sync(Handle file) {
  step("sync", file);
  return files_->sync(file);
}
Result<void> SteppedFiles::rename(std::string_view from, std::string_view to) {
  step("rename", from);
  return files_->rename(from, to);
}
Result<void> SteppedFiles::remove(std::string_view name) {
  step("remove", name);
  return files_->remove(name);
}
Result<void> SteppedFiles::sync_folder() {
  step("sync", ".");
  return files_->sync_folder();
}

// ---- the workload ----

void run_workload(sqlite3* database, std::uint64_t n) {
  const std::string number = std::to_string(n);
  if (n == 1) execute(database, "CREATE TABLE g(n); INSERT INTO g VALUES(0); CREATE TABLE t(x, n)");
  execute(database, "BEGIN; UPDATE g SET n = " + number + "; DELETE FROM t WHERE rowid % 9 = " +
                        std::to_string(n % 9) + "; INSERT INTO t VALUES(zeroblob(" +
                        std::to_string(n * 977 % 30000) + "), " + number +
                        "); UPDATE t SET n = " + number + " WHERE rowid % 3 = 0; COMMIT");
}

const std::vector<Digest>& workload_roots() {
  static const std::vector<Digest> all = [] {
    NoDisk disk;
    const auto store = new_store(disk);
    std::vector<Digest> roots{store->root()};
    for (std::uint64_t n = 1; n <= workload_steps_max; ++n) {
      {
        const Result<Database> database = open_database(*store);
        run_workload(database->get(), n);
      }
      roots.push_back(store->checkpoint(Label{n}));
      store->discard_below(Label{n});
    }
    return roots;
  }();
  return all;
}

// ---- the owner ----

namespace {

void say(int pipe, const std::string& line) {
  ENSURE(::write(pipe, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
}

std::uint64_t find_number(PageStore& store) {
  if (store.size() == 0) return 0;
  const Result<Database> database = open_database(store);
  return std::strtoull(query(database->get(), "SELECT n FROM g").c_str(), nullptr, 10);
}

std::unique_ptr<StateFile> open_stepped(const std::string& folder, SteppedFiles::Hook hook) {
  Result<std::unique_ptr<RealFiles>> files = RealFiles::open(folder);
  ENSURE(files.ok());
  StateFileOptions options;
  options.backfill_interval = std::chrono::milliseconds(0);
  return StateFile::over(std::make_unique<SteppedFiles>(std::move(*files), std::move(hook)),
                         options);
}

[[noreturn]] void be_owner(const std::string& folder, const OwnerProcess::Plan& plan, int pipe) {
  std::unique_ptr<StateFile> disk;
  if (plan.hook) {
    disk = open_stepped(folder, plan.hook);
  } else {
    disk = std::move(*StateFile::open(folder));
  }
  const auto store = new_store(*disk);
  std::uint64_t n = find_number(*store);
  ENSURE(store->root() == workload_roots().at(n));
  if (n > 0) store->checkpoint(Label{n});
  say(pipe, "loaded " + std::to_string(n) + "\n");
  for (std::uint64_t i = 1; i <= plan.commits && n < workload_steps_max; ++i) {
    ++n;
    ::usleep(plan.pause_us);
    {
      const Result<Database> database = open_database(*store);
      run_workload(database->get(), n);
    }
    store->checkpoint(Label{n});
    const std::uint64_t begun = now_us();
    ENSURE(store->begin_commit(Label{n}).ok());
    while (store->durable() != Label{n}) {
      pollfd ready{disk->ready_descriptor(), POLLIN, 0};
      ::poll(&ready, 1, 1000);
      ENSURE(store->poll_disk().ok());
    }
    say(pipe, "durable " + std::to_string(n) + " " + std::to_string(now_us() - begun) + "\n");
    store->discard_below(Label{n});
    while (plan.in_lockstep && disk->progress()->backfilled < i) ::usleep(200);
  }
  while (plan.stays) ::pause();
  ::_exit(0);
}

}  // namespace

OwnerProcess::OwnerProcess(const std::string& folder, Plan plan) {
  workload_roots();  // computed once, here rather than in every child
  int ends[2];
  ENSURE(::pipe(ends) == 0);
  begun_us_ = now_us();
  process_ = ::fork();
  ENSURE(process_ >= 0);
  if (process_ == 0) {
    ::close(ends[0]);
    be_owner(folder, plan, ends[1]);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

OwnerProcess::~OwnerProcess() {
  kill();
  ::close(pipe_);
}

void OwnerProcess::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void OwnerProcess::note(const std::string& line) {
  unsigned long long number = 0;
  unsigned long long us = 0;
  if (std::sscanf(line.c_str(), "durable %llu %llu", &number, &us) == 2) {
    durable = number;
    commit_us.push_back(us);
  } else if (std::sscanf(line.c_str(), "loaded %llu", &number) == 1) {
    loaded = durable = number;
    load_us = now_us() - begun_us_;
  }
}

std::optional<std::string> OwnerProcess::next_report() {
  while (true) {
    const auto end = rest_.find('\n');
    if (end != std::string::npos) {
      std::string line = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      note(line);
      return line;
    }
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(pipe_, buffer.data(), buffer.size());
    if (got <= 0) return std::nullopt;
    rest_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void OwnerProcess::wait_for(std::uint64_t n) {
  while (!loaded || durable < n) ENSURE(next_report().has_value());
}

void OwnerProcess::catch_up() {
  if (process_ < 0) {
    while (next_report()) {
    }
    return;
  }
  for (pollfd ready{pipe_, POLLIN, 0}; ::poll(&ready, 1, 0) > 0 && next_report();) {
  }
}

// ---- the sqlite3 program ----

SqliteShell::SqliteShell(const std::vector<std::string>& arguments) {
  int in[2];
  int out[2];
  ENSURE(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0);
  process_ = ::fork();
  ENSURE(process_ >= 0);
  if (process_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(out[1], 2);
    std::vector<std::string> words{"sqlite3", "-batch"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp("sqlite3", argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  in_ = in[1];
  out_ = out[0];
}

SqliteShell::~SqliteShell() {
  // In words, because a process forked since may hold the other end open too.
  say(in_, ".quit\n");
  ::close(in_);
  ::close(out_);
  ::waitpid(process_, nullptr, 0);
}

std::string SqliteShell::ask(const std::string& input) {
  say(in_, input + "\n.print --end--\n");
  std::string text;
  const std::string end = "--end--\n";
  std::array<char, 4096> buffer;
  while (!text.ends_with(end)) {
    const ssize_t got = ::read(out_, buffer.data(), buffer.size());
    if (got <= 0) return text + "(it died)";
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text.substr(0, text.size() - end.size());
}

// ---- time ----

std::uint64_t now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::uint64_t median(std::vector<std::uint64_t> values) {
  ENSURE(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool eventually(int seconds, const std::function<bool()>& is_so) {
  for (const std::uint64_t end = now_us() + static_cast<std::uint64_t>(seconds) * 1'000'000;
       now_us() < end; std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
    if (is_so()) return true;
  }
  return is_so();
}

}  // namespace prytany::vfs
