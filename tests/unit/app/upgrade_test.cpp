// Upgrading a running application: rehearsed, done, and gone back on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

using AppFolder = std::map<std::string, std::string>;

AppFolder first_version() {
  return {
      {"prytany.json",
       R"({"name": "shop", "version": "1", "roles": {"member": {"authorize": "anyone"}}})"},
      {"schema/001_goods.sql",
       "CREATE TABLE goods(id INTEGER PRIMARY KEY, name TEXT);\n"
       "INSERT INTO goods(name) VALUES('a'), ('b'), ('b');\n"},
      {"procedures/count.sql", "-- @public\n-- @read-only\nSELECT count(*) FROM goods;"},
      {"procedures/old.sql", "-- @roles member\nINSERT INTO goods(name) VALUES('old');"},
      {"web/index.html", "one"},
  };
}

AppFolder second_version() {
  AppFolder folder = first_version();
  folder["prytany.json"] =
      R"({"name": "shop", "version": "2", "roles": {"member": {"authorize": "anyone"}}})";
  folder["schema/002_price.sql"] =
      "ALTER TABLE goods ADD COLUMN price INTEGER;\nUPDATE goods SET price = 7;\n";
  folder["schema/002_price.down.sql"] = "ALTER TABLE goods DROP COLUMN price;\n";
  folder["schema/003_sales.sql"] = "CREATE TABLE sales(id INTEGER REFERENCES goods(id));\n";
  folder["schema/003_sales.down.sql"] = "-- what was sold\nDROP TABLE sales;\n";
  folder["procedures/prices.sql"] =
      "-- @public\n-- @read-only\nSELECT sum(price) FROM goods, (SELECT count(*) FROM sales);";
  folder["web/index.html"] = "two";
  folder.erase("procedures/old.sql");
  return folder;
}

wire::Upgrade upgrade_of(const AppFolder& folder, bool rehearse, bool back) {
  wire::Upgrade upgrade;
  for (const auto& [path, content] : folder)
    upgrade.install.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
  upgrade.rehearse = rehearse;
  upgrade.back = back;
  return upgrade;
}

/// A report without what its migrations cost: that has a test of its own.
std::string without_steps(const wire::Outcome& outcome) {
  const std::string cheap = std::regex_replace(rows_of(outcome), std::regex(", \\d+ steps?"), "");
  return std::regex_replace(cheap, std::regex("\nbudget\\|.*"), "");
}

class Upgrading : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(code_of(upgrade(first_version())), "");
    member = replica.join(test_key(1));
  }
  wire::Outcome upgrade(const AppFolder& folder, bool rehearse = false, bool back = false) {
    return replica.ask(admin, upgrade_of(folder, rehearse, back));
  }
  wire::Outcome rehearse(const AppFolder& folder) { return upgrade(folder, true); }
  wire::Outcome go_back(const AppFolder& folder) { return upgrade(folder, false, true); }
  std::string read(const std::string& procedure) {
    return rows_of(replica.executor().public_read({{procedure}, {}}));
  }
  std::string sql(const std::string& statement) { return rows_of(replica.sql(admin, statement)); }
  std::string page() { return std::string(as_text(replica.executor().page("/")->content)); }
  std::string version() { return sql("SELECT version FROM prytany_application"); }

  Replica replica;
  Client admin = replica.join(test_key(100));
  Client member{test_key(1), {}, 1};
};

const std::string whole_report =
    "application|shop|upgraded|1 -> 2\n"
    "migration|schema/002_price.sql|applied|2 statements, 3 rows\n"
    "migration|schema/003_sales.sql|applied|1 statement, 0 rows\n"
    "procedure|old|removed|\n"
    "procedure|prices|added|\n"
    "manifest|prytany.json|changed|\n"
    "page|index.html|changed|";

TEST_F(Upgrading, tells_what_it_did) {
  const wire::Outcome done = upgrade(second_version());
  EXPECT_EQ(without_steps(done), whole_report) << message_of(done);
  EXPECT_EQ(read("prices"), "21");
  EXPECT_EQ(without_steps(upgrade(second_version())), "application|shop|upgraded|2 -> 2");
  EXPECT_EQ(rows_of(upgrade(second_version())).substr(33), "budget|steps|used|0 of 50000000");
}

