// The examples in C++. counter: an application as a program with all of prytany's commands, on real
// replicas that are killed; and its choices, which backups judge once and nobody ever after
// (Practicality section 2.5).
#include <gmock/gmock.h>

#include <csignal>
#include <set>
#include <thread>

#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::HasSubstr;

Options member(const TestCluster& cluster) {
  Options options;
  options.genesis = cluster.genesis();
  options.timeout = std::chrono::seconds(30);
  return options;
}

std::string code_of(Client& client, std::string_view procedure, const Arguments& arguments) {
  const auto answered = client.try_call(procedure, arguments);
  return answered ? "no error" : answered.error().code;
}

TEST(Counter, counts_what_members_add_while_replicas_are_killed) {
  TestCluster cluster(Shape{.checkpoint_interval = 16, .program = "counter"});
  Client anna(member(cluster));
  Client berta(member(cluster));
  for (int round = 0; round < 3; ++round) {
    std::vector<std::future<Answer>> answers;
    for (int i = 0; i < 20; ++i) {
      answers.push_back(anna.call_future("add", {{"name", "visits"}, {"by", 1}}));
      answers.push_back(berta.call_future("add", {{"name", "visits"}, {"by", 2}}));
      if (i == 10) cluster.kill(static_cast<unsigned>(round));
    }
    for (auto& answer : answers) EXPECT_NO_THROW(answer.get());
    cluster.restart(static_cast<unsigned>(round));
  }
  const Answer value = anna.call("value", {{"name", "visits"}});
  EXPECT_EQ(value.value<int>(), 3 * 20 * (1 + 2));
  cluster.expect_one_state(value.seq);
}

TEST(Counter, answers_what_it_will_not_do_with_a_code) {
  TestCluster cluster(Shape{.program = "counter"});
  Client client(member(cluster));
  EXPECT_EQ(code_of(client, "add", {{"name", "debts"}, {"by", -1}}), "SQLITE_CONSTRAINT_CHECK");
  EXPECT_EQ(code_of(client, "add", {{"name", "debts"}}), "wrong_parameters");
  EXPECT_EQ(code_of(client, "add", {{"name", "x"}, {"by", 1}, {"to", 2}}), "wrong_parameters");
  EXPECT_EQ(code_of(client, "add", {{"name", "x"}, {"by", "many"}}), "SQLITE_CONSTRAINT_DATATYPE");
  EXPECT_EQ(code_of(client, "multiply", {}), "unknown_procedure");
  EXPECT_EQ(client.call("value", {{"name", "debts"}}).rows.size(), 0U);
}

// The journal is executed again long after the times, and the choices, in it could be judged.
TEST(Counter, executes_again_after_all_were_killed_what_no_clock_would_accept_any_more) {
  TestCluster cluster(Shape{.settings = {"clock_behind_max_us=200000"}, .program = "counter"});
  std::uint64_t seq = 0;
  std::set<int> eyes;
  {
    Client client(member(cluster));
    for (int i = 0; i < 40; ++i) {
      const Answer thrown = client.call("dice");
      const int number = thrown.value<int>();
      EXPECT_TRUE(number >= 1 && number <= 6) << number;
      eyes.insert(number);
      client.call("add", {{"name", "thrown"}, {"by", number}});
    }
    seq = client.call("value", {{"name", "thrown"}}).seq;
  }
  EXPECT_GT(eyes.size(), 2U) << "the primary chooses anew for each batch";
  for (unsigned id = 0; id < cluster.size(); ++id) cluster.kill(id);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  for (unsigned id = 0; id < cluster.size(); ++id) cluster.start_without_waiting(id);
  Client client(member(cluster));
  EXPECT_GE(client.call("value", {{"name", "thrown"}}).value<int>(), 40);
  EXPECT_NO_THROW(client.call("dice"));
  cluster.expect_one_state(seq);
}

