// Real replicas on a network that is slow, loses, cuts and speaks one way only: clients lose
// nothing and read nothing wrong, and all goes on when the network does.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>

#include "tests/cluster/inserters.h"
#include "tests/cluster/network/lab.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class Network : public testing::Test {
 protected:
  static constexpr unsigned replicas = 4;

  Network() {
    Client admin(cluster_.admin("admin"));
    admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  }
  static std::int64_t ms_since(steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start)
        .count();
  }
  /// The view that most replicas are in, and its primary.
  std::pair<std::uint64_t, unsigned> view() const {
    Cluster cluster(cluster_.genesis());
    std::map<std::pair<std::uint64_t, unsigned>, int> said;
    for (const ReplicaStatus& status : cluster.status())
      if (status.reachable) ++said[{status.view, status.primary}];
    if (said.empty()) return {};
    return std::max_element(said.begin(), said.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
  }
  std::vector<unsigned> all_but(unsigned one) const {
    std::vector<unsigned> others;
    for (unsigned id = 0; id < replicas; ++id)
      if (id != one) others.push_back(id);
    return others;
  }
  /// Every acknowledged row is there once, and no other; all replicas agree.
  void expect_all_of(Inserters& inserters) {
    inserters.stop();
    EXPECT_EQ(inserters.failure(), "");
    Client admin(cluster_.admin("counter"));
    const auto rows = admin.query<int, int>(
        "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT inserter, n FROM work)) "
        "FROM work");
    EXPECT_EQ(rows.one(), std::make_tuple(inserters.acknowledged(), inserters.acknowledged()));
    cluster_.expect_one_state(inserters.last_seq());
  }

  Lab lab_{replicas};
  TestCluster cluster_{{.replicas = replicas,
                        .faults = 1,
                        .checkpoint_interval = 16,
                        .address = [](unsigned id) { return Lab::address(id); },
                        .inside = [this](unsigned id, const auto& act) { lab_.inside(id, act); }}};
};

TEST_F(Network, far_and_lossy_costs_time_and_nothing_else) {
  lab_.weather({.delay = 20ms, .jitter = 10ms, .loss = 0.02});
  Inserters inserters(cluster_, 16);
  const auto start = steady_clock::now();
  inserters.wait_for_more(100);
  std::cout << "[ MEASURED ] " << 100'000 / ms_since(start)
            << " inserts a second of 16 sessions at 20 to 30 ms one way and 2% loss" << std::endl;
  EXPECT_GT(lab_.lost(), 0U);
  expect_all_of(inserters);
}

TEST_F(Network, a_primary_that_only_clients_can_reach_is_replaced) {
  Inserters inserters(cluster_, 8);
  inserters.wait_for_more(50);
  const auto [before, primary] = view();
  lab_.cut(primary, all_but(primary));
  const auto start = steady_clock::now();
  std::this_thread::sleep_for(250ms);
  inserters.wait_for_more(50);
  std::cout << "[ MEASURED ] 50 requests more within " << ms_since(start) << " ms" << std::endl;
  EXPECT_GT(view().first, before);
  lab_.heal();
  inserters.wait_for_more(50);
  expect_all_of(inserters);
}

TEST_F(Network, a_primary_that_is_heard_but_hears_nothing_is_replaced) {
  Inserters inserters(cluster_, 8);
  inserters.wait_for_more(50);
  const auto [before, primary] = view();
  for (const unsigned other : all_but(primary)) lab_.weather(other, primary, {.cut = true});
  std::this_thread::sleep_for(250ms);
  inserters.wait_for_more(50);
  EXPECT_GT(view().first, before);
  lab_.heal();
  inserters.wait_for_more(50);
  expect_all_of(inserters);
}