TEST_F(Upgrading, tells_what_each_migration_costs_of_the_budget) {
  AppFolder folder = first_version();
  folder["schema/002_few.sql"] = "INSERT INTO goods(name) VALUES('c');";
  folder["schema/003_many.sql"] =
      "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 5000)\n"
      "INSERT INTO goods(name) SELECT n FROM k;";
  const std::string report = rows_of(rehearse(folder));
  std::smatch costs;
  ASSERT_TRUE(
      std::regex_search(report, costs,
                        std::regex("002_few.sql\\|applied\\|1 statement, 1 row, (\\d+) steps?\n"
                                   ".*003_many.sql\\|applied\\|1 statement, 5000 rows, "
                                   "(\\d+) steps\nbudget\\|steps\\|used\\|(\\d+) of")))
      << report;
  const long few = std::stol(costs[1]);
  const long many = std::stol(costs[2]);
  EXPECT_LT(few, 1000);
  EXPECT_GT(many, 5000);
  EXPECT_EQ(std::stol(costs[3]), few + many);
  EXPECT_EQ(rows_of(upgrade(folder)), report) << "the same when it is done";
}

TEST_F(Upgrading, changes_nothing_when_it_is_rehearsed) {
  const std::string schema = sql("SELECT group_concat(sql) FROM sqlite_schema");
  EXPECT_EQ(without_steps(rehearse(second_version())), whole_report);
  EXPECT_EQ(sql("SELECT group_concat(sql) FROM sqlite_schema"), schema);
  EXPECT_EQ(page(), "one");
  EXPECT_EQ(version(), "1");
  EXPECT_EQ(code_of(replica.call(member, "old")), "") << "the old version goes on";
  EXPECT_EQ(read("count"), "4");
  EXPECT_EQ(code_of(replica.executor().public_read({{"prices"}, {}})), "unknown_procedure");
  EXPECT_EQ(sql("SELECT count(*) FROM prytany_ticks"), "0");
}

TEST_F(Upgrading, is_forgotten_by_the_handle_that_rehearsed_it) {
  // As many changes of the schema as the rehearsal made, but others: whoever still had its schema
  // would take it for this one.
  ASSERT_EQ(code_of(rehearse(second_version())), "");
  ASSERT_EQ(code_of(replica.sql(admin, "ALTER TABLE goods ADD COLUMN weight REAL")), "");
  ASSERT_EQ(code_of(replica.sql(admin, "CREATE TABLE rents(id)")), "");
  EXPECT_EQ(sql("SELECT name FROM pragma_table_info('goods')"), "id\nname\nweight");
  EXPECT_EQ(sql("SELECT count(weight) FROM goods"), "0");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO sales VALUES(1)")), "SQLITE_ERROR");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO rents VALUES(1)")), "");
}

TEST(Rehearsing, leaves_not_a_byte) {
  // The same requests, but that one only asks something where the others rehearse. The session
  // whose reply that was is gone before the checkpoint.
  const auto image_after = [](const wire::Operation& asked) {
    Replica replica;
    Client admin = replica.join(test_key(100));
    EXPECT_EQ(code_of(replica.ask(admin, upgrade_of(second_version(), false, false))), "");
    Client member = replica.join(test_key(1));
    EXPECT_EQ(code_of(replica.ask(admin, asked)), "");
    EXPECT_EQ(code_of(replica.ask(admin, wire::Leave{})), "");
    EXPECT_EQ(rows_of(replica.call(member, "prices")), "21") << "and what is installed goes on";
    while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
      replica.execute(wire::Batch{});
    return replica.image();
  };
  const Bytes asked = image_after(execute_of("SELECT 1"));
  AppFolder third = second_version();
  third["schema/004_sessions.sql"] =
      "DELETE FROM prytany_sessions WHERE role = 'member';\n"
      "CREATE TABLE large(a);\n"
      "INSERT INTO large VALUES(zeroblob(300000));";
  third["procedures/hourly.sql"] = "-- @every 1s\nDELETE FROM goods;";
  EXPECT_TRUE(image_after(upgrade_of(third, true, false)) == asked);
  EXPECT_TRUE(image_after(upgrade_of(first_version(), true, true)) == asked);
}

