// Requests that take half a second each, of one session, and the others meanwhile
// (docs/decisions/0035-what-takes-long-waits.md).
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/cluster/test_cluster.h"
#include "tests/cluster/witnesses.h"

namespace prytany::cluster_tests {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

/// It ends at its budget.
const Statement endless{
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < "
    "100000000) SELECT count(*) FROM c"};

struct LanesOfACluster : testing::Test {
  LanesOfACluster() {
    owner.execute("CREATE TABLE work(inserter INTEGER, n INTEGER, PRIMARY KEY(inserter, n))");
    witnesses.emplace(cluster, 3);
    (void)during(1s);
    (void)witnesses->take_longest();
  }
  Client hostile() {
    Options options = cluster.admin("hostile");
    options.timeout = 120s;
    return {shared, options};
  }
  /// How many of the witnesses' requests are answered.
  int during(std::chrono::milliseconds span) {
    const int before = witnesses->acknowledged();
    std::this_thread::sleep_for(span);
    return witnesses->acknowledged() - before;
  }
  void expect_that_all_is_well() {
    witnesses->stop();
    EXPECT_THAT(witnesses->complaints(), IsEmpty());
    cluster.expect_one_state(witnesses->last_seq());
  }

  std::atomic<int> answered{0};  // outlives the cluster, which answers all that it still owes
  TestCluster cluster;
  Cluster shared{cluster.genesis()};
  Client owner{shared, cluster.admin("owner")};
  std::optional<Witnesses> witnesses;
};

TEST_F(LanesOfACluster, let_a_burst_of_what_takes_long_stop_the_others_for_a_few_seconds_only) {
  Client heavy = hostile();
  for (int i = 0; i < 12; ++i) heavy.execute_async(endless, [this](const auto&) { ++answered; });
  const int others = during(16s);
  const auto longest = witnesses->take_longest();
  std::cout << "others " << others << ", the longest waited " << longest.count() << " ms; hostile "
            << answered << " of 12\n";
  EXPECT_GT(answered, 3);
  EXPECT_LT(answered, 12);
  EXPECT_GT(others, 50);
  EXPECT_LT(longest, 15s);
  expect_that_all_is_well();
}

TEST_F(LanesOfACluster, leave_the_others_most_of_the_time_while_one_asks_for_what_takes_long) {
  const int before = during(3s);
  std::atomic<bool> done{false};
  int asked = 0;
  std::thread thread([&] {
    Client heavy = hostile();
    for (; !done; ++asked) EXPECT_THROW(heavy.execute(endless), ApplicationError);
  });
  (void)during(1s);
  const int meanwhile = during(9s) / 3;
  done = true;
  thread.join();
  std::cout << "others " << before << " before, " << meanwhile << " meanwhile; hostile " << asked
            << "\n";
  EXPECT_GT(meanwhile, before / 4);
  EXPECT_GT(asked, 1);
  expect_that_all_is_well();
}

}  // namespace
}  // namespace prytany::cluster_tests
