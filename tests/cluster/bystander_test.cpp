// A bystander: the `sqlite3` program holds a read transaction on a running replica's state.db. It
// sees one consistent snapshot for as long as it likes, and delays nothing (design.md section 5).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

#include "server/net/socket.h"
#include "tests/cluster/inserters.h"

namespace prytany::cluster_tests {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned watched = 2;

/// `sqlite3 -readonly -cmd '.timeout 2000' FILE`, with its standard input and output.
class Bystander {
 public:
  explicit Bystander(const std::string& file) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    EXPECT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(out[1], STDERR_FILENO);
      ::execlp("sqlite3", "sqlite3", "-readonly", "-cmd", ".timeout 2000", file.c_str(), nullptr);
      ::_exit(98);
    }
    const net::Fd read_end(in[0]);
    const net::Fd write_end(out[1]);
    to_ = net::Fd(in[1]);
    from_ = net::Fd(out[0]);
  }
  ~Bystander() {
    to_ = net::Fd();  // the end of its input is the end of the program
    ::waitpid(child_, nullptr, 0);
  }
  /// What it prints for one statement.
  std::string ask(const std::string& sql) {
    const std::string text = sql + "\n.print end\n";
    EXPECT_EQ(::write(to_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    std::string said;
    while (!said.ends_with("end\n")) {
      std::array<char, 4096> piece{};
      const ssize_t n = ::read(from_.get(), piece.data(), piece.size());
      if (n <= 0) return said + "(sqlite3 ended)";
      said.append(piece.data(), static_cast<std::size_t>(n));
    }
    return said.substr(0, said.size() - 4);
  }

 private:
  pid_t child_ = -1;
  net::Fd to_;
  net::Fd from_;
};

/// What the watched replica says of itself, and the most that another one has executed.
struct Standing {
  std::uint64_t executed = 0;
  std::uint64_t stable = 0;
  std::uint64_t group_executed = 0;
};

class Bystanding : public testing::Test {
 protected:
  Standing standing() {
    Standing standing;
    for (const ReplicaStatus& replica : cluster_.status()) {
      standing.group_executed = std::max(standing.group_executed, replica.last_executed);
      if (replica.id != watched) continue;
      standing.executed = replica.last_executed;
      standing.stable = replica.stable_checkpoint;
    }
    return standing;
  }
  /// The replica's checkpoints and votes go on: within `patience` it has a newer stable checkpoint,
  /// and has executed what the group had.
  void expect_undelayed(seconds patience) {
    const Standing before = standing();
    const auto deadline = Clock::now() + patience;
    Standing now;
    do {
      std::this_thread::sleep_for(milliseconds(50));
      now = standing();
    } while ((now.stable <= before.stable || now.executed < before.group_executed) &&
             Clock::now() < deadline);
    EXPECT_GT(now.stable, before.stable);
    EXPECT_GE(now.executed, before.group_executed);
  }

  void hold_a_transaction_for(seconds duration) {
    {
      Client admin(group_.admin("setup"));
      admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER, PRIMARY KEY(inserter, n))");
      const Answer first = admin.execute("INSERT INTO work VALUES(-1, 0)");
      group_.expect_one_state(first.seq);
    }
    Inserters inserters(group_, 2);
    inserters.wait_for_more(50);
    Bystander bystander(group_.folder() + "/replica-" + std::to_string(watched) + "/state.db");
    const std::string look = "SELECT count(*), max(n), sum(n) FROM work;";
    ASSERT_EQ(bystander.ask("BEGIN;"), "");
    const std::string snapshot = bystander.ask(look);
    ASSERT_THAT(snapshot, testing::MatchesRegex("[0-9]+\\|[0-9]+\\|[0-9]+\n"));

    const auto end = Clock::now() + duration;
    while (Clock::now() < end - duration / 2) {
      expect_undelayed(seconds(10));
      EXPECT_EQ(bystander.ask(look), snapshot);
    }
    group_.kill(watched);
    EXPECT_EQ(bystander.ask(look), snapshot);
    inserters.wait_for_more(300);
    const auto killed = Clock::now();
    group_.restart(watched);
    EXPECT_LT(Clock::now() - killed, seconds(10)) << "its start does not wait for readers";
    do {
      expect_undelayed(seconds(20));
      EXPECT_EQ(bystander.ask(look), snapshot);
    } while (Clock::now() < end);

    inserters.stop();
    EXPECT_EQ(inserters.failure(), "");
    group_.expect_one_state(inserters.last_seq());
    EXPECT_EQ(bystander.ask(look), snapshot);
    EXPECT_EQ(bystander.ask("COMMIT;"), "");
    // Let go, it sees everything, and a sound file.
    const std::string all = std::to_string(inserters.acknowledged() + 1) + "\n";
    const auto deadline = Clock::now() + seconds(10);
    std::string now;
    do {
      std::this_thread::sleep_for(milliseconds(50));
      now = bystander.ask("SELECT count(*) FROM work;");
    } while (now != all && Clock::now() < deadline);
    EXPECT_EQ(now, all);
    EXPECT_EQ(bystander.ask("PRAGMA integrity_check;"), "ok\n");
  }

  TestCluster group_;
  Cluster cluster_{group_.genesis()};
};

TEST_F(Bystanding, a_read_transaction_sees_one_snapshot_and_delays_nothing_across_a_restart) {
  hold_a_transaction_for(seconds(6));
}

using LongBystanding = Bystanding;
TEST_F(LongBystanding, so_does_one_that_is_held_for_ten_minutes) {
  hold_a_transaction_for(std::chrono::minutes(10));
}

}  // namespace
}  // namespace prytany::cluster_tests