TEST(Rehearsing, says_the_same_on_replicas_of_another_history) {
  Replica replica;
  Client admin = replica.join(test_key(100));
  ASSERT_EQ(code_of(replica.ask(admin, upgrade_of(first_version(), false, false))), "");
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica restarted(nullptr, replica.image());
  Client same = admin;
  // What is not ordered shows in nothing that is.
  EXPECT_EQ(rows_of(replica.executor().public_read({{"count"}, {}})), "3");
  for (const bool rehearsed : {true, false}) {
    const wire::Upgrade operation = upgrade_of(second_version(), rehearsed, false);
    const std::string here = rows_of(replica.ask(admin, operation));
    EXPECT_THAT(here, HasSubstr("migration|schema/002_price.sql|applied|"));
    EXPECT_EQ(rows_of(restarted.ask(same, operation)), here);
  }
}

TEST_F(Upgrading, rehearsed_or_not_is_refused_alike) {
  AppFolder doubles = second_version();
  doubles["schema/004_unique.sql"] = "CREATE TABLE x(a);\nCREATE UNIQUE INDEX u ON goods(name);";
  AppFolder orphan = second_version();
  orphan["schema/004_orphan.sql"] =
      "CREATE TABLE late(id REFERENCES goods(id) DEFERRABLE INITIALLY DEFERRED);\n"
      "INSERT INTO late VALUES(99);";
  AppFolder reserved = second_version();
  reserved["schema/004_x.sql"] = "CREATE TABLE x(a);\nALTER TABLE x RENAME TO prytany_x;";
  AppFolder missing = second_version();
  missing["procedures/bad.sql"] = "-- @roles member\nSELECT nothing FROM goods;";
  AppFolder endless = second_version();
  endless["schema/004_endless.sql"] =
      "CREATE TABLE x(a);\nWITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k) SELECT "
      "max(n) FROM k;";
  EXPECT_THAT(message_of(rehearse(endless)), HasSubstr("budget_exceeded: the request took more"));
  const std::vector<std::pair<std::string, AppFolder>> wrong = {{"migration_failed", doubles},
                                                                {"migration_failed", orphan},
                                                                {"refused_reserved", reserved},
                                                                {"SQLITE_ERROR", missing}};
  for (const auto& [code, folder] : wrong) {
    for (const bool only_rehearsed : {true, false}) {
      const wire::Outcome outcome = upgrade(folder, only_rehearsed);
      EXPECT_EQ(code_of(outcome), code) << message_of(outcome);
      EXPECT_EQ(version(), "1");
      EXPECT_EQ(page(), "one");
      EXPECT_EQ(sql("SELECT count(*) FROM sqlite_schema WHERE name IN ('x', 'sales', 'late')"),
                "0");
      EXPECT_EQ(sql("SELECT name FROM pragma_table_info('goods')"), "id\nname");
      EXPECT_EQ(code_of(replica.call(member, "old")), "");
    }
  }
  const wire::Outcome outcome = rehearse(doubles);
  const auto& error = std::get<wire::ErrorReply>(outcome);
  EXPECT_EQ(error.procedure.text, "schema/004_unique.sql");
  EXPECT_EQ(error.statement, 2U);
  EXPECT_THAT(error.message.text, HasSubstr("UNIQUE constraint failed"));
  EXPECT_EQ(message_of(rehearse(orphan)), message_of(upgrade(orphan)));
  EXPECT_EQ(code_of(upgrade(second_version())), "") << "and a good one can still be installed";
}

TEST_F(Upgrading, goes_back_by_the_installed_versions_own_scripts) {
  ASSERT_EQ(code_of(upgrade(second_version())), "");
  const wire::Outcome refused = upgrade(first_version());
  EXPECT_EQ(code_of(refused), "migration_missing");
  EXPECT_THAT(message_of(refused), HasSubstr("--rollback"));
  const std::string report =
      "application|shop|rolled back|2 -> 1\n"
      "migration|schema/003_sales.sql|undone|1 statement, 0 rows\n"
      "migration|schema/002_price.sql|undone|1 statement, 0 rows\n"
      "procedure|old|added|\nprocedure|prices|removed|\nmanifest|prytany.json|changed|\n"
      "page|index.html|changed|";
  EXPECT_EQ(without_steps(upgrade(first_version(), true, true)), report);
  EXPECT_EQ(version(), "2");
  EXPECT_EQ(read("prices"), "21") << "that was the rehearsal";
  EXPECT_EQ(without_steps(go_back(first_version())), report);
  EXPECT_EQ(version(), "1");
  EXPECT_EQ(page(), "one");
  EXPECT_EQ(sql("SELECT name FROM pragma_table_info('goods')"), "id\nname");
  EXPECT_EQ(code_of(replica.call(member, "old")), "");
  EXPECT_EQ(code_of(upgrade(second_version())), "") << "and forward again";
  EXPECT_EQ(read("prices"), "28");
}

