// One of four real replicas lies to the others with its real key (tests/liar), under load: nothing
// that was acknowledged is lost, no answer is wrong, the honest agree, and the group goes on
// (Castro & Liskov OSDI 1999 section 3). What the clients saw goes to the checker of histories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "server/cli/http_get.h"
#include "tests/cluster/witnesses.h"

namespace prytany::cluster_tests {
namespace {

using testing::IsEmpty;

struct Scene {
  std::string name;
  unsigned liar = 0;  // 0 leads the first view
  std::vector<std::string> lies;
  bool restarts = false;  // an honest one is killed, and comes back behind
  bool replaced = false;  // it leads, and must not go on doing so
};
void PrintTo(const Scene& scene, std::ostream* out) { *out << scene.name; }

/// How long each scene goes on.
std::chrono::milliseconds span(bool short_one) {
  const char* minutes = std::getenv("PRYTANY_MINUTES");
  if (short_one || minutes == nullptr) return std::chrono::milliseconds(4'000);
  constexpr int scenes = 11;
  return std::chrono::milliseconds(static_cast<int>(std::strtod(minutes, nullptr) * 60'000) /
                                   scenes);
}

/// However slow the machine, somebody is served again within so long.
constexpr std::chrono::seconds patience{20};

class Byzantine : public testing::TestWithParam<Scene> {
 protected:
  void go(bool short_one) {
    const Scene& scene = GetParam();
    Shape shape{.checkpoint_interval = scene.restarts ? 8U : 32U};
    TestCluster cluster(shape);
    Client setup(cluster.admin("setup"));
    setup.execute("CREATE TABLE work(inserter INTEGER, n INTEGER, UNIQUE(inserter, n))");
    cluster.lie(scene.liar, scene.lies);
    Witnesses witnesses(cluster, 4, scene.name);
    const auto end = std::chrono::steady_clock::now() + span(short_one);
    std::uint64_t transfers = 0;
    while (std::chrono::steady_clock::now() < end) {
      if (scene.restarts) cluster.kill(other_than(scene.liar));
      std::this_thread::sleep_for(std::chrono::milliseconds(scene.restarts ? 700 : 1'000));
      if (scene.restarts) {
        cluster.restart(other_than(scene.liar));
        std::this_thread::sleep_for(std::chrono::milliseconds(700));
        transfers += counted(cluster, other_than(scene.liar), "\"state_transfers\":");
      }
      ASSERT_THAT(witnesses.complaints(), IsEmpty());
      EXPECT_LT(witnesses.take_longest(), patience);
    }
    EXPECT_TRUE(!scene.replaced || entered_another_view(cluster)) << "it leads as before";
    const int before = witnesses.acknowledged();
    EXPECT_TRUE(goes_on(witnesses, before)) << "nothing more is acknowledged";
    witnesses.stop();
    EXPECT_THAT(witnesses.complaints(), IsEmpty());
    EXPECT_GT(witnesses.judged(), 20U);
    EXPECT_TRUE(cluster_agrees(cluster, scene.liar, witnesses.last_seq()));
    const int rows = setup.execute("SELECT count(*) FROM work").value<int>();
    EXPECT_EQ(rows, witnesses.acknowledged());
    EXPECT_TRUE(!scene.restarts || transfers > 0) << "nobody ever fetched a state";
    std::cout << scene.name << ": " << rows << " rows, " << witnesses.judged()
              << " answers judged, " << transfers << " states fetched\n";
  }

 private:
  static unsigned other_than(unsigned liar) { return liar == 3 ? 2 : 3; }

  static bool entered_another_view(const TestCluster& cluster) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (counted(cluster, 1, "\"view\":") == 0) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
  }
  static bool goes_on(const Witnesses& witnesses, int before) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (witnesses.acknowledged() < before + 8) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  /// The honest have one digest at one stable checkpoint that holds everything.
  static testing::AssertionResult cluster_agrees(const TestCluster& cluster, unsigned liar,
                                                 std::uint64_t seq) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::string seen;
    while (std::chrono::steady_clock::now() < until) {
      std::set<std::string> states;
      seen.clear();
      for (unsigned id = 0; id < cluster.size(); ++id) {
        if (id == liar) continue;
        const auto status =
            cli::http_get({"127.0.0.1", static_cast<std::uint16_t>(cluster.base_port() + id)},
                          "/status", 1'000'000);
        if (!status) break;
        const std::string digest = field(*status, "\"state_digest\":\"");
        const std::string stable = field(*status, "\"stable_checkpoint\":");
        seen += " r" + std::to_string(id) + " n" + stable + " " + digest.substr(0, 8);
        if (std::strtoull(stable.c_str(), nullptr, 10) >= seq)
          states.insert(stable + digest);
        else
          states.insert("behind " + std::to_string(id));
      }
      if (states.size() == 1 && !states.begin()->starts_with("behind"))
        return testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return testing::AssertionFailure() << "not one state at n" << seq << ":" << seen;
  }
  static std::uint64_t counted(const TestCluster& cluster, unsigned id, const std::string& name) {
    const auto status = cli::http_get(
        {"127.0.0.1", static_cast<std::uint16_t>(cluster.base_port() + id)}, "/status", 1'000'000);
    if (!status) return 0;
    const std::size_t at = status->find(name);
    return at == std::string::npos ? 0
                                   : std::strtoull(status->c_str() + at + name.size(), nullptr, 10);
  }
  static std::string field(const std::string& text, const std::string& name) {
    const std::size_t at = text.find(name);
    if (at == std::string::npos) return "?";
    const std::size_t from = at + name.size();
    return text.substr(from, text.find_first_of("\",}", from) - from);
  }
};

// Three that are quick to tell; all of them with `tests/cluster/run --byzantine`.
class ByzantineInShort : public Byzantine {};
TEST_P(ByzantineInShort, replica_among_real_ones_is_outvoted) { go(true); }
INSTANTIATE_TEST_SUITE_P(
    Of, ByzantineInShort,
    testing::Values(Scene{"equivocate", 0, {"--lie=equivocate"}},
                    Scene{"slow", 0, {"--lie=slow", "--delay-ms=400"}, false, true},
                    Scene{"everything_a_backup_can",
                          2,
                          {"--lie=view-changes", "--lie=flood", "--lie=checkpoints",
                           "--lie=fetches"}}),
    [](const auto& each) { return each.param.name; });

// Its victim leads, and the two others need it: a replica that looked at what it is sent in the
// order in which it comes would have time for little else (2 to 6 % of the answers were left).
TEST(HeavyByzantine, replica_does_not_keep_one_from_the_others) {
  TestCluster cluster(Shape{});
  Client setup(cluster.admin("setup"));
  setup.execute("CREATE TABLE work(inserter INTEGER, n INTEGER, UNIQUE(inserter, n))");
  const auto acknowledged_in_three_seconds = [](const Witnesses& witnesses) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const int before = witnesses.acknowledged();
    std::this_thread::sleep_for(std::chrono::seconds(3));
    return witnesses.acknowledged() - before;
  };
  cluster.lie(3, {"--lie=abstain"});
  Witnesses witnesses(cluster, 4, "heavy");
  const int unhindered = acknowledged_in_three_seconds(witnesses);
  cluster.lie(3, {"--lie=abstain", "--lie=heavy"});
  const int hindered = acknowledged_in_three_seconds(witnesses);
  witnesses.stop();
  EXPECT_THAT(witnesses.complaints(), IsEmpty());
  EXPECT_GT(hindered, unhindered / 6);
  std::cout << "acknowledged in three seconds: " << unhindered << ", beside a heavy liar "
            << hindered << "\n";
}

class LongByzantine : public Byzantine {};
TEST_P(LongByzantine, replica_among_real_ones_is_outvoted) { go(false); }
INSTANTIATE_TEST_SUITE_P(
    Of, LongByzantine,
    testing::Values(
        Scene{"equivocate", 0, {"--lie=equivocate"}}, Scene{"withhold", 0, {"--lie=withhold"}},
        Scene{"slow", 0, {"--lie=slow"}, false, true},
        Scene{"too_slow", 0, {"--lie=slow", "--delay-ms=700"}, false, true},
        Scene{"poison", 2, {"--lie=poison"}, true},
        Scene{"view_changes", 1, {"--lie=view-changes"}}, Scene{"flood", 1, {"--lie=flood"}},
        Scene{"fetches", 1, {"--lie=fetches"}}, Scene{"checkpoints", 1, {"--lie=checkpoints"}},
        Scene{"forged_replies", 1, {"--lie=tally", "--lie=receipt", "--lie=refusal"}},
        Scene{"all",
              0,
              {"--lie=equivocate", "--lie=withhold", "--lie=poison", "--lie=view-changes"},
              true}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace prytany::cluster_tests