TEST_F(Network, halves_acknowledge_nothing_and_go_on_when_they_meet) {
  Inserters inserters(cluster_, 8);
  inserters.wait_for_more(50);
  for (const unsigned id : {0U, 1U}) lab_.cut(id, {2U, 3U});
  std::this_thread::sleep_for(500ms);  // what was committed before may still be answered
  const int before = inserters.acknowledged();
  std::this_thread::sleep_for(1500ms);
  EXPECT_EQ(inserters.acknowledged(), before);
  const auto healed = steady_clock::now();
  lab_.heal();
  inserters.wait_for_more(1);
  std::cout << "[ MEASURED ] first answer " << ms_since(healed) << " ms after the halves met"
            << std::endl;
  // TCP's own patience doubles while nothing arrives, and the view's timer, too.
  EXPECT_LT(ms_since(healed), 15'000);
  inserters.wait_for_more(50);
  expect_all_of(inserters);
}

TEST_F(Network, a_backup_that_was_cut_off_comes_back_by_state_transfer) {
  Inserters inserters(cluster_, 8);
  inserters.wait_for_more(20);
  const unsigned backup = (view().second + 1) % replicas;
  lab_.cut(backup, all_but(backup));
  inserters.wait_for_more(400);  // some windows of 32 numbers further
  lab_.heal();
  inserters.wait_for_more(50);
  expect_all_of(inserters);
}

TEST_F(Network, clients_that_are_cut_off_from_f_replicas_notice_nothing) {
  Inserters inserters(cluster_, 8);
  inserters.wait_for_more(20);
  lab_.cut(lab_.clients(), {3});
  inserters.wait_for_more(100);
  lab_.heal();
  expect_all_of(inserters);
}

/// How long the long form lasts: PRYTANY_MINUTES, or ten.
std::chrono::seconds long_form() {
  const char* minutes = std::getenv("PRYTANY_MINUTES");
  return std::chrono::minutes(minutes == nullptr ? 10 : std::max(1, std::atoi(minutes)));
}

class LongNetwork : public Network {
 protected:
  void strike() {
    const unsigned who = static_cast<unsigned>(chance_() % replicas);
    const unsigned other = (who + 1 + static_cast<unsigned>(chance_() % (replicas - 1))) % replicas;
    switch (const auto kind = chance_() % 8; kind) {
      case 0:
        cluster_.kill(who);
        dead_ = who;
        return;
      case 1:
        cluster_.signal(who, SIGSTOP);
        frozen_ = who;
        return;
      case 2:
        for (unsigned id = 0; id < replicas; ++id) cluster_.kill(id);
        for (unsigned id = 0; id < replicas; ++id) cluster_.start_without_waiting(id);
        return;
      case 3: return lab_.cut(who, all_but(who));
      case 4: return lab_.weather(who, other, {.cut = true});
      case 5: return lab_.cut(lab_.clients(), {who});
      case 6:
        for (const unsigned id : all_but(who))
          if (id != other) lab_.cut(id, {who, other});
        return;
      default:
        return lab_.weather({.delay = std::chrono::milliseconds(chance_() % 60),
                             .jitter = std::chrono::milliseconds(chance_() % 30),
                             .loss = static_cast<double>(chance_() % 6) / 100});
    }
  }
  void mend() {
    lab_.heal();
    if (frozen_) cluster_.signal(*std::exchange(frozen_, std::nullopt), SIGCONT);
    if (dead_) cluster_.start_without_waiting(*std::exchange(dead_, std::nullopt));
  }
  /// Another script with every run: PRYTANY_SEED repeats one.
  static std::uint64_t seed() {
    const char* given = std::getenv("PRYTANY_SEED");
    const std::uint64_t drawn =
        given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
    std::cout << "[ MEASURED ] troubles are those of PRYTANY_SEED=" << drawn << std::endl;
    return drawn;
  }

  std::mt19937_64 chance_{seed()};
  std::optional<unsigned> dead_, frozen_;
};

TEST_F(LongNetwork, minutes_of_every_kind_of_trouble_lose_nothing) {
  Inserters inserters(cluster_, 12);
  const auto end = steady_clock::now() + long_form();
  std::int64_t longest = 0;
  int troubles = 0;
  for (; steady_clock::now() < end && inserters.failure().empty(); ++troubles) {
    strike();
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + chance_() % 4000));
    mend();
    const auto mended = steady_clock::now();
    inserters.wait_for_more(30);
    longest = std::max(longest, ms_since(mended));
  }
  std::cout << "[ MEASURED ] " << inserters.acknowledged() << " inserts through " << troubles
            << " troubles; the longest wait for 30 answers after one was " << longest << " ms"
            << std::endl;
  lab_.weather(Weather{});
  expect_all_of(inserters);
}

}  // namespace
}  // namespace prytany::cluster_tests