TEST_F(Upgrading, goes_back_whole_or_not_at_all) {
  AppFolder without = second_version();
  without.erase("schema/002_price.down.sql");
  ASSERT_EQ(code_of(upgrade(without)), "");
  for (const bool only_rehearsed : {true, false}) {
    const wire::Outcome outcome = upgrade(first_version(), only_rehearsed, true);
    EXPECT_EQ(code_of(outcome), "rollback_impossible");
    EXPECT_THAT(message_of(outcome),
                HasSubstr("the installed version has no schema/002_price.down.sql"));
    EXPECT_EQ(sql("SELECT count(*) FROM sales"), "0") << "003 was not undone either";
  }
  AppFolder keeps_third = second_version();
  keeps_third.erase("schema/002_price.sql");
  keeps_third.erase("schema/002_price.down.sql");
  const wire::Outcome hole = go_back(keeps_third);
  EXPECT_EQ(code_of(hole), "rollback_impossible");
  EXPECT_THAT(message_of(hole), HasSubstr("while schema/003_sales.sql stays"));
  AppFolder failing = second_version();
  failing["schema/002_price.down.sql"] = "ALTER TABLE goods DROP COLUMN prize;";
  ASSERT_EQ(code_of(upgrade(failing)), "");
  const wire::Outcome outcome = go_back(first_version());
  EXPECT_EQ(code_of(outcome), "migration_failed");
  EXPECT_EQ(std::get<wire::ErrorReply>(outcome).procedure.text, "schema/002_price.down.sql");
  EXPECT_EQ(sql("SELECT count(*) FROM sales"), "0") << "003 was not undone either";
  EXPECT_EQ(version(), "2");
  ASSERT_EQ(code_of(upgrade(second_version())), "") << "a better script is an upgrade away";
  EXPECT_EQ(code_of(go_back(first_version())), "");
}

TEST_F(Upgrading, goes_back_only_to_a_history_that_was_its_own) {
  ASSERT_EQ(code_of(upgrade(second_version())), "");
  AppFolder edited = first_version();
  edited["schema/001_goods.sql"] += "-- nicer";
  EXPECT_EQ(code_of(go_back(edited)), "migration_changed");
  AppFolder other = first_version();
  other["prytany.json"] =
      R"({"name": "bar", "version": "1", "roles": {"member": {"authorize": "anyone"}}})";
  EXPECT_EQ(code_of(go_back(other)), "another_application");
  // Another way on from the same past.
  AppFolder branch = first_version();
  branch["schema/002_weight.sql"] = "ALTER TABLE goods ADD COLUMN weight REAL;";
  const std::string report = without_steps(go_back(branch));
  EXPECT_THAT(report, HasSubstr("003_sales.sql|undone|1 statement, 0 rows\nmigration|"
                                "schema/002_price.sql|undone|1 statement, 0 rows\nmigration|"
                                "schema/002_weight.sql|applied|1 statement, 0 rows\n"));
  EXPECT_EQ(sql("SELECT name FROM pragma_table_info('goods')"), "id\nname\nweight");
}

TEST(Rehearsing, needs_something_to_go_back_on) {
  Replica replica;
  Client admin = replica.join(test_key(100));
  EXPECT_EQ(code_of(replica.ask(admin, upgrade_of(first_version(), false, true))),
            "rollback_impossible");
  EXPECT_THAT(rows_of(replica.ask(admin, upgrade_of(first_version(), true, false))),
              HasSubstr("application|shop|installed|1\nmigration|schema/001_goods.sql|applied|"));
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT count(*) FROM prytany_application")), "0");
}

