// The command line against a real cluster: output for programs, exit codes for scripts.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CommandLine : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<TestCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }
  static Ran as_admin(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(),
                     {"--cluster", cluster_->genesis(), "--key", cluster_->admin_key()});
    return run(arguments, input);
  }
  static std::unique_ptr<TestCluster> cluster_;
};
std::unique_ptr<TestCluster> CommandLine::cluster_;

TEST_F(CommandLine, sql_prints_columns_rows_changes_seq_and_who_agreed) {
  ASSERT_EQ(as_admin({"sql", "CREATE TABLE a(n, t)"}).exit_code, 0);
  const Ran inserted = as_admin({"sql", "INSERT INTO a VALUES(9007199254740993, 'x')", "--json"});
  ASSERT_EQ(inserted.exit_code, 0) << inserted.errors;
  EXPECT_EQ(json::parse(inserted.output)["changes"], 1);
  const Ran selected = as_admin({"sql", "SELECT n, t FROM a", "--json"});
  const json answer = json::parse(selected.output);
  EXPECT_EQ(answer["columns"], json::array({"n", "t"}));
  EXPECT_EQ(answer["rows"], json::array({json::array({"9007199254740993", "x"})}));
  EXPECT_GT(answer["seq"], 0);
  EXPECT_GE(answer["agreed"].size(), 2U);
}

TEST_F(CommandLine, an_sql_error_exits_1_with_its_code) {
  const Ran ran = as_admin({"sql", "SELECT * FROM nowhere", "--json"});
  EXPECT_EQ(ran.exit_code, 1);
  const json error = json::parse(ran.output.empty() ? ran.errors : ran.output);
  EXPECT_EQ(error["error"]["code"], "SQLITE_ERROR");
  EXPECT_THAT(error["error"]["message"].get<std::string>(), HasSubstr("nowhere"));
}

TEST_F(CommandLine, the_shell_runs_statements_and_dot_commands_and_stops_at_an_error) {
  const Ran ran = as_admin({"sql"},
                           "CREATE TABLE shell(n);\nINSERT INTO shell\nVALUES(1),\n(2);\n"
                           ".tables\n.schema\nSELECT sum(n) AS total FROM shell;\n.quit\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("total"));
  EXPECT_THAT(ran.output, HasSubstr("CREATE TABLE shell(n);"));
  EXPECT_THAT(ran.output, testing::Not(HasSubstr("prytany_")));
  const Ran wrong = as_admin({"sql"}, "SELECT nonsense;\nCREATE TABLE never(n);\n");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_EQ(as_admin({"sql", "SELECT * FROM never"}).exit_code, 1);
}

TEST_F(CommandLine, an_application_is_installed_and_its_procedures_called) {
  const std::string app = PRYTANY_SOURCE_DIR "/examples/evote";
  const Ran installed = as_admin({"install", app});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  EXPECT_EQ(as_admin({"call", "create_election", "title=A test"}).exit_code, 0);
  const Ran again = as_admin({"call", "open_election", "--json"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_EQ(json::parse(again.output.empty() ? again.errors : again.output)["error"]["code"],
            "wrong_state");
  const Ran turnout = run({"call", "turnout", "--json", "--cluster", cluster_->genesis()});
  ASSERT_EQ(turnout.exit_code, 0) << turnout.errors;
  EXPECT_EQ(json::parse(turnout.output)["columns"], json::array({"district", "voters", "voted"}));
  EXPECT_EQ(as_admin({"install", "/nonexistent"}).exit_code, 2);
}

TEST_F(CommandLine, misuse_exits_2) {
  const Ran unknown = run({"frobnicate"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.errors, HasSubstr("no command 'frobnicate'"));
  EXPECT_EQ(run({"sql", "SELECT 1", "--cluster", cluster_->genesis()}).exit_code, 2);
  EXPECT_EQ(run({"status", "--cluster", "/nonexistent"}).exit_code, 2);
  EXPECT_EQ(as_admin({"call", "turnout", "novalue"}).exit_code, 2);
}

TEST_F(CommandLine, status_tells_of_all_replicas_also_when_one_is_down) {
  cluster_->kill(3);
  const Ran ran = run({"status", "--json", "--cluster", cluster_->genesis()});
  ASSERT_EQ(ran.exit_code, 0) << ran.errors;
  const json status = json::parse(ran.output);
  ASSERT_EQ(status["replicas"].size(), 4U);
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(status["replicas"][id]["id"], id);
    EXPECT_EQ(status["replicas"][id]["reachable"], id != 3);
  }
  EXPECT_GT(status["replicas"][0]["last_executed"], 0);
  EXPECT_EQ(run({"status", "--cluster", cluster_->genesis()}).exit_code, 0);
  EXPECT_EQ(as_admin({"sql", "SELECT 1"}).exit_code, 0) << "three are enough";
  cluster_->restart(3);
}

TEST(CommandLineAlone, without_any_replica_exits_3) {
  const TestFolder folder;
  const Ran made = run(
      {"init", folder.path() + "/c", "--replicas", "4", "--faults", "1", "--base-port", "22990"});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  const std::string genesis = folder.path() + "/c/genesis.json";
  const std::string key = folder.path() + "/c/admin.key";
  const Ran sql = run({"sql", "SELECT 1", "--cluster", genesis, "--key", key, "--timeout", "1"});
  EXPECT_EQ(sql.exit_code, 3) << sql.errors;
  EXPECT_EQ(run({"status", "--json", "--cluster", genesis, "--timeout", "1"}).exit_code, 3);
}

}  // namespace
}  // namespace prytany::cluster_tests
