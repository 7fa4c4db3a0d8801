// Servers that die while clients work: nothing acknowledged is lost, nothing runs twice.
#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

constexpr unsigned victim = 2;  // a backup: the primary of view 0 is replica 0

/// Sessions that insert numbers of their own, one after the other, until told to stop.
class Inserters {
 public:
  Inserters(TestCluster& cluster, int count) : shared_(cluster.genesis()) {
    for (int i = 0; i < count; ++i)
      clients_.push_back(
          std::make_unique<Client>(shared_, cluster.admin("inserter-" + std::to_string(i))));
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { work(i); });
  }
  ~Inserters() { stop(); }
  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void wait_for_more(int count) const {
    const int until = acknowledged_ + count;
    while (acknowledged_ < until && failure().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  int acknowledged() const { return acknowledged_; }
  std::uint64_t last_seq() const { return last_seq_; }
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void work(int inserter) {
    for (int n = 0; !stopping_; ++n) {
      auto answer = clients_[static_cast<std::size_t>(inserter)]->try_execute(
          "INSERT INTO work(inserter, n) VALUES(?, ?)", inserter, n);
      if (!answer) {
        const std::lock_guard lock(mutex_);
        failure_ = answer.error().message;
        return;
      }
      ++acknowledged_;
      std::uint64_t seen = last_seq_;
      while (seen < answer->seq && !last_seq_.compare_exchange_weak(seen, answer->seq)) {
      }
    }
  }

  Cluster shared_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> acknowledged_{0};
  std::atomic<std::uint64_t> last_seq_{0};
  mutable std::mutex mutex_;
  std::string failure_;
};

TEST(Faults, a_backup_killed_and_restarted_under_load_loses_nothing_and_repeats_nothing) {
  TestCluster cluster;
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  Inserters inserters(cluster, 16);
  inserters.wait_for_more(100);
  cluster.kill(victim);
  inserters.wait_for_more(200);
  cluster.restart(victim);
  inserters.wait_for_more(200);
  cluster.kill(victim);
  inserters.wait_for_more(100);
  cluster.restart(victim);
  inserters.wait_for_more(100);
  inserters.stop();
  EXPECT_EQ(inserters.failure(), "");
  const auto rows = admin.query<int, int>(
      "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT inserter, n FROM work)) FROM work");
  EXPECT_EQ(rows.one(), std::make_tuple(inserters.acknowledged(), inserters.acknowledged()));
  cluster.expect_one_state(inserters.last_seq());
}

TEST(Faults, without_a_quorum_a_request_waits_and_runs_once_when_servers_return) {
  TestCluster cluster;
  Options options = cluster.admin("waiter");
  Client client(options);
  client.execute("CREATE TABLE once(n INTEGER)");
  cluster.kill(2);
  cluster.kill(3);
  client.set_timeout(std::chrono::seconds(3));
  auto lost = client.try_execute("INSERT INTO once VALUES(1)");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::no_quorum);
  EXPECT_TRUE(lost.error().sent);
  cluster.restart(2);
  client.set_timeout(std::chrono::seconds(60));
  EXPECT_EQ(client.execute("INSERT INTO once VALUES(2)").changes, 1);
  // The first was sent, kept its number, and ran before the second, once.
  const auto rows = client.query<int, int>("SELECT count(*), min(n) FROM once");
  EXPECT_EQ(rows.one(), std::make_tuple(2, 1));
}

TEST(Faults, a_frozen_backup_is_reported_silent_and_delays_nobody) {
  TestCluster cluster;
  Options options = cluster.admin("patient");
  options.linger = std::chrono::milliseconds(300);
  Client client(options);
  client.execute("CREATE TABLE frozen(n INTEGER)");
  cluster.signal(victim, SIGSTOP);
  for (int i = 0; i < 5; ++i) {
    const Answer answer = client.execute("INSERT INTO frozen VALUES(?)", i);
    EXPECT_THAT(answer.agreement.silent, testing::ElementsAre(victim));
    EXPECT_EQ(answer.agreement.agreed.size(), 3U);
  }
  cluster.signal(victim, SIGCONT);
  const Answer last = client.execute("SELECT count(*) FROM frozen");
  EXPECT_EQ(last.value<int>(), 5);
  cluster.expect_one_state(last.seq);
}

TEST(Faults, a_whole_cluster_that_stops_and_starts_goes_on_where_it_was) {
  TestCluster cluster;
  {
    Client client(cluster.admin("before"));
    client.execute("CREATE TABLE kept(n INTEGER)");
    for (int i = 0; i < 20; ++i) client.execute("INSERT INTO kept VALUES(?)", i);
  }
  for (unsigned id = 0; id < cluster.size(); ++id) cluster.kill(id);
  for (unsigned id = 0; id < cluster.size(); ++id) cluster.start_without_waiting(id);
  Client client(cluster.admin("after"));
  EXPECT_EQ(client.execute("SELECT count(*) FROM kept").value<int>(), 20);
}

TEST(Faults, a_group_of_seven_bears_two_dead_backups) {
  TestCluster cluster({.replicas = 7, .faults = 2});
  Client client(cluster.admin("seven"));
  client.execute("CREATE TABLE seven(n INTEGER)");
  cluster.kill(5);
  cluster.kill(6);
  const Answer answer = client.execute("INSERT INTO seven VALUES(1)");
  EXPECT_GE(answer.agreement.agreed.size(), 3U);
  EXPECT_EQ(client.execute("SELECT count(*) FROM seven").value<int>(), 1);
}

}  // namespace
}  // namespace prytany::cluster_tests