TEST_F(Upgrading, tells_watchers_when_it_is_done_and_not_when_it_is_rehearsed) {
  AppFolder watched = second_version();
  watched["prytany.json"] =
      R"({"name": "shop", "version": "3", "roles": {"member": {"authorize": "anyone"}},
          "topics": {"goods": {"roles": "any", "table": "goods"}}})";
  ASSERT_EQ(code_of(upgrade(watched)), "");
  const std::uint64_t told = replica.executor().last_change();
  EXPECT_GE(told, 1U);
  watched["schema/004_rise.sql"] = "UPDATE goods SET price = price + 1;";
  ASSERT_EQ(code_of(rehearse(watched)), "");
  EXPECT_EQ(replica.executor().last_change(), told);
  EXPECT_EQ(sql("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'goods'"),
            "3")
      << "the table is watched as before";
  ASSERT_EQ(code_of(go_back(first_version())), "");
  EXPECT_EQ(sql("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'goods'"),
            "0");
}

TEST(Upgrades, that_fill_the_file_leave_room_for_what_is_ours) {
  std::string topics;
  for (int i = 10; i < 74; ++i)
    topics += std::string(topics.empty() ? "" : ", ") + "\"topic_" + std::to_string(i) +
              R"(": {"roles": "any", "table": "fill"})";
  unsigned done = 0;
  unsigned refused = 0;
  for (int pages = 0; pages < 60; ++pages) {
    Replica replica(nullptr, {}, [](ExecutorConfig& c) { c.application_pages_max = 70; });
    Client admin = replica.join(test_key(100));
    const AppFolder folder = {
        {"prytany.json", R"({"name": "full", "version": "1", "topics": {)" + topics + "}}"},
        {"schema/001_fill.sql", "CREATE TABLE fill(a);\nINSERT INTO fill VALUES(zeroblob(" +
                                    std::to_string(pages * 4096) + "));"}};
    const wire::Outcome outcome = replica.ask(admin, upgrade_of(folder, false, false));
    if (code_of(outcome).empty()) {
      ++done;
    } else {
      EXPECT_EQ(code_of(outcome), "migration_failed");
      EXPECT_THAT(message_of(outcome), HasSubstr("SQLITE_FULL"));
      ++refused;
    }
  }
  EXPECT_GT(done, 0U);
  EXPECT_GT(refused, 0U);
}

// ALTER TABLE ADD COLUMN asks SQLite's own quick_check whether the rows that are there obey.
TEST_F(Upgrading, adds_columns_with_checks_and_to_strict_tables) {
  AppFolder folder = first_version();
  folder["schema/002_more.sql"] =
      "ALTER TABLE goods ADD COLUMN stars INTEGER NOT NULL DEFAULT 0 CHECK (stars BETWEEN 0 AND 5);"
      "CREATE TABLE strictly(a INTEGER PRIMARY KEY, b TEXT) STRICT;\n"
      "INSERT INTO strictly VALUES(1, 'x');\n"
      "ALTER TABLE strictly ADD COLUMN c TEXT;\n"
      "ALTER TABLE goods ADD COLUMN twice TEXT NOT NULL GENERATED ALWAYS AS (name || name);\n";
  EXPECT_EQ(code_of(rehearse(folder)), "");
  const wire::Outcome done = upgrade(folder);
  ASSERT_EQ(code_of(done), "") << message_of(done);
  EXPECT_EQ(sql("SELECT stars, twice FROM goods WHERE id = 1"), "0|aa");
  folder["schema/003_bad.sql"] = "ALTER TABLE goods ADD COLUMN odd INTEGER CHECK (name <> 'b');";
  const wire::Outcome refused = upgrade(folder);
  EXPECT_EQ(code_of(refused), "migration_failed");
  EXPECT_THAT(message_of(refused), HasSubstr("CHECK constraint failed"));
}

AppFolder with_parents_and_children() {
  AppFolder folder = first_version();
  folder["schema/002_family.sql"] =
      "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT);\n"
      "CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE);\n"
      "INSERT INTO p VALUES(1, 'a'), (2, 'b'); INSERT INTO c(p) VALUES(1), (2);\n";
  return folder;
}

constexpr const char* rebuild =
    "CREATE TABLE p_new(id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''));\n"
    "INSERT INTO p_new SELECT * FROM p;\n"
    "DROP TABLE p;\n"
    "ALTER TABLE p_new RENAME TO p;\n";

