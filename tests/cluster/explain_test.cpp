// `prytany explain` on the state.db of a replica that runs.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(ExplainCommand, reads_a_running_replicas_state_and_disturbs_nobody) {
  Shape shape;
  shape.checkpoint_interval = 16;
  TestCluster cluster(shape);
  Client admin(cluster.admin("explainer"));
  const Ran installed = run({"install", PRYTANY_SOURCE_DIR "/examples/guestbook", "--cluster",
                             cluster.genesis(), "--key", cluster.admin_key()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  const std::string state = cluster.folder() + "/replica-1/state.db";
  const std::vector<std::string> command = {"explain", state, "sign", "text=Hello", "--json"};
  Ran ran;
  for (int i = 0; i < 100 && ran.exit_code != 0; ++i) {
    for (int n = 0; n < 16; ++n) admin.execute("SELECT 1");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ran = run(command);
  }
  ASSERT_EQ(ran.exit_code, 0) << ran.errors;
  const json explained = json::parse(ran.output);
  EXPECT_EQ(explained["error"], nullptr);
  EXPECT_GE(explained["statements"].size(), 2U);
  EXPECT_LT(explained["charged"], explained["budget"]);
  EXPECT_EQ(admin.query<std::int64_t>("SELECT count(*) FROM entries").one(), std::tuple(0))
      << "nobody has signed";
  const auto seq = admin.execute("SELECT 1").seq;
  for (int n = 0; n < 16; ++n) admin.execute("SELECT 1");
  cluster.expect_one_state(seq);
  cluster.kill(1);
  EXPECT_EQ(run(command).exit_code, 0);
  cluster.restart(1);
}

TEST(ExplainCommand, explains_a_folders_procedure_on_data_of_ones_own) {
  const TestFolder folder;
  const std::string before = folder.path() + "/before.sql";
  std::ofstream(before) << "INSERT INTO entries(guest, text, at) VALUES('a', 'x', 'now');\n";
  const std::string app = PRYTANY_SOURCE_DIR "/examples/guestbook";
  const Ran ran = run({"explain", app, "entries", "--before", before});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("SCAN entries"));
  EXPECT_THAT(ran.output, HasSubstr("nothing was changed"));
  const Ran unknown = run({"explain", app, "nothing"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.output, HasSubstr("FAILED unknown_procedure"));
}

}  // namespace
}  // namespace prytany::cluster_tests