TEST(Counter, has_the_commands_of_prytany_and_runs_no_other_application) {
  TestCluster cluster(Shape{.program = "counter"});
  const Ran added = run({"call", "--cluster", cluster.genesis(), "--key", cluster.admin_key(),
                         "add", "name=x", "by=3"},
                        "", "counter");
  EXPECT_EQ(added.exit_code, 0) << added.errors;
  EXPECT_THAT(added.output, HasSubstr("3"));
  const Ran refused = run({"install", "--cluster", cluster.genesis(), "--key", cluster.admin_key(),
                           std::string(PRYTANY_SOURCE_DIR) + "/examples/guestbook"},
                          "", "counter");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.errors, HasSubstr("built in"));
}

// It would execute the same requests otherwise.
TEST(Counter, replicas_of_another_program_stay_alone) {
  TestCluster cluster(Shape{.program = "counter"});
  Client client(member(cluster));
  client.call("add", {{"name", "x"}, {"by", 1}});
  cluster.kill(3);
  const Background stranger({"replica", cluster.folder() + "/replica-3"});
  client.call("add", {{"name", "x"}, {"by", 1}});
  std::vector<ReplicaStatus> status;
  for (int i = 0; i < 100 && (status.empty() || !status[3].reachable); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    status = client.status();
  }
  ASSERT_TRUE(status[3].reachable);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  status = client.status();
  EXPECT_EQ(status[3].connected_peers, 0U);
  EXPECT_EQ(status[0].connected_peers, 2U);
  EXPECT_EQ(client.call("value", {{"name", "x"}}).value<int>(), 2);
}

// ---- examples/sqlite_port -----------------------------------------------------------------------

/// What the program says, as it was and as it is now.
TEST(SqlitePort, says_the_same_on_four_replicas_as_on_a_file_of_its_own) {
  TestCluster cluster(Shape{.program = "sqlite_port"});
  const TestFolder folder;
  const std::string file = folder.path() + "/stock.db";
  Client client(member(cluster));
  const auto as_it_was = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = {file};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = run(all, "", "sqlite_port_before");
    return ran.exit_code == 0 ? ran.output : "refused: " + ran.errors;
  };
  const auto as_it_is = [&](const std::vector<std::string>& words) {
    Arguments arguments;
    if (words.size() > 1) arguments = {{"item", words[1]}, {"count", words[2]}};
    auto answered = client.try_call(words[0], arguments);
    if (!answered) return answered.error().code + ": " + answered.error().message + "\n";
    std::string lines;
    for (const auto& [name, count] : answered.value().as<std::string, std::string>())
      lines += name + " " + count + "\n";
    return lines;
  };
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{"bring", "bolts", "100"},
                             {"take", "bolts", "8"},
                             {"bring", "nuts", "12"},
                             {"list"},
                             {"take", "nuts", "13"},
                             {"burn", "nuts", "1"},
                             {"list"}}) {
    const std::string said = as_it_was(words);
    EXPECT_EQ(as_it_is(words), said);
    EXPECT_NE(said, "");
  }
  cluster.kill(0);
  EXPECT_EQ(as_it_is({"take", "bolts", "2"}), as_it_was({"take", "bolts", "2"}));
}

TEST(SqlitePort, changed_as_little_as_the_how_to_shows) {
  const std::string source = PRYTANY_SOURCE_DIR;
  const std::string page = text_of(source + "/docs/how-to/write-a-cpp-application.md");
  const std::size_t begin = page.find("```diff\n");
  ASSERT_NE(begin, std::string::npos);
  const std::size_t from = begin + std::string("```diff\n").size();
  const std::string shown = page.substr(from, page.find("```", from) - from);
  const TestFolder folder;
  const std::string command = "cd '" + source +
                              "/examples/sqlite_port' && diff -u --label before/stock.cpp --label "
                              "stock.cpp before/stock.cpp stock.cpp > " +
                              folder.path() + "/diff";
  EXPECT_NE(std::system(command.c_str()), 0) << "there is a difference";
  EXPECT_EQ(text_of(folder.path() + "/diff"), shown);
}

}  // namespace
}  // namespace prytany::cluster_tests
