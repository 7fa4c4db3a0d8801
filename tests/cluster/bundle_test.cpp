// Clients with one connection (docs/decisions/0027-a-reply-bundle.md) whose gateway dies, stands
// still or lies: what they are told stays right, and they go on.
#include <gmock/gmock.h>

#include <csignal>
#include <mutex>
#include <thread>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// A session with one connection, and what it notes.
class OneConnection {
 public:
  OneConnection(TestCluster& cluster, const std::string& name) {
    Options options = cluster.admin(name);
    options.connections = Connections::one;
    options.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      notes_.push_back(line);
    };
    client_ = std::make_unique<Client>(options);
  }
  Client& client() { return *client_; }
  std::vector<std::string> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  /// Who it is, once there is one.
  unsigned gateway() const {
    for (int i = 0; i < 1000; ++i) {
      const auto all = notes();
      for (auto note = all.rbegin(); note != all.rend(); ++note) {
        if (note->find("-> ask all replicas") != std::string::npos) break;
        if (note->find("-> ask through it") != std::string::npos)
          return static_cast<unsigned>(std::stoul(note->substr(std::string("replica ").size())));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "there is no gateway after ten seconds";
    return 0;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> notes_;
  std::unique_ptr<Client> client_;
};

void insert(Client& client, int from, int upto) {
  for (int n = from; n < upto; ++n) client.execute("INSERT INTO work VALUES(?)", n);
}

void expect_each_once(Client& client, int upto) {
  EXPECT_EQ((client.query<int, int>("SELECT count(*), count(DISTINCT n) FROM work").one()),
            std::make_tuple(upto, upto));
}

TEST(Bundles, come_through_a_gateway_and_another_one_when_it_is_killed) {
  TestCluster cluster;
  OneConnection one(cluster, "one");
  one.client().execute("CREATE TABLE work(n INTEGER)");
  const unsigned first = one.gateway();
  insert(one.client(), 0, 50);
  cluster.kill(first);
  insert(one.client(), 50, 100);
  EXPECT_NE(one.gateway(), first);
  insert(one.client(), 100, 150);
  cluster.restart(first);
  insert(one.client(), 150, 200);
  expect_each_once(one.client(), 200);
}

TEST(Bundles, are_asked_of_all_when_the_gateway_stands_still) {
  TestCluster cluster;
  OneConnection one(cluster, "one");
  one.client().execute("CREATE TABLE work(n INTEGER)");
  const unsigned still = one.gateway();
  insert(one.client(), 0, 20);
  cluster.signal(still, SIGSTOP);
  insert(one.client(), 20, 40);
  EXPECT_THAT(one.notes(), Contains(HasSubstr("our gateway, is silent -> ask all replicas")));
  cluster.signal(still, SIGCONT);
  insert(one.client(), 40, 60);
  expect_each_once(one.client(), 60);
}

TEST(LiarBundles, of_a_gateway_that_lies_are_not_believed) {
  Shape shape;
  shape.signed_requests = true;
  TestCluster cluster(shape);
  constexpr unsigned liar = 1;
  cluster.lie(liar, {"--lie=tally", "--lie=receipt"});
  bool met = false;
  for (int i = 0; i < 8 && !met; ++i) {
    OneConnection one(cluster, "one-" + std::to_string(i));
    const bool lied_to = one.gateway() == liar;
    for (std::int64_t n = 0; n < 20; ++n)
      EXPECT_EQ(one.client().execute("SELECT ?", n).value<std::int64_t>(), n);
    if (!lied_to) continue;
    met = true;
    EXPECT_THAT(one.notes(), Contains(HasSubstr("brings too few tags that prove anything")));
  }
  EXPECT_TRUE(met) << "no session had the liar as its gateway";
}

}  // namespace
}  // namespace prytany::cluster_tests
