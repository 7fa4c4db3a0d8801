// The C++ client against a real cluster.
#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <span>

#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

/// One cluster for all tests of this file: each uses tables of its own.
class ClientApi : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<TestCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }
  static std::unique_ptr<TestCluster> cluster_;
};
std::unique_ptr<TestCluster> ClientApi::cluster_;

std::string code_of(const std::function<void()>& ask) {
  try {
    ask();
  } catch (const ClientError& error) {
    return error.code();
  }
  return "nothing was thrown";
}

TEST_F(ClientApi, every_storage_class_comes_back_as_it_went) {
  Client client(cluster_->admin("types"));
  client.execute("CREATE TABLE kinds(id INTEGER PRIMARY KEY, a, b, c, d, e)");
  const Blob blob{std::byte{0}, std::byte{200}, std::byte{255}};
  const Answer inserted =
      client.execute("INSERT INTO kinds(a, b, c, d, e) VALUES(?, ?, ?, ?, ?)", nullptr,
                     INT64_C(9007199254740993), -0.1, "Ντόρα \" \\ \n", blob);
  EXPECT_EQ(inserted.changes, 1);
  EXPECT_EQ(inserted.last_insert_rowid, 1);
  EXPECT_GE(inserted.agreement.agreed.size(), 2U);
  EXPECT_GT(inserted.agreed_us, 1'600'000'000'000'000);
  const auto rows =
      client
          .query<std::optional<int>, std::int64_t, double, std::string, std::span<const std::byte>>(
              "SELECT a, b, c, d, e FROM kinds WHERE id = ?", 1);
  ASSERT_THAT(rows, SizeIs(1));
  for (const auto& [a, b, c, d, e] : rows) {
    EXPECT_EQ(a, std::nullopt);
    EXPECT_EQ(b, INT64_C(9007199254740993));
    EXPECT_EQ(c, -0.1);
    EXPECT_EQ(d, "Ντόρα \" \\ \n");
    EXPECT_EQ(Blob(e.begin(), e.end()), blob);
  }
}

TEST_F(ClientApi, a_batch_is_one_transaction_and_named_parameters_bind) {
  Client client(cluster_->admin("batch"));
  const auto answers =
      client.batch({{"CREATE TABLE pairs(k TEXT PRIMARY KEY, v)", {}, {}},
                    {"INSERT INTO pairs VALUES(:k, :v)", {}, {{"k", "a"}, {"v", 1}}},
                    {"SELECT v FROM pairs", {}, {}}});
  ASSERT_THAT(answers, SizeIs(3));
  EXPECT_EQ(answers[2].value<int>(), 1);
  EXPECT_EQ(code_of([&] {
              client.batch({{"INSERT INTO pairs VALUES('b', 2)", {}, {}},
                            {"INSERT INTO pairs VALUES('a', 3)", {}, {}}});
            }),
            "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT_EQ(client.execute("SELECT count(*) FROM pairs").value<int>(), 1) << "all or none";
}

TEST_F(ClientApi, sends_transactions_whose_steps_depend_on_each_other) {
  Client client(cluster_->admin("steps"));
  client.execute("CREATE TABLE purse(id INTEGER PRIMARY KEY, coins CHECK(coins >= 0))");
  client.execute("INSERT INTO purse VALUES(1, 10), (2, 0)");
  const auto move = [&client](int coins) {
    return client.transaction(
        {{{"UPDATE purse SET coins = coins - ? WHERE id = 1", {coins}, {}}, {}, true},
         {{"UPDATE purse SET coins = coins + ? WHERE id = 2", {coins}, {}}, When::ok(0)},
         {{"SELECT ensure(coins < 9, 'RICH', 'too much') FROM purse WHERE id = 2", {}, {}},
          When::changed(1) && !When::error(0)}});
  };
  const auto done = move(7);
  ASSERT_EQ(done.size(), 3U);
  EXPECT_TRUE(done[0].ran && done[1].ran && done[2].ran);
  EXPECT_EQ(done[1].answer.changes, 1);
  const auto refused = move(7);
  EXPECT_EQ(refused[0].code, "SQLITE_CONSTRAINT_CHECK");
  EXPECT_TRUE(refused[1].skipped() && refused[2].skipped());
  const auto undone =
      client.try_transaction({{{"UPDATE purse SET coins = 9 WHERE id = 2", {}, {}}},
                              {{"SELECT ensure(0, 'NO', 'not so')", {}, {}}, When::changed(0)}});
  ASSERT_FALSE(undone);
  EXPECT_EQ(undone.error().code, "NO");
  EXPECT_EQ(undone.error().statement, 2U);
  const auto coins = client.query<int, int>("SELECT min(coins), max(coins) FROM purse");
  EXPECT_EQ(coins.one(), std::make_tuple(3, 7));
}

TEST_F(ClientApi, tells_what_sql_and_transactions_would_cost_and_changes_nothing) {
  Client client(cluster_->admin("costs"));
  client.execute("CREATE TABLE crates(id INTEGER PRIMARY KEY, apples)");
  client.execute("INSERT INTO crates VALUES(1, 10), (2, 0)");
  const Explanation told = client.explain_transaction(
      {{{"UPDATE crates SET apples = 0 WHERE apples = ?", {10}, {}}, {}, true},
       {{"SELECT id FROM crates WHERE id = 1", {}, {}}, When::changed(0)},
       {{"SELECT 1", {}, {}}, When::error(0)}});
  ASSERT_THAT(told.statements, SizeIs(2)) << "one was skipped";
  EXPECT_THAT(told.statements[0].plan, testing::ElementsAre("SCAN crates"));
  EXPECT_THAT(told.statements[1].plan.at(0), HasSubstr("PRIMARY KEY"));
  EXPECT_GT(told.statements[0].steps, told.statements[1].steps);
  EXPECT_GT(told.charged, 0U);
  EXPECT_LT(told.charged, told.budget);
  EXPECT_FALSE(told.error);
  EXPECT_GE(told.agreement.agreed.size(), 2U);
  EXPECT_GT(told.agreed_us, 1'600'000'000'000'000);
  const Explanation read_only = client.explain_sql({{"DELETE FROM crates", {}, {}}}, true);
  ASSERT_TRUE(read_only.error);
  EXPECT_EQ(read_only.error->code, "not_read_only");
  EXPECT_FALSE(client.explain_sql({{"DELETE FROM crates", {}, {}}}).error);
  EXPECT_EQ(client.query<int>("SELECT sum(apples) FROM crates").one(), std::tuple(10));
  EXPECT_EQ(client.try_explain_call("nobody_wrote_this").error().code, "no_application");
}

TEST_F(ClientApi, reads_that_are_not_ordered_see_all_that_was_told_before_and_cannot_write) {
  Options options = cluster_->admin("reader");
  options.fast_reads = true;
  Client client(options);
  client.execute("CREATE TABLE told(n INTEGER)");
  int unordered = 0;
  for (int i = 1; i <= 100; ++i) {
    const Answer put = client.execute("INSERT INTO told VALUES(?)", i);
    const Answer seen = client.read({"SELECT count(*) FROM told", {}, {}});
    EXPECT_EQ(seen.value<int>(), i);
    EXPECT_GE(seen.agreed_us, put.agreed_us);
    if (seen.seq > put.seq) continue;
    EXPECT_EQ(seen.agreed_us, put.agreed_us);
    ++unordered;
    EXPECT_GE(seen.agreement.agreed.size(), 3U);
  }
  EXPECT_GT(unordered, 50);
  EXPECT_EQ(code_of([&] { client.read({"INSERT INTO told VALUES(0)", {}, {}}); }), "not_read_only");
}

TEST_F(ClientApi, errors_are_told_apart_by_class_and_code) {
  Client client(cluster_->admin("errors"));
  EXPECT_THROW(client.execute("SELEC 1"), ApplicationError);
  EXPECT_THROW(client.call("nobody_wrote_this"), ApplicationError);
  const auto written = client.try_execute("ATTACH 'x' AS y");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::application);
  EXPECT_EQ(code_of([&] { (void)client.query<int>("DELETE FROM sqlite_schema"); }).empty(), false);
  EXPECT_THROW(client.execute("SELECT ?", std::string(2 << 20, 'x')), Usage);
  EXPECT_EQ(client.execute("SELECT 1").value<int>(), 1) << "the session goes on";
}

TEST_F(ClientApi, who_is_not_admitted_is_told_so) {
  Options stranger = cluster_->admin("");
  stranger.credential = Credential::generated();
  EXPECT_THROW(Client{stranger}, ApplicationError);
  stranger.credential = Credential::code("too-short");
  EXPECT_THROW(Client{stranger}, Usage);
  stranger.credential = Credential::file("/nonexistent.key");
  EXPECT_THROW(Client{stranger}, Usage);
  stranger.genesis = "/nonexistent.json";
  EXPECT_THROW(Client{stranger}, Usage);
}

TEST_F(ClientApi, sixty_four_requests_are_outstanding_at_once_from_one_thread_and_more_wait) {
  Client client(cluster_->admin("async"));
  client.execute("CREATE TABLE counted(n)");
  std::mutex mutex;
  std::condition_variable changed;
  int answered = 0;
  int failed = 0;
  constexpr int all = 300;
  for (int i = 0; i < all; ++i) {
    client.execute_async({"INSERT INTO counted VALUES(?)", {Value(i)}, {}},
                         [&](Expected<Answer> answer) {
                           const std::lock_guard lock(mutex);
                           ++answered;
                           failed += answer ? 0 : 1;
                           changed.notify_all();
                         });
  }
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return answered == all; }));
  EXPECT_EQ(failed, 0);
  lock.unlock();
  const auto rows = client.query<int, int>("SELECT count(*), count(DISTINCT n) FROM counted");
  EXPECT_EQ(rows.one(), std::make_tuple(all, all));
}

