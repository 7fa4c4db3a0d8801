// Programs that read, or try to write, state.db beside the replica that owns it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/unit/vfs/process.h"
#include "tests/unit/vfs/support.h"
#include "vfs/state_file.h"

namespace prytany::vfs {
namespace {

std::uint64_t number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

class Bystander : public ::testing::Test {
 protected:
  // As an operator would look: which checkpoint is in state.db?
  std::uint64_t look() {
    const std::string answer =
        run_sqlite3("-readonly -cmd '.timeout 2000' " + database_ + " 'SELECT n FROM g'");
    if (answer.find("no such table") != std::string::npos) return 0;
    EXPECT_EQ(answer.find("rror"), std::string::npos) << answer;
    return number(answer);
  }
  void wait_until_seen(std::uint64_t n) {
    ASSERT_TRUE(eventually(20, [&] { return look() >= n; }));
  }
  bool exists(const std::string& name) { return std::filesystem::exists(folder_.file(name)); }

  TemporaryFolder folder_;
  std::string database_ = folder_.file("state.db");
};

TEST_F(Bystander, that_looks_again_and_again_is_never_refused_during_load) {
  OwnerProcess owner(folder_.path(), {});
  owner.wait_for(3);
  wait_until_seen(1);
  std::uint64_t last = 0;
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t seen = look();
    EXPECT_GE(seen, last);
    last = seen;
    owner.catch_up();
  }
  EXPECT_GT(last, 3u);
}

TEST_F(Bystander, in_a_long_transaction_sees_one_snapshot_across_sigkill_and_delays_nothing) {
  std::optional<OwnerProcess> owner(std::in_place, folder_.path(), OwnerProcess::Plan{});
  owner->wait_for(40);
  const std::uint64_t alone_us = median(owner->commit_us);
  owner->commit_us.clear();
  wait_until_seen(1);

  SqliteShell shell({"-readonly", "-cmd", ".timeout 2000", database_});
  const std::string snapshot = shell.ask("BEGIN; SELECT n, (SELECT count(*) FROM t) FROM g;");
  ASSERT_GT(number(snapshot), 0u) << snapshot;
  owner->wait_for(owner->durable + 60);
  EXPECT_EQ(shell.ask("SELECT n, (SELECT count(*) FROM t) FROM g;"), snapshot);
  EXPECT_EQ(shell.ask("PRAGMA integrity_check;"), "ok\n");
  const std::uint64_t beside_us = median(owner->commit_us);

  owner->kill();
  owner->catch_up();
  const std::uint64_t durable = owner->durable;
  owner.emplace(folder_.path(), OwnerProcess::Plan{});
  owner->wait_for(durable + 60);
  EXPECT_GE(*owner->loaded, durable);
  EXPECT_EQ(shell.ask("SELECT n, (SELECT count(*) FROM t) FROM g;"), snapshot);
  EXPECT_EQ(shell.ask("PRAGMA integrity_check;"), "ok\n");
  EXPECT_EQ(look(), number(snapshot));
  EXPECT_FALSE(exists("state.db-wal"));

  // Generous, since other programs share this machine; waiting for the reader would take for ever.
  EXPECT_LT(beside_us, 10 * alone_us + 50'000);
  EXPECT_LT(median(owner->commit_us), 10 * alone_us + 50'000);
  EXPECT_LT(owner->load_us, 2'000'000u);
  RecordProperty("commit_alone_us", static_cast<int>(alone_us));
  RecordProperty("commit_beside_us", static_cast<int>(beside_us));
  RecordProperty("load_us", static_cast<int>(owner->load_us));

  owner->catch_up();
  const std::uint64_t reached = owner->durable;
  EXPECT_EQ(shell.ask("COMMIT;"), "");
  EXPECT_TRUE(eventually(20, [&] {
    owner->catch_up();
    return look() >= reached;
  }));
}

// Dies with the wal in place and part of its pages copied: then SQLite itself must redo them.
void leave_hot_wal(const std::string& folder, std::uint64_t& durable) {
  OwnerProcess::Plan plan;
  plan.in_lockstep = true;
  int renames = 0;
  int writes = 0;
  plan.hook = [renames, writes](const std::string& step) mutable {
    if (step == "rename state.db-redo") ++renames;
    if (renames < 4 || step != "write state.db" || ++writes < 3) return;
    ::usleep(100'000);  // so that the other thread can report the commit
    ::raise(SIGKILL);
  };
  OwnerProcess owner(folder, plan);
  while (owner.next_report()) {
  }
  durable = owner.durable;
}

TEST_F(Bystander, that_reads_through_a_hot_wal_sees_one_snapshot_and_delays_no_restart) {
  std::uint64_t durable = 0;
  leave_hot_wal(folder_.path(), durable);
  ASSERT_TRUE(exists("state.db-wal"));
  SqliteShell shell({"-readonly", "-cmd", ".timeout 2000", database_});
  const std::string snapshot = shell.ask("BEGIN; SELECT n FROM g;");
  EXPECT_EQ(number(snapshot), durable) << snapshot;

  OwnerProcess owner(folder_.path(), {.commits = 50});
  owner.wait_for(durable + 50);
  EXPECT_EQ(*owner.loaded, durable);
  EXPECT_LT(owner.load_us, 2'000'000u);
  EXPECT_EQ(shell.ask("SELECT n FROM g;"), snapshot);
  EXPECT_EQ(shell.ask("PRAGMA integrity_check;"), "ok\n");
  EXPECT_EQ(look(), durable);
}

TEST_F(Bystander, that_leaves_lets_a_hot_wal_be_cleaned_up_by_the_replica) {
  std::uint64_t durable = 0;
  leave_hot_wal(folder_.path(), durable);
  auto shell = std::make_unique<SqliteShell>(
      std::vector<std::string>{"-readonly", "-cmd", ".timeout 2000", database_});
  EXPECT_EQ(number(shell->ask("BEGIN; SELECT n FROM g;")), durable);
  EXPECT_TRUE(exists("state.db-shm"));

  Result<std::unique_ptr<StateFile>> disk = StateFile::open(folder_.path());
  ASSERT_TRUE(disk.ok());
  const auto store = new_store(**disk);
  EXPECT_EQ(store->root(), workload_roots()[durable]);
  ::usleep(100'000);
  EXPECT_TRUE(exists("state.db-wal"));
  shell.reset();
  EXPECT_TRUE(eventually(20, [&] { return !exists("state.db-wal"); }));
  EXPECT_FALSE(exists("state.db-shm"));
  EXPECT_EQ(look(), durable);
}

TEST_F(Bystander, that_redid_a_hot_wal_and_removed_it_changed_nothing) {
  std::uint64_t durable = 0;
  leave_hot_wal(folder_.path(), durable);
  EXPECT_EQ(number(run_sqlite3(database_ + " 'SELECT n FROM g'")), durable);
  EXPECT_FALSE(exists("state.db-wal"));
  Result<std::unique_ptr<StateFile>> disk = StateFile::open(folder_.path());
  ASSERT_TRUE(disk.ok());
  EXPECT_EQ(new_store(**disk)->root(), workload_roots()[durable]);
}

TEST_F(Bystander, that_tries_to_write_is_told_that_the_database_is_locked) {
  OwnerProcess owner(folder_.path(), {});
  owner.wait_for(5);
  wait_until_seen(1);
  for (const char* sql :
       {"UPDATE g SET n = 0", "VACUUM", "PRAGMA journal_mode=WAL", "DROP TABLE t"}) {
    const std::string answer =
        run_sqlite3("-cmd '.timeout 100' " + database_ + " '" + std::string(sql) + "'");
    EXPECT_NE(answer.find("locked"), std::string::npos) << sql << ": " << answer;
  }
}

// Reads in transactions of 30 ms, one right after the other, until it is killed.
pid_t start_reader(const std::string& path) {
  const pid_t process = ::fork();
  if (process != 0) return process;
  const PlainDatabase plain = open_plain(path);
  sqlite3_busy_timeout(plain.get(), 2000);
  while (true) {
    execute(plain.get(), "BEGIN; SELECT n FROM g");
    ::usleep(30'000);
    execute(plain.get(), "COMMIT");
  }
}

TEST_F(Bystander, whose_reads_overlap_without_end_does_not_keep_backfill_away) {
  OwnerProcess owner(folder_.path(), {});
  owner.wait_for(5);
  wait_until_seen(1);
  std::vector<pid_t> readers;
  for (int i = 0; i < 5; ++i) {
    readers.push_back(start_reader(database_));
    ::usleep(7'000);
  }
  for (int i = 0; i < 3; ++i) {
    owner.catch_up();
    const std::uint64_t reached = owner.durable;
    EXPECT_TRUE(eventually(20, [&] {
      owner.catch_up();
      return look() >= reached;
    }));
  }
  for (const pid_t reader : readers) {
    EXPECT_EQ(::waitpid(reader, nullptr, WNOHANG), 0);  // it was never refused
    ::kill(reader, SIGKILL);
    ::waitpid(reader, nullptr, 0);
  }
}

}  // namespace
}  // namespace prytany::vfs