TEST_F(Upgrading, rebuilds_a_table_that_others_refer_to_if_told_to_check_at_the_end) {
  ASSERT_EQ(code_of(upgrade(with_parents_and_children())), "");
  AppFolder folder = with_parents_and_children();
  folder["schema/003_rebuild.sql"] =
      std::string("-- names are needed\n-- @foreign-keys at-end\r\n") + rebuild;
  EXPECT_EQ(code_of(rehearse(folder)), "");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO c(p) VALUES(9)")),
            "SQLITE_CONSTRAINT_FOREIGNKEY")
      << "enforced again";
  const wire::Outcome done = upgrade(folder);
  ASSERT_EQ(code_of(done), "") << message_of(done);
  EXPECT_EQ(sql("SELECT count(*) FROM c JOIN p ON p.id = c.p"), "2");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO c(p) VALUES(9)")),
            "SQLITE_CONSTRAINT_FOREIGNKEY");
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO p VALUES(3, '')")), "SQLITE_CONSTRAINT_CHECK");
  EXPECT_EQ(code_of(replica.sql(admin, "DELETE FROM p WHERE id = 1")), "");
  EXPECT_EQ(sql("SELECT count(*) FROM c"), "1") << "obeyed again";
}

TEST_F(Upgrading, drops_no_table_with_the_rows_that_refer_to_it) {
  ASSERT_EQ(code_of(upgrade(with_parents_and_children())), "");
  AppFolder folder = with_parents_and_children();
  folder["schema/003_rebuild.sql"] = rebuild;
  const wire::Outcome refused = upgrade(folder);
  EXPECT_EQ(code_of(refused), "migration_failed");
  EXPECT_EQ(std::get<wire::ErrorReply>(refused).statement, 3U);
  EXPECT_THAT(message_of(refused), HasSubstr("begin the file with the line '-- @foreign-keys"));
  EXPECT_EQ(sql("SELECT count(*) FROM c"), "2");
  folder["schema/003_rebuild.sql"] = "DELETE FROM p;\nDROP TABLE p;\n";
  EXPECT_EQ(code_of(rehearse(folder)), "") << "who wants the rows gone says so";
  folder["schema/003_rebuild.sql"] = "DROP TABLE c;\nDROP TABLE p;\n";
  EXPECT_EQ(code_of(rehearse(folder)), "");
}

TEST_F(Upgrading, finds_rows_that_refer_to_nothing_at_the_end) {
  ASSERT_EQ(code_of(upgrade(with_parents_and_children())), "");
  AppFolder folder = with_parents_and_children();
  folder["schema/003_bad.sql"] = "-- @foreign-keys at-end\nDELETE FROM p WHERE id = 2;";
  const wire::Outcome refused = upgrade(folder);
  EXPECT_EQ(code_of(refused), "migration_failed");
  EXPECT_THAT(message_of(refused), HasSubstr("the row with rowid 2 of c refers to a row of p"));
  EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO c(p) VALUES(9)")),
            "SQLITE_CONSTRAINT_FOREIGNKEY")
      << "enforced again";
  folder["schema/003_bad.sql"] = "-- @foreign-keys never\nDELETE FROM p WHERE id = 2;";
  EXPECT_THAT(message_of(upgrade(folder)), HasSubstr("it can only be '-- @foreign-keys at-end'"));
  folder["schema/003_bad.sql"] =
      "CREATE TABLE d(p INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED);\n"
      "INSERT INTO d VALUES(77);";
  const wire::Outcome owed = upgrade(folder);
  EXPECT_EQ(code_of(owed), "migration_failed");
  EXPECT_EQ(std::get<wire::ErrorReply>(owed).procedure.text, "schema/003_bad.sql");
}

TEST_F(Upgrading, refuses_scripts_that_undo_nothing) {
  AppFolder folder = first_version();
  folder["schema/002_price.down.sql"] = "DROP TABLE goods;";
  const wire::Outcome outcome = rehearse(folder);
  EXPECT_EQ(code_of(outcome), "bad_application");
  EXPECT_THAT(message_of(outcome), HasSubstr("there is no schema/002_price.sql"));
}

TEST_F(Upgrading, is_an_administrators) {
  wire::Upgrade upgrade;
  upgrade.rehearse = true;
  EXPECT_EQ(code_of(replica.ask(member, upgrade)), "not_allowed");
  Replica production(nullptr, {}, [](ExecutorConfig& c) { c.development = false; });
  Client root = production.join(test_key(100));
  EXPECT_EQ(code_of(production.ask(root, upgrade)), "needs_threshold_approval");
}

}  // namespace
}  // namespace prytany::app