TEST_F(ClientApi, futures_carry_answers_and_exceptions) {
  Client client(cluster_->admin("futures"));
  auto missing = client.call_future("nobody_wrote_this");
  EXPECT_THROW(missing.get(), ApplicationError);
}

TEST_F(ClientApi, blocking_inside_a_callback_is_refused_instead_of_hanging) {
  Client client(cluster_->admin("callbacks"));
  std::promise<std::string> told;
  client.execute_async({"SELECT 1", {}, {}}, [&](const Expected<Answer>&) {
    told.set_value(code_of([&] { client.execute("SELECT 2"); }));
  });
  EXPECT_EQ(told.get_future().get(), "usage");
}

TEST_F(ClientApi, leaving_ends_the_session_for_good) {
  Client client(cluster_->admin("leaver"));
  EXPECT_GT(client.session_id(), 0U);
  EXPECT_EQ(client.role(), "admin");
  EXPECT_THAT(client.principal(), HasSubstr("leaver"));
  client.leave();
  EXPECT_THROW(client.execute("SELECT 1"), Refused);
}

TEST_F(ClientApi, a_second_session_of_the_same_principal_ends_the_first) {
  Client first(cluster_->admin("twice"));
  first.execute("SELECT 1");
  Client second(cluster_->admin("twice"));
  second.execute("SELECT 1");
  const std::string code = code_of([&] { first.execute("SELECT 1"); });
  EXPECT_TRUE(code == "session_ended" || code == "outcome_unknown" || code == "unknown_session")
      << code;
  EXPECT_EQ(second.execute("SELECT 5").value<int>(), 5);
}

