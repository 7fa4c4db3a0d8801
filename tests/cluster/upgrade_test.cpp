// An application is upgraded on real replicas while people use it, and gone back on.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cluster/inserters.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int rows_before = 2000;  // whom both migrations go through

using AppFiles = std::map<std::string, std::string>;

AppFiles first_ledger() {
  return {
      {"prytany.json",
       R"({"name": "ledger", "version": "1", "roles": {"member": {"authorize": "anyone"}}})"},
      {"schema/001_work.sql",
       "CREATE TABLE work(id INTEGER PRIMARY KEY, inserter INTEGER, n INTEGER);"},
      {"procedures/add.sql",
       "-- @param n integer\n-- @roles member\nINSERT INTO work(inserter, n) VALUES(-1, :n);"},
  };
}

/// Rows know their squares: those that were there, and those that `add` adds.
AppFiles second_ledger() {
  AppFiles files = first_ledger();
  files["prytany.json"] =
      R"({"name": "ledger", "version": "2", "roles": {"member": {"authorize": "anyone"}}})";
  files["schema/002_squares.sql"] =
      "ALTER TABLE work ADD COLUMN square INTEGER;\n"
      "UPDATE work SET square = n * n;\n";
  files["schema/002_squares.down.sql"] = "ALTER TABLE work DROP COLUMN square;\n";
  files["procedures/add.sql"] =
      "-- @param n integer\n-- @roles member\n"
      "INSERT INTO work(inserter, n, square) VALUES(-1, :n, :n * :n);";
  files["procedures/squares.sql"] =
      "-- @public\n-- @read-only\nSELECT sum(square) AS total FROM work WHERE inserter = -2;";
  return files;
}

/// A member who calls the procedure that both versions have, again and again.
class Adder {
 public:
  explicit Adder(const TestCluster& cluster) : client_(options_for(cluster)) {
    thread_ = std::thread([this] { work(); });
  }
  ~Adder() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void wait_for_more(int count) const {
    const int until = added_ + count;
    while (added_ < until && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  /// 0, 1, 2 ... up to this one were acknowledged.
  [[nodiscard]] int added() const { return added_; }
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }
  /// Requires: it was stopped.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  static Options options_for(const TestCluster& cluster) {
    Options options;
    options.genesis = cluster.genesis();
    options.timeout = std::chrono::seconds(30);
    return options;
  }
  void work() {
    while (!stopping_) {
      auto answer = client_.try_call("add", {{"n", added_.load()}});
      if (!answer) {
        failure_ = answer.error().code + ": " + answer.error().message;
        break;
      }
      last_seq_ = answer->seq;
      ++added_;
    }
    ended_ = true;
  }

  Client client_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::atomic<int> added_{0};
  std::atomic<std::uint64_t> last_seq_{0};
  std::string failure_;
  std::thread thread_;
};

