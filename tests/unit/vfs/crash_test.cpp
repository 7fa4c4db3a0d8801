// The process that owns the state dies by SIGKILL at every step it takes, and at random moments.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "tests/unit/vfs/process.h"
#include "tests/unit/vfs/support.h"
#include "vfs/state_file.h"

namespace prytany::vfs {
namespace {

void copy_folder(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to);
}

Digest root_on_disk(const std::string& folder) {
  Result<std::unique_ptr<StateFile>> disk = StateFile::open(folder);
  EXPECT_TRUE(disk.ok());
  return new_store(**disk)->root();
}

// Which checkpoint, among those that may be there, has this root; or none, said in words.
std::string name_of(const Digest& root, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t n = first; n <= last; ++n) {
    if (workload_roots()[n] == root) return "checkpoint " + std::to_string(n);
  }
  return "no checkpoint from " + std::to_string(first) + " to " + std::to_string(last);
}

// What the sqlite3 program makes of the folder: the number that it finds, 0 for a database without
// tables.
std::uint64_t number_seen_by_tool(const std::string& folder, const std::string& options) {
  const std::string path = folder + "/state.db";
  if (!std::filesystem::exists(path)) return 0;
  EXPECT_EQ(run_sqlite3(options + " " + path + " 'PRAGMA integrity_check'"), "ok\n");
  const std::string answer = run_sqlite3(options + " " + path + " 'SELECT n FROM g'");
  if (answer.find("no such table") != std::string::npos) return 0;
  EXPECT_EQ(answer.find("rror"), std::string::npos) << answer;
  return std::strtoull(answer.c_str(), nullptr, 10);
}

// After a death: the tool finds a checkpoint, and we find the last durable one or the one that was
// under way, whether or not a tool looked (and redid, or not, what it found) before us.
void inspect(const std::string& folder, std::uint64_t durable, bool read_only_tool) {
  const std::string copy = folder + ".copy";
  copy_folder(folder, copy);
  const std::uint64_t seen = number_seen_by_tool(copy, read_only_tool ? "-readonly" : "");
  EXPECT_LE(seen, durable + 1);
  const std::string expected = name_of(root_on_disk(copy), durable, durable + 1);
  EXPECT_EQ(expected.substr(0, 10), "checkpoint") << expected << ", after the tool";
  EXPECT_EQ(name_of(root_on_disk(folder), durable, durable + 1), expected);
  std::filesystem::remove_all(copy);
}

TEST(Crash, at_any_step_of_commit_and_backfill_leaves_the_last_durable_checkpoint) {
  const TemporaryFolder scratch;
  bool finished = false;
  int steps = 0;
  for (; !finished; ++steps) {
    ASSERT_LT(steps, 300);
    const std::string folder = scratch.file("step" + std::to_string(steps));
    int left = steps;
    OwnerProcess::Plan plan;
    plan.commits = 3;
    plan.pause_us = 0;
    plan.stays = false;
    plan.in_lockstep = true;
    plan.hook = [left](const std::string&) mutable {
      if (left-- == 0) ::raise(SIGKILL);
    };
    OwnerProcess owner(folder, plan);
    while (owner.next_report()) {
    }
    owner.kill();
    finished = owner.durable == 3 && steps > 20 &&
               !std::filesystem::exists(folder + "/state.db-wal") &&
               !std::filesystem::exists(folder + "/state.db-redo");
    inspect(folder, owner.durable, steps % 2 == 0);
    if (HasFailure()) FAIL() << "killed before step " << steps;
    std::filesystem::remove_all(folder);
  }
  EXPECT_GT(steps, 30);
}

TEST(Crash, at_random_moments_in_a_row_loses_nothing) {
  const TemporaryFolder scratch;
  const std::string folder = scratch.file("state");
  std::mt19937_64 random(7);
  std::uint64_t durable = 0;
  for (int life = 0; life < 40; ++life) {
    OwnerProcess owner(folder, {.pause_us = 4000});
    ::usleep(static_cast<useconds_t>(random() % 60'000));
    owner.kill();
    owner.catch_up();
    if (owner.loaded) {
      EXPECT_GE(*owner.loaded, durable);
      EXPECT_LE(*owner.loaded, durable + 1);
      durable = owner.durable;
    }
    if (life % 4 == 0) inspect(folder, durable, life % 8 == 0);
    if (HasFailure()) FAIL() << "life " << life;
  }
  EXPECT_GT(durable, 5u);
}

TEST(Crash, of_another_program_that_was_writing_is_rolled_back_before_we_read) {
  const TemporaryFolder folder;
  {
    OwnerProcess(folder.path(), {.commits = 5, .in_lockstep = true}).wait_for(5);
  }
  EXPECT_EQ(run_sqlite3(folder.file("state.db") + " 'PRAGMA integrity_check'"), "ok\n");
  const pid_t writer = ::fork();
  if (writer == 0) {
    // A small cache spills half of a transaction into the file, with the old pages in
    // state.db-journal.
    const PlainDatabase plain = open_plain(folder.file("state.db"));
    execute(plain.get(),
            "PRAGMA cache_size=5; BEGIN; UPDATE g SET n = 999;"
            "UPDATE t SET x = zeroblob(9999)");
    ::raise(SIGKILL);
  }
  ::waitpid(writer, nullptr, 0);
  ASSERT_TRUE(std::filesystem::exists(folder.file("state.db-journal")));
  EXPECT_EQ(root_on_disk(folder.path()), workload_roots()[5]);
  EXPECT_FALSE(std::filesystem::exists(folder.file("state.db-journal")));
}

TEST(Crash, is_not_what_a_changed_cut_or_lengthened_file_leads_to) {
  const TemporaryFolder scratch;
  const std::string good = scratch.file("good");
  {
    OwnerProcess(good, {.commits = 5, .in_lockstep = true}).wait_for(5);
  }
  Digest root;
  {
    Result<std::unique_ptr<StateFile>> disk = StateFile::open(good);  // finishes the last backfill
    root = new_store(**disk)->root();
  }
  const std::uintmax_t size = std::filesystem::file_size(good + "/state.db");
  const std::string copy = scratch.file("copy");
  const auto changed = [&](const std::function<void(const std::string&)>& change) {
    copy_folder(good, copy);
    change(copy + "/state.db");
    return root_on_disk(copy);
  };
  EXPECT_EQ(changed([](const std::string&) {}), root);
  const auto resize = [&](std::uintmax_t to) {
    return [to](const std::string& path) { std::filesystem::resize_file(path, to); };
  };
  EXPECT_NE(changed(resize(0)), root);
  EXPECT_NE(changed(resize(100)), root);
  EXPECT_NE(changed(resize(size - 1)), root);
  EXPECT_NE(changed(resize(size / 2)), root);
  // Bytes beyond the pages that the header counts are no part of the database, for SQLite either.
  EXPECT_EQ(changed(resize(size + 5000)), root);
  EXPECT_NE(changed([](const std::string& path) { run_sqlite3(path + " 'UPDATE g SET n = 77'"); }),
            root);
}

}  // namespace
}  // namespace prytany::vfs