TEST_F(ClientApi, a_genesis_of_another_cluster_admits_nobody) {
  // Same addresses, other keys: what a swapped genesis.json, or swapped servers, look like.
  const std::string other = cluster_->folder() + "/other";
  const Ran made = run({"init", other, "--replicas", "4", "--faults", "1", "--base-port",
                        std::to_string(cluster_->base_port())});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  Options options = cluster_->admin("lost");
  options.genesis = other + "/genesis.json";
  options.credential = Credential::file(other + "/admin.key");
  options.timeout = std::chrono::seconds(2);
  std::mutex mutex;
  std::string log;
  options.log = [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    log += line + "\n";
  };
  EXPECT_THROW(Client{options}, ClientError);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(log, HasSubstr("refuses our hello"));
}

TEST_F(ClientApi, standings_count_who_agreed) {
  Options options = cluster_->admin("standings");
  options.linger = std::chrono::milliseconds(500);
  Client client(options);
  for (int i = 0; i < 5; ++i) client.execute("SELECT 1");
  const auto standings = client.standings();
  ASSERT_THAT(standings, SizeIs(4));
  for (const ReplicaStanding& standing : standings) {
    EXPECT_GE(standing.agreed, 5U);
    EXPECT_EQ(standing.differed, 0U);
  }
}

}  // namespace
}  // namespace prytany::cluster_tests
