// Disk loss, whole: real replicas under load, a folder that is deleted, another key, and a group
// that needs the newer incarnation's votes afterwards (docs/how-to/operate.md, disk loss).
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "server/cli/demo_checks.h"
#include "server/cli/http_get.h"
#include "server/cli/init.h"
#include "tests/cluster/background.h"
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

/// What one organisation after the other does, none of whom has another's key.
TEST(Reincarnation, outside_development_so_many_members_must_approve) {
  const TestFolder place;
  const std::uint16_t port = cli::free_base_port(23000, 4);
  const auto folder = [&](const std::string& name) { return place.path() + "/" + name; };
  const auto keygen = [&](unsigned id, const std::string& name) {
    return run({"keygen", "--out", folder(name), "--name", "organisation", "--peer",
                "127.0.0.1:" + std::to_string(port + 100U + id), "--client-url",
                "ws://127.0.0.1:" + std::to_string(port + id)});
  };
  const std::string genesis = folder("genesis.json");
  const Ran admin = keygen(9, "admin");
  const std::string admin_hex =
      admin.output.substr(admin.output.find("public key ") + std::string("public key ").size(), 64);
  std::vector<std::string> assemble = {"genesis", "assemble"};
  for (unsigned id = 0; id < 4; ++id) {
    ASSERT_EQ(keygen(id, std::to_string(id)).exit_code, 0);
    assemble.push_back(folder(std::to_string(id)) + "/member.json");
  }
  assemble.insert(assemble.end(),
                  {"--faults", "1", "--name", "four", "--out", genesis, "--administrator",
                   admin_hex, "--checkpoint-interval", "8", "--window", "16"});
  const Ran assembled = run(assemble);
  ASSERT_EQ(assembled.exit_code, 0) << assembled.errors;
  const auto key_of = [&](unsigned id) { return folder(std::to_string(id)) + "/replica.key"; };
  for (unsigned id = 0; id < 4; ++id)
    ASSERT_EQ(run({"genesis", "sign", "--key", key_of(id), genesis}).exit_code, 0);
  std::vector<std::unique_ptr<Background>> servers;
  const auto start = [&](const std::string& name) {
    return std::make_unique<Background>(
        std::vector<std::string>{"replica", folder(name), "--genesis", genesis, "--log", "error"});
  };
  for (unsigned id = 0; id < 3; ++id) servers.push_back(start(std::to_string(id)));

  ASSERT_EQ(keygen(3, "newer").exit_code, 0);
  const std::string request = folder("request.json");
  const auto reincarnate = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "reincarnate");
    arguments.insert(arguments.end(), {"--cluster", genesis});
    return run(arguments);
  };
  ASSERT_TRUE(eventually([&] {
    return reincarnate(
               {"request", request, "--member", "3", "--new", folder("newer") + "/member.json"})
               .exit_code == 0;
  }));
  const auto submit = [&] {
    return reincarnate({"submit", request, "--key", folder("admin") + "/replica.key"});
  };
  for (unsigned id = 0; id < 3; ++id) {
    const Ran too_few = submit();
    EXPECT_EQ(too_few.exit_code, 1);
    EXPECT_THAT(too_few.errors, HasSubstr("must approve"));
    const Ran approved = reincarnate({"approve", request, "--key", key_of(id)});
    ASSERT_EQ(approved.exit_code, 0) << approved.errors;
  }
  servers.push_back(start("newer"));
  const Ran ordered = submit();
  ASSERT_EQ(ordered.exit_code, 0) << ordered.errors;
  const auto address = wire::address_from("127.0.0.1:" + std::to_string(port + 3));
  EXPECT_TRUE(eventually([&] {
    const auto text = cli::http_get(*address, "/status", 1'000'000);
    return text && text->find("\"configuration\":1,\"voting\":true") != std::string::npos;
  }));
  for (const auto& server : servers) EXPECT_EQ(server->end(SIGTERM), 0);
}

}  // namespace
}  // namespace prytany::cluster_tests
