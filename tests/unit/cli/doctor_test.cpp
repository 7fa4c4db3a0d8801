// prytany doctor: what it finds in databases and sources, and what it lets pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>

#include "server/cli/doctor.h"

namespace prytany::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

auto finding(Severity severity, const std::string& code, const std::string& place) {
  return AllOf(Field(&Finding::severity, severity), Field(&Finding::code, code),
               Field(&Finding::place, HasSubstr(place)));
}

class Doctor : public testing::Test {
 protected:
  Doctor() {
    std::string pattern = testing::TempDir() + "prytany-doctor-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Doctor() override { std::filesystem::remove_all(folder_); }

  /// A file as another program would have made it.
  std::vector<Finding> database(const std::string& sql) {
    const std::string path = folder_ + "/app.db";
    std::filesystem::remove(path);
    sqlite3* handle = nullptr;
    EXPECT_EQ(
        sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"),
        SQLITE_OK);
    sqlite3_create_function(
        handle, "mine", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
        [](sqlite3_context*, int, sqlite3_value**) {}, nullptr, nullptr);
    sqlite3_create_collation(handle, "german", SQLITE_UTF8, nullptr,
                             [](void*, int, const void*, int, const void*) { return 0; });
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
    auto findings = examine_database(path, gate_);
    EXPECT_TRUE(findings.ok()) << findings.error().message;
    return findings ? *findings : std::vector<Finding>();
  }
  std::vector<Finding> source(const std::string& name, const std::string& text) {
    return examine_source(name, text, gate_);
  }

  std::string folder_;
  SqlGate gate_;
};

TEST_F(Doctor, finds_nothing_that_must_change_in_an_ordinary_schema) {
  const auto findings = database(
      "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT DEFAULT CURRENT_TIMESTAMP, "
      "r DEFAULT (random()));"
      "CREATE TABLE b(id INTEGER PRIMARY KEY, a INTEGER REFERENCES a, n CHECK(n > 0));"
      "CREATE INDEX b_a ON b(a) WHERE n > 1; CREATE VIEW v AS SELECT * FROM a JOIN b ON a = a.id;"
      "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b(a, n) VALUES(new.id, 1); END;"
      "CREATE TRIGGER u INSTEAD OF DELETE ON v BEGIN DELETE FROM b WHERE id = 1; END;"
      "INSERT INTO a(r) VALUES(1); PRAGMA user_version = 3;");
  for (const Finding& found : findings) EXPECT_NE(found.severity, Severity::must) << text_of(found);
  EXPECT_THAT(findings, Contains(finding(Severity::fine, "autoincrement", "table a")));
  EXPECT_THAT(findings, Contains(finding(Severity::fine, "agreed_time", "table a")));
  EXPECT_THAT(findings, Contains(finding(Severity::look, "agreed_random", "table a")));
  EXPECT_THAT(findings, Contains(finding(Severity::fine, "trigger", "trigger t")));
  EXPECT_THAT(findings, Not(Contains(finding(Severity::look, "no_key", ""))));
}

TEST_F(Doctor, puts_the_schema_through_the_gate) {
  const auto findings = database(
      "CREATE VIRTUAL TABLE words USING fts5(text);"
      "CREATE TABLE words_of(id INTEGER PRIMARY KEY);"
      "CREATE TABLE prytany_mine(id INTEGER PRIMARY KEY);"
      "CREATE TABLE c(id INTEGER PRIMARY KEY, t TEXT COLLATE german);"
      "CREATE TABLE f(id INTEGER PRIMARY KEY, n CHECK(mine(n)));"
      "CREATE VIEW w AS SELECT mine(id) FROM words_of;"
      "CREATE TABLE log(n); CREATE TABLE d(id INTEGER PRIMARY KEY);"
      "CREATE TRIGGER lt AFTER DELETE ON d BEGIN INSERT INTO log VALUES(total_changes()); END;"
      "CREATE TABLE l(id INTEGER PRIMARY KEY, at DEFAULT (datetime('now', 'localtime')));");
  EXPECT_THAT(findings, Contains(finding(Severity::must, "refused_virtual_table", "table words")));
  EXPECT_THAT(findings, Not(Contains(Field(&Finding::place, HasSubstr("words_data")))));
  EXPECT_THAT(findings, Contains(finding(Severity::must, "refused_reserved", "prytany_mine")));
  EXPECT_THAT(findings, Contains(finding(Severity::must, "SQLITE_ERROR", "table c")));
  EXPECT_THAT(findings, Contains(finding(Severity::must, "SQLITE_ERROR", "table f")));
  EXPECT_THAT(findings, Contains(finding(Severity::must, "SQLITE_ERROR", "view w")));
  EXPECT_THAT(findings, Contains(finding(Severity::must, "refused_function", "table d")))
      << "the trigger, when it is used";
  EXPECT_THAT(findings, Contains(finding(Severity::must, "localtime", "table l")));
  EXPECT_THAT(findings, Contains(finding(Severity::look, "no_key", "table log")));
}

TEST_F(Doctor, counts_triggers) {
  std::string sql = "BEGIN; CREATE TABLE t(a INTEGER PRIMARY KEY);";
  for (int i = 1; i <= 1001; ++i)
    sql += "CREATE TRIGGER g" + std::to_string(i) + " AFTER INSERT ON t BEGIN SELECT 1; END;";
  const auto findings = database(sql + "COMMIT");
  EXPECT_THAT(findings, Contains(finding(Severity::must, "schema_too_large", "trigger g1001")));
  EXPECT_THAT(findings, Not(Contains(finding(Severity::must, "schema_too_large", "g1000"))));
}

TEST_F(Doctor, tells_of_the_file_itself) {
  const auto findings = database(
      "PRAGMA page_size = 8192; PRAGMA encoding = 'UTF-16le'; PRAGMA auto_vacuum = 1;"
      "CREATE TABLE p(id INTEGER PRIMARY KEY);"
      "CREATE TABLE q(p REFERENCES p); INSERT INTO q VALUES(7); ANALYZE; PRAGMA journal_mode = "
      "wal;");
  for (const char* code : {"size", "page_size", "encoding", "auto_vacuum", "wal", "statistics"})
    EXPECT_THAT(findings, Contains(Field(&Finding::code, code)));
  EXPECT_THAT(findings, Contains(finding(Severity::must, "foreign_keys", "")));
  EXPECT_FALSE(examine_database(folder_ + "/none.db", gate_).ok());
}

TEST_F(Doctor, finds_sql_in_the_texts_of_programs) {
  const auto findings = source("a.py",
                               "import sqlite3  # don't\n"
                               "db.execute('''BEGIN IMMEDIATE''')\n"
                               "db.execute(\"PRAGMA journal_mode\"\n"
                               "           \" = wal\")\n"
                               "db.execute('SELECT mine(1)')\n"
                               "db.execute('SELECT ? + random(), (SELECT max(x) FROM nowhere)')\n"
                               "db.execute('CREATE TEMP TABLE t(n)')\n"
                               "db.execute(\"SELECT datetime(0, 'localtime')\")\n"
                               "print('commit', 'Begin here', \"Select a file\", 'end')\n");
  std::vector<std::string> found;
  for (const Finding& f : findings) found.push_back(std::to_string(f.line) + " " + f.code);
  EXPECT_THAT(found, ElementsAre("2 refused_transaction", "3 refused_pragma", "5 SQLITE_ERROR",
                                 "6 agreed_random", "7 refused_temporary", "8 localtime"));
}

TEST_F(Doctor, finds_sql_that_sqlite_takes_elsewhere) {
  const auto findings = source("a.py",
                               "db.execute('CREATE TABLE o(id INTEGER PRIMARY KEY, c)')\n"
                               "db.execute('SELECT * FROM sqlite_schema WHERE name = \"text\"')\n"
                               "db.execute('DELETE FROM sqlite_schema ORDER BY name LIMIT 1')\n"
                               "db.execute('UPDATE sqlite_schema SET name = 1 LIMIT 1')\n"
                               "db.execute('SELECT \"part\" ' + where)\n");
  std::vector<std::string> found;
  for (const Finding& f : findings) found.push_back(std::to_string(f.line) + " " + f.code);
  EXPECT_THAT(found, ElementsAre("2 SQLITE_ERROR", "3 SQLITE_ERROR", "4 SQLITE_ERROR"));
}

TEST_F(Doctor, knows_sqlites_api_in_several_languages) {
  const auto in_c = source("a.c",
                           "// sqlite3_open(\n"
                           "int a() { sqlite3_open_v2(p, &db, 0, 0);\n"
                           "  sqlite3_exec(db, \"ROLLBACK;\", 0, 0, 0);\n"
                           "  sqlite3_exec(db, R\"sql(ATTACH 'x' AS y)sql\", 0, 0, 0);\n"
                           "  sqlite3_create_function(db, 0, 0, 0, 0, 0, 0, 0); }\n");
  EXPECT_THAT(in_c, Contains(finding(Severity::must, "open", "a.c")));
  EXPECT_THAT(in_c,
              Contains(AllOf(finding(Severity::must, "exec", "a.c"), Field(&Finding::more, 1U))));
  EXPECT_THAT(in_c, Contains(finding(Severity::must, "refused_transaction", "a.c")));
  EXPECT_THAT(in_c, Contains(finding(Severity::must, "refused_attach", "a.c")));
  EXPECT_THAT(in_c, Contains(finding(Severity::must, "function", "a.c")));
  EXPECT_THAT(source("a.py", "db = sqlite3.connect('x')\nid = cursor.lastrowid\n"),
              ElementsAre(finding(Severity::must, "open", "a.py"),
                          finding(Severity::look, "last_insert_rowid", "a.py")));
  EXPECT_THAT(source("a.js", "const db = new Database('x');\n"),
              ElementsAre(finding(Severity::must, "open", "a.js")));
  EXPECT_THAT(source("a.js", "console.log('it is said to be open');\n"), IsEmpty());
  EXPECT_THAT(source("a.txt", "sqlite3_open("), IsEmpty());
}

TEST_F(Doctor, knows_what_sql_says_of_chance_and_of_the_connection) {
  const auto findings =
      source("a.py",
             "db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, code DEFAULT (random()), '\n"
             "           'at DEFAULT CURRENT_TIMESTAMP)')\n"
             "row = db.execute('SELECT last_insert_rowid()').fetchone()\n"
             "db.execute('SELECT changes()')\n"
             "db.executescript('''\n"
             "  CREATE TABLE u(id INTEGER PRIMARY KEY);\n"
             "  INSERT INTO u VALUES (1);\n"
             "  CREATE TEMP TABLE w(x);\n"
             "''')\n");
  std::vector<std::string> found;
  for (const Finding& f : findings) found.push_back(std::to_string(f.line) + " " + f.code);
  EXPECT_THAT(found, ElementsAre("1 agreed", "1 agreed_random", "3 last_insert_rowid", "4 changes",
                                 "8 refused_temporary"));
}

TEST_F(Doctor, reads_scripts_statement_by_statement) {
  const auto findings = source("a.sql",
                               "CREATE TABLE made(id INTEGER PRIMARY KEY);\n\n"
                               "INSERT INTO made VALUES(1); -- a ; here\n"
                               "VACUUM;\n");
  EXPECT_THAT(findings, ElementsAre(finding(Severity::must, "refused_vacuum", "a.sql")));
  EXPECT_EQ(findings.at(0).line, 4U);
}

TEST_F(Doctor, tells_people_and_programs) {
  Finding found{Severity::must, "open", "a.c", 3, "opened", "a client", 2};
  EXPECT_EQ(text_of(found), "must  a.c:3: opened (open, and 2 times more here)\n      a client");
  EXPECT_EQ(json_of(found),
            R"({"severity":"must","code":"open","place":"a.c","line":3,"what":"opened",)"
            R"("instead":"a client","more":2})");
}

}  // namespace
}  // namespace prytany::cli