class UpgradingLedger : public testing::Test {
 protected:
  static Shape short_intervals() {
    Shape shape;
    shape.checkpoint_interval = 32;  // so that replicas pass checkpoints on the way
    return shape;
  }
  std::string folder_of(const std::string& name, const AppFiles& files) const {
    const std::filesystem::path root = std::filesystem::path(folder_.path()) / name;
    for (const auto& [path, content] : files) {
      std::filesystem::create_directories((root / path).parent_path());
      std::ofstream(root / path) << content;
    }
    return root.string();
  }
  Ran install(const std::string& app, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {
        "install", app, "--json", "--cluster", cluster_.genesis(), "--key", cluster_.admin_key()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  static json report(const Ran& ran) {
    EXPECT_EQ(ran.exit_code, 0) << ran.errors << ran.output;
    return ran.exit_code == 0 ? json::parse(ran.output)["rows"] : json::array();
  }
  static std::string code_of(const Ran& ran) {
    return json::parse(ran.output.empty() ? ran.errors : ran.output)["error"]["code"];
  }
  /// The first row that speaks of this.
  static json row_of(const json& rows, const std::string& what) {
    for (const json& row : rows)
      if (row[0] == what) return row;
    return {};
  }

  TestFolder folder_;
  TestCluster cluster_{short_intervals()};
};

TEST_F(UpgradingLedger, while_clients_ask_and_a_replica_is_away_and_back_again) {
  const std::string first = folder_of("first", first_ledger());
  const std::string second = folder_of("second", second_ledger());
  ASSERT_EQ(install(first).exit_code, 0);
  Client admin(cluster_.admin("owner"));
  admin.execute(
      "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 2000) "
      "INSERT INTO work(inserter, n) SELECT -2, n FROM k");

  // Nobody else asks: all that a rehearsal could have changed would be the rehearsal's.
  const json rehearsed = report(install(second, {"--dry-run"}));
  const json migration = row_of(rehearsed, "migration");
  EXPECT_EQ(migration[1], "schema/002_squares.sql");
  EXPECT_THAT(migration[3].get<std::string>(), HasSubstr("2 statements, 2000 rows, "));
  const json budget = row_of(rehearsed, "budget");
  EXPECT_GE(std::stol(budget[3].get<std::string>()), rows_before) << budget;
  EXPECT_EQ(row_of(rehearsed, "application")[3], "1 -> 2");
  EXPECT_EQ(admin.execute("SELECT version FROM prytany_application").value<std::string>(), "1");
  EXPECT_EQ(admin.execute("SELECT count(*) FROM pragma_table_info('work')").value<int>(), 3);
  EXPECT_THROW(Cluster(cluster_.genesis()).read("squares"), ClientError);
  EXPECT_EQ(report(install(second, {"--dry-run"})).size(), rehearsed.size()) << "and again";

  Inserters inserters(cluster_, 2);
  Adder adder(cluster_);
  inserters.wait_for_more(20);
  cluster_.kill(3);
  const Ran upgraded = install(second);
  ASSERT_EQ(upgraded.exit_code, 0) << upgraded.errors;
  const int adds_of_first = adder.added();
  adder.wait_for_more(10);
  inserters.wait_for_more(20);
  EXPECT_EQ(Cluster(cluster_.genesis()).read("squares").value<std::int64_t>(),
            std::int64_t{2000} * 2001 * 4001 / 6);
  const auto missing = admin.execute(
      "SELECT count(*) FROM work WHERE square IS NULL AND inserter < 0 OR square <> n * n");
  EXPECT_EQ(missing.value<int>(), 0);
  cluster_.restart(3);

  EXPECT_EQ(code_of(install(first)), "migration_missing") << "nobody goes back by mistake";
  const json tried = report(install(first, {"--rollback", "--dry-run"}));
  EXPECT_EQ(row_of(tried, "migration")[2], "undone");
  EXPECT_EQ(admin.execute("SELECT version FROM prytany_application").value<std::string>(), "2");
  const json back = report(install(first, {"--rollback"}));
  EXPECT_EQ(row_of(back, "application")[3], "2 -> 1");
  EXPECT_THAT(row_of(back, "migration")[3].get<std::string>(), HasSubstr("1 statement, "));
  adder.wait_for_more(10);
  inserters.wait_for_more(20);
  adder.stop();
  inserters.stop();
  EXPECT_EQ(adder.failure(), "");
  EXPECT_EQ(inserters.failure(), "");
  EXPECT_GT(adder.added(), adds_of_first);

  // All that was acknowledged is there, once, whatever the version was that took it.
  Options options = cluster_.admin("auditor");
  options.linger = std::chrono::seconds(5);
  Client auditor(options);
  const Answer last = auditor.execute(
      "SELECT (SELECT count(*) FROM work WHERE inserter >= 0), (SELECT count(*) FROM work WHERE "
      "inserter = -1), (SELECT count(DISTINCT n) FROM work WHERE inserter = -1), (SELECT count(*) "
      "FROM work WHERE inserter = -2), (SELECT count(*) FROM pragma_table_info('work'))");
  EXPECT_EQ(std::get<0>(last.as<int, int, int, int, int>().one()), inserters.acknowledged());
  EXPECT_EQ(last.rows.at(0).at(1).as<int>(), adder.added());
  EXPECT_EQ(last.rows.at(0).at(2).as<int>(), adder.added());
  EXPECT_EQ(last.rows.at(0).at(3).as<int>(), rows_before);
  EXPECT_EQ(last.rows.at(0).at(4).as<int>(), 3) << "the column is gone";
  EXPECT_EQ(last.agreement.agreed.size(), 4U) << "all four say so";
  cluster_.expect_one_state(last.seq);
}

TEST_F(UpgradingLedger, that_cannot_be_undone_or_fails_leaves_everything_as_it_was) {
  const std::string first = folder_of("first", first_ledger());
  AppFiles bad = second_ledger();
  bad["schema/002_squares.sql"] += "CREATE UNIQUE INDEX once ON work(n);\n";
  AppFiles one_way = second_ledger();
  one_way.erase("schema/002_squares.down.sql");
  ASSERT_EQ(install(first).exit_code, 0);
  Client admin(cluster_.admin("owner"));
  admin.execute("INSERT INTO work(inserter, n) VALUES(1, 7), (2, 7)");
  const std::string bad_folder = folder_of("bad", bad);
  for (const bool rehearsed : {true, false}) {
    const Ran ran = rehearsed ? install(bad_folder, {"--dry-run"}) : install(bad_folder);
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(code_of(ran), "migration_failed");
    EXPECT_THAT(ran.output + ran.errors, HasSubstr("schema/002_squares.sql"));
    EXPECT_THAT(ran.output + ran.errors, HasSubstr("UNIQUE constraint failed: work.n"));
    EXPECT_EQ(admin.execute("SELECT count(*) FROM pragma_table_info('work')").value<int>(), 3);
  }
  ASSERT_EQ(install(folder_of("one-way", one_way)).exit_code, 0);
  const Ran refused = install(first, {"--rollback"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(code_of(refused), "rollback_impossible");
  EXPECT_THAT(refused.output + refused.errors, HasSubstr("no schema/002_squares.down.sql"));
  const Answer last = admin.execute("SELECT sum(square) FROM work");
  EXPECT_EQ(last.value<int>(), 98);
  cluster_.expect_one_state(last.seq);
}

}  // namespace
}  // namespace prytany::cluster_tests
