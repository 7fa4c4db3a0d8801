// Disk loss, whole: real replicas under load, a folder that is deleted, another key, and a group
// that needs the newer incarnation's votes afterwards (docs/how-to/operate.md, disk loss).
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "server/cli/http_get.h"
#include "server/cli/init.h"
#include "tests/cluster/inserters.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr unsigned lost = 2;

nlohmann::json page(const TestCluster& cluster, unsigned replica, const std::string& path) {
  const auto address =
      wire::address_from(cluster.url(replica).substr(std::string("http://").size()));
  const auto text = cli::http_get(*address, path, 1'000'000);
  if (!text) return nlohmann::json();
  return nlohmann::json::parse(*text, nullptr, false);
}

bool eventually(const std::function<bool()>& done, int seconds = 60) {
  for (int i = 0; i < 10 * seconds; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

bool votes_in(const TestCluster& cluster, unsigned replica, std::uint64_t configuration) {
  const nlohmann::json status = page(cluster, replica, "/status");
  return status.is_object() && status.value("configuration", 0ULL) == configuration &&
         status.value("voting", false);
}

/// A folder with a key of its own, and the addresses of that member.
void make_key(const TestCluster& cluster, const std::string& folder) {
  std::ifstream in(cluster.genesis());
  const nlohmann::json genesis = nlohmann::json::parse(in);
  const auto& member = genesis["members"][lost];
  const Ran made = run({"keygen", "--out", folder, "--name", member["name"], "--peer",
                        member["peer"], "--client-url", member["client"]});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
}

TEST(Reincarnation, a_member_whose_disk_was_lost_comes_back_under_another_key_and_its_vote_counts) {
  TestCluster cluster(Shape{.checkpoint_interval = 32});
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  Inserters inserters(cluster, 4);
  inserters.wait_for_more(200);

  // The disk is lost; a copy of it turns up later.
  const std::string folder = cli::replica_folder(cluster.folder(), lost);
  const std::string older = cluster.folder() + "/older";
  cluster.kill(lost);
  fs::copy(folder, older, fs::copy_options::recursive);
  fs::remove_all(folder);
  make_key(cluster, folder);
  cluster.start_without_waiting(lost);
  inserters.wait_for_more(100);
  EXPECT_FALSE(page(cluster, lost, "/status").is_object()) << "it is not a member yet";

  const Ran ordered =
      run({"reincarnate", "submit", "--cluster", cluster.genesis(), "--key", cluster.admin_key(),
           "--member", std::to_string(lost), "--new", folder + "/member.json"});
  ASSERT_EQ(ordered.exit_code, 0) << ordered.errors;
  EXPECT_THAT(ordered.output, HasSubstr("configuration 1, in which member 2"));
  ASSERT_TRUE(eventually([&] { return votes_in(cluster, lost, 1); }))
      << page(cluster, lost, "/status").dump();
  const Ran status = run({"reincarnate", "status", "--cluster", cluster.genesis()});
  EXPECT_THAT(status.output, HasSubstr("configuration 1, in force above"));
  inserters.wait_for_more(200);

  // Without another one, a quorum needs the newer incarnation.
  cluster.kill(0);
  inserters.wait_for_more(200);
  cluster.restart(0);

  // The older incarnation's folder is of no use any more.
  fs::remove_all(folder + "/pid");
  cluster.kill(lost);
  const Ran again =
      run({"replica", older, "--genesis", cluster.genesis(), "--log", "error", "--json"});
  EXPECT_EQ(again.exit_code, 71) << again.errors;
  EXPECT_THAT(again.errors, HasSubstr("another key"));
  cluster.restart(lost);

  inserters.wait_for_more(100);
  inserters.stop();
  EXPECT_EQ(inserters.failure(), "");
  const auto rows = admin.query<int, int>(
      "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT inserter, n FROM work)) FROM work");
  EXPECT_EQ(rows.one(), std::make_tuple(inserters.acknowledged(), inserters.acknowledged()));
  cluster.expect_one_state(inserters.last_seq());
}

TEST(Reincarnation, the_same_again_with_the_primary_and_then_with_another) {
  TestCluster cluster(Shape{.checkpoint_interval = 16});
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  Inserters inserters(cluster, 4);
  inserters.wait_for_more(50);
  std::uint64_t configuration = 0;
  for (const unsigned id : {0U, 3U}) {
    const std::string folder = cli::replica_folder(cluster.folder(), id);
    cluster.kill(id);
    fs::remove_all(folder);
    std::ifstream in(cluster.genesis());
    const nlohmann::json genesis = nlohmann::json::parse(in);
    const auto& member = genesis["members"][id];
    ASSERT_EQ(run({"keygen", "--out", folder, "--name", member["name"], "--peer", member["peer"],
                   "--client-url", member["client"]})
                  .exit_code,
              0);
    cluster.start_without_waiting(id);
    const std::string request = cluster.folder() + "/request" + std::to_string(id);
    const Ran asked = run({"reincarnate", "request", request, "--cluster", cluster.genesis(),
                           "--member", std::to_string(id), "--new", folder + "/member.json"});
    ASSERT_EQ(asked.exit_code, 0) << asked.errors;
    const Ran ordered = run({"reincarnate", "submit", request, "--cluster", cluster.genesis(),
                             "--key", cluster.admin_key()});
    ASSERT_EQ(ordered.exit_code, 0) << ordered.errors;
    ++configuration;
    ASSERT_TRUE(eventually([&] { return votes_in(cluster, id, configuration); }))
        << page(cluster, id, "/status").dump();
    inserters.wait_for_more(50);
  }
  inserters.stop();
  EXPECT_EQ(inserters.failure(), "");
  cluster.expect_one_state(inserters.last_seq());
}

}  // namespace
}  // namespace prytany::cluster_tests
