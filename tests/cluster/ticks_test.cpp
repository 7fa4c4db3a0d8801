// Procedures that run by themselves, on a cluster that nobody asks for anything.
#include <chrono>
#include <thread>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

void put_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// When the procedure ran, in seconds.
std::vector<std::int64_t> beats(const TestCluster& cluster, const std::string& name) {
  Client client(cluster.admin(name));
  std::vector<std::int64_t> times;
  for (const auto& [at] : client.query<std::int64_t>("SELECT at_us FROM beats ORDER BY at_us"))
    times.push_back(at / 1'000'000);
  return times;
}

TEST(Ticks, run_while_nobody_asks_also_when_the_primary_is_dead) {
  Shape shape;
  shape.settings = {"clock_behind_max_us=1000000"};  // how late an idle primary may be
  TestCluster cluster(shape);
  const TestFolder app;
  put_file(app.path() + "/prytany.json", R"({"name": "beats", "version": "1"})");
  put_file(app.path() + "/schema/001_beats.sql", "CREATE TABLE beats(at_us INTEGER);");
  put_file(app.path() + "/procedures/beat.sql", "-- @every 2s\nINSERT INTO beats VALUES(now());");
  const Ran installed =
      run({"install", app.path(), "--cluster", cluster.genesis(), "--key", cluster.admin_key()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;

  std::this_thread::sleep_for(std::chrono::seconds(9));
  const auto idle = beats(cluster, "idle");
  ASSERT_GE(idle.size(), 4U);
  for (std::size_t i = 1; i < idle.size(); ++i)
    EXPECT_LE(idle[i] - idle[i - 1], 3) << "in step, though nobody asked";

  cluster.kill(0);  // the primary of view 0; no client waits for it
  std::this_thread::sleep_for(std::chrono::seconds(12));
  const auto orphaned = beats(cluster, "orphaned");
  EXPECT_GE(orphaned.size(), idle.size() + 3);
  cluster.restart(0);
  EXPECT_EQ(run({"sql",
                 "SELECT ensure(failures = 0 AND runs >= 7, 'bad', 'it failed') FROM "
                 "prytany_ticks",
                 "--cluster", cluster.genesis(), "--key", cluster.admin_key()})
                .exit_code,
            0);
}

}  // namespace
}  // namespace prytany::cluster_tests
