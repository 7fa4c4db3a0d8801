// Tools for those who write applications, with real programs: `explain` on the state.db of a
// replica that runs, `test --faults` with the simulator.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "server/cli/demo_checks.h"
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

TEST(ExplainCommand, explains_calls_and_sql_on_a_running_cluster_by_agreement) {
  TestCluster cluster;
  const std::string genesis = cluster.genesis();
  const Ran installed = run({"install", PRYTANY_SOURCE_DIR "/examples/guestbook", "--cluster",
                             genesis, "--key", cluster.admin_key()});
  ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  cluster.kill(2);
  const std::string guest = cluster.folder() + "/guest";
  const Ran made = run({"keygen", "--out", guest, "--name", "guest", "--peer", "127.0.0.1:1",
                        "--client-url", "ws://127.0.0.1:2"});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  const std::string key = guest + "/replica.key";
  const auto as_guest = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--cluster", genesis, "--key", key});
    return run(arguments);
  };
  const Ran sign = as_guest({"call", "sign", "text=Hello", "--explain", "--json"});
  ASSERT_EQ(sign.exit_code, 0) << sign.errors;
  const json explained = json::parse(sign.output);
  EXPECT_EQ(explained["role"], "guest");
  EXPECT_EQ(explained["error"], nullptr);
  ASSERT_EQ(explained["statements"].size(), 4U);
  EXPECT_THAT(explained["statements"][3]["plan"].dump(), HasSubstr("entries"));
  EXPECT_GT(explained["charged"], 0);
  EXPECT_EQ(as_guest({"call", "sign", "text=Hello"}).exit_code, 0) << "nobody had signed";
  const Ran again = as_guest({"call", "sign", "text=Hello", "--explain"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.output, HasSubstr("FAILED already_signed"));
  EXPECT_THAT(again.output, HasSubstr("sign, statement 2"));
  EXPECT_THAT(again.output, HasSubstr("nothing was changed"));
  EXPECT_THAT(as_guest({"sql", "SELECT 1", "--explain"}).errors, HasSubstr("may not send SQL"));
  const Ran sql = run({"sql", "DELETE FROM entries", "--explain", "--cluster", genesis, "--key",
                       cluster.admin_key()});
  EXPECT_EQ(sql.exit_code, 0) << sql.errors;
  EXPECT_THAT(sql.output, HasSubstr("DELETE FROM entries"));
  const Ran left = run({"call", "entries", "--cluster", genesis, "--json"});
  EXPECT_THAT(left.output, HasSubstr("Hello")) << left.errors;
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

TEST(TestCommand, runs_tests_on_simulated_replicas_that_fail) {
  const std::string app = PRYTANY_SOURCE_DIR "/examples/guestbook";
  const Ran ran = run({"test", app, "--faults", "--seeds", "1..4", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  std::vector<json> lines;
  std::istringstream text(ran.output);
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  ASSERT_EQ(lines.size(), 4U + 1 + 4 + 1 + 1) << ran.output;
  EXPECT_EQ(lines[5]["seed"], 1);
  EXPECT_THAT(lines[5]["test"].get<std::string>(), HasSubstr("sign.sql"));
  EXPECT_EQ(lines[9]["tests"], 4);
  EXPECT_GE(lines[9]["compared"], 5);
  EXPECT_LT(lines[9]["compared"], lines[9]["of_answers"]) << "some have the time in them";
  EXPECT_EQ(lines[10]["failed"], 0);
  const Ran more =
      run({"test", PRYTANY_SOURCE_DIR "/examples/invoices", "--faults", "--seeds", "1..7"});
  EXPECT_EQ(more.exit_code, 0) << more.output << more.errors;
  EXPECT_THAT(more.output, HasSubstr("7 seeds, 0 failed"));
  EXPECT_EQ(run({"test", app, "--seeds", "1..3"}).exit_code, 2) << "seeds of nothing";
  EXPECT_EQ(run({"test", app, "--faults", "--seeds", "3"}).exit_code, 2);
}

/// A procedure that runs by itself each second, and what those who watch are told.
TEST(TestCommand, takes_applications_with_ticks_and_subscriptions_and_shows_how_to_replay) {
  const TestFolder folder;
  const std::string app = folder.path() + "/app";
  for (const char* part : {"/schema", "/procedures", "/tests"})
    std::filesystem::create_directories(app + part);
  std::ofstream(app + "/prytany.json")
      << R"({"name": "meter", "version": "1", "roles": {"guest": {"authorize": "anyone"}},
             "topics": {"beats": {"roles": "any"}, "readings": {"roles": "any"}}})";
  std::ofstream(app + "/schema/001_tables.sql")
      << "CREATE TABLE reading(id INTEGER PRIMARY KEY, value INTEGER NOT NULL);\n"
         "CREATE TABLE beat(id INTEGER PRIMARY KEY, at INTEGER NOT NULL);\n";
  std::ofstream(app + "/procedures/beat.sql")
      << "-- @every 1s\nINSERT INTO beat(at) VALUES(now());\nSELECT notify('beats', 1);\n";
  std::ofstream(app + "/procedures/read.sql")
      << "-- @param value integer\n-- @roles guest\nINSERT INTO reading(value) VALUES(:value);\n"
         "SELECT notify('readings', :value);\nSELECT sum(value) AS total FROM reading;\n";
  std::ofstream(app + "/tests/meter.sql")
      << "-- @test what is read is added up\n-- @as anna\n-- @call read(value => 5)\n"
         "-- @expect 5\n-- @at +1 hour\n-- @call read(value => 6)\n-- @expect 11\n"
         "-- @as admin\nSELECT count(*) > 0 FROM beat;\n-- @expect 1\n";
  const Ran ran = run({"test", app, "--faults", "--seeds", "1..6"});
  EXPECT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("6 seeds, 0 failed"));
  EXPECT_THAT(ran.output, HasSubstr("1 of 1 tests; 4 of their 4 answers are compared"));
  const Ran traced = run({"test", app, "--faults", "--seeds", "2..2", "--trace"});
  EXPECT_THAT(traced.output, HasSubstr("the test stands at meter.sql:6"));
}

TEST(NewCommand, says_what_to_type_as_a_shell_reads_it) {
  const TestFolder folder;
  const std::string path = folder.path() + "/My App-2";
  const Ran made = run({"new", path});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  EXPECT_THAT(made.output, HasSubstr("prytany test '" + path + "'\n"));
  EXPECT_THAT(made.output, HasSubstr("prytany dev --app '" + path + "' --dir cluster\n"));
  EXPECT_EQ(run({"test", path}).exit_code, 0);
}

TEST(TestCommand, says_that_addresses_cannot_be_reserved_and_what_to_do) {
  const std::string application = PRYTANY_SOURCE_DIR "/examples/guestbook";
  for (const std::string& command : {"test " + application, "explain " + application + " sign"}) {
    const auto ran =
        cli::output_of({"sh", "-c", "ulimit -v 8000000; exec " + program() + " " + command});
    ASSERT_FALSE(ran.ok()) << command;
    EXPECT_THAT(ran.error().message, HasSubstr("cannot reserve 65536 MiB of addresses")) << command;
    EXPECT_THAT(ran.error().message, HasSubstr("ulimit -v unlimited"));
    EXPECT_THAT(ran.error().message, testing::Not(HasSubstr("bug")));
  }
}

}  // namespace
}  // namespace prytany::cluster_tests
