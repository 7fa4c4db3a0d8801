// Installing and calling SQL applications (design.md section 8).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "server/app/bundle.h"
#include "server/app/folder.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

using Files = std::map<std::string, std::string>;

wire::Install bundle_of(const Files& files) {
  wire::Install install;
  for (const auto& [path, content] : files)
    install.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
  return install;
}

Files notes() {
  return {
      {"prytany.json", R"({"name": "notes", "version": "1",
          "roles": {"member": {"authorize": "anyone"}, "reader": {"sql": "read"}}})"},
      {"schema/001_notes.sql",
       "CREATE TABLE notes(id INTEGER PRIMARY KEY, author TEXT, text TEXT);"},
      {"procedures/add_note.sql",
       "-- Adds a note.\n-- @param text text(20)\n-- @roles member\n"
       "INSERT INTO notes(author, text) VALUES(session_principal(), :text);\n"
       "SELECT last_insert_rowid() AS id;"},
      {"procedures/count_notes.sql", "-- @public\n-- @read-only\nSELECT count(*) AS n FROM notes;"},
      {"web/index.html", "<h1>Notes</h1>"},
      {"web/app/main.js", "hello();"},
  };
}

class Installing : public testing::Test {
 protected:
  wire::Outcome install(const Files& files) { return replica.ask(admin, bundle_of(files)); }
  std::string code(const Files& files) { return code_of(install(files)); }
  /// Notes with one file more, or another content.
  Files with(const std::string& path, const std::string& content) {
    Files files = notes();
    files[path] = content;
    return files;
  }
  std::string read(const std::string& procedure) {
    return rows_of(replica.executor().public_read({{procedure}, {}}));
  }
  Replica replica;
  Client admin = replica.join(test_key(100));
};

TEST_F(Installing, serves_procedures_and_pages_at_once) {
  EXPECT_EQ(read("count_notes").substr(0, 20), "error no_application");
  EXPECT_FALSE(replica.executor().page("/"));
  const wire::Outcome done = install(notes());
  EXPECT_TRUE(std::holds_alternative<wire::DoneReply>(done)) << message_of(done);
  Client member = replica.join(test_key(1));
  EXPECT_EQ(rows_of(replica.call(member, "add_note", {argument("text", text("hi"))})), "1");
  EXPECT_EQ(read("count_notes"), "1");
  EXPECT_EQ(as_text(replica.executor().page("/")->content), "<h1>Notes</h1>");
  EXPECT_EQ(replica.executor().page("/")->media_type, "text/html; charset=utf-8");
  EXPECT_EQ(replica.executor().page("/app/main.js?v=1")->media_type,
            "text/javascript; charset=utf-8");
  EXPECT_FALSE(replica.executor().page("/../prytany.json"));
  EXPECT_FALSE(replica.executor().page("/app"));
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT name, version FROM prytany_application")),
            "notes|1");
}

TEST_F(Installing, is_kept_in_the_replicated_database) {
  ASSERT_EQ(code(notes()), "");
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica twin(nullptr, replica.image());
  EXPECT_EQ(rows_of(twin.executor().public_read({{"count_notes"}, {}})), "0");
  EXPECT_EQ(as_text(twin.executor().page("/index.html")->content), "<h1>Notes</h1>");
  replica.executor().release();
  replica.executor().reload();
  EXPECT_EQ(read("count_notes"), "0");
}

TEST_F(Installing, lists_its_pages_with_their_digests_to_anybody) {
  EXPECT_EQ(code_of(replica.executor().public_read({{"prytany_pages"}, {}})), "no_application");
  ASSERT_EQ(code(notes()), "");
  const auto row = [&](const std::string& path, const std::string& type) {
    const std::string content = notes().at("web/" + path);
    return path + "|" + type + "|" + std::to_string(content.size()) + "|" +
           crypto::sha256(as_bytes(content)).hex();
  };
  const std::string listing =
      row("app/main.js", media_type(".js")) + "\n" + row("index.html", media_type(".html"));
  EXPECT_EQ(read("prytany_pages"), listing);
  EXPECT_EQ(rows_of(replica.call(admin, "prytany_pages", {})), listing) << "ordered, too";
  ASSERT_EQ(code(with("web/index.html", "<h1>Other</h1>")), "");
  EXPECT_THAT(read("prytany_pages"),
              HasSubstr(crypto::sha256(as_bytes(std::string("<h1>Other</h1>"))).hex()));
  EXPECT_EQ(code(with("procedures/prytany_pages.sql", "-- @public\n-- @read-only\nSELECT 1;")),
            "bad_application");
}

TEST_F(Installing, needs_an_administrator_and_a_development_cluster) {
  ASSERT_EQ(code(notes()), "");
  Client member = replica.join(test_key(1));
  EXPECT_EQ(code_of(replica.ask(member, bundle_of(notes()))), "not_allowed");
  Replica production(nullptr, {}, [](ExecutorConfig& c) { c.development = false; });
  Client root = production.join(test_key(100));
  EXPECT_EQ(code_of(production.ask(root, bundle_of(notes()))), "needs_threshold_approval");
  EXPECT_EQ(code_of(production.sql(root, "SELECT 1")), "not_allowed");
}

TEST_F(Installing, upgrades_keep_data_and_apply_only_new_migrations) {
  ASSERT_EQ(code(notes()), "");
  Client member = replica.join(test_key(1));
  replica.call(member, "add_note", {argument("text", text("kept"))});
  Files second = notes();
  second["schema/002_stars.sql"] =
      "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;\n"
      "UPDATE notes SET stars = 5; -- for all\n";
  second["procedures/stars.sql"] = "-- @public\n-- @read-only\nSELECT text, stars FROM notes;";
  second.erase("procedures/add_note.sql");
  ASSERT_EQ(code(second), "") << message_of(install(second));
  EXPECT_EQ(read("stars"), "kept|5");
  EXPECT_EQ(code_of(replica.call(member, "add_note")), "unknown_procedure");
  ASSERT_EQ(code(second), "") << "the same again changes nothing";
  EXPECT_EQ(read("stars"), "kept|5");
}

TEST_F(Installing, refuses_history_that_was_rewritten) {
  ASSERT_EQ(code(with("schema/003_more.sql", "CREATE TABLE more(a);")), "");
  EXPECT_EQ(code(notes()), "migration_missing");
  Files changed = with("schema/003_more.sql", "CREATE TABLE more(a, b);");
  EXPECT_EQ(code(changed), "migration_changed");
  Files late = with("schema/003_more.sql", "CREATE TABLE more(a);");
  late["schema/002_late.sql"] = "CREATE TABLE late(a);";
  EXPECT_EQ(code(late), "migration_out_of_order");
  Files other = with("schema/003_more.sql", "CREATE TABLE more(a);");
  other["prytany.json"] = R"({"name": "other", "version": "1"})";
  other.erase("procedures/add_note.sql");
  EXPECT_EQ(code(other), "another_application");
  EXPECT_EQ(read("count_notes"), "0") << "the installed one goes on";
}

struct Wrong {
  std::string path;
  std::string content;
  std::string code;
  std::string says;
};
const Wrong wrongs[] = {
    {"prytany.json", "{", "bad_application", "prytany.json: not JSON"},
    {"prytany.json", R"({"name": "a"})", "bad_application", "'version' is missing"},
    {"prytany.json", R"({"name": "A b", "version": "1"})", "bad_application", "small letters"},
    {"prytany.json", R"({"name": "a", "version": "1", "rolls": {}})", "bad_application",
     "unknown member 'rolls'"},
    {"prytany.json", R"({"name": "a", "version": "1", "roles": {"admin": {}}})", "bad_application",
     "belongs to the cluster"},
    {"prytany.json", R"({"name": "a", "version": "1", "roles": {"x": {"sql": "all"}}})",
     "bad_application", "'sql' must be"},
    {"prytany.json", R"({"name": "a", "version": "1", "roles": {"x": {"authorize": ["ff"]}}})",
     "bad_application", "not a public key"},
    {"prytany.json",
     R"({"name": "a", "version": "1",
         "roles": {"x": {"authorize": "anyone"}, "y": {"authorize": "anyone"}}})",
     "bad_application", "anyone already"},
    {"prytany.json", R"({"name": "a", "version": "1", "limits": {"session_idle_s": 0}})",
     "bad_application", "'session_idle_s'"},
    {"prytany.json", R"({"name": "a", "version": "1", "limits": {"session_idle_s": 31622401}})",
     "bad_application", "'session_idle_s'"},
    {"prytany.json", R"({"name": "a", "version": "1", "limits": {"session_idle_s": "1h"}})",
     "bad_application", "'session_idle_s'"},
    {"prytany.json", R"({"name": "a", "version": "1", "limits": {"steps": 0}})", "bad_application",
     "'steps'"},
    {"prytany.json", R"({"name": "a", "name": "b", "version": "1"})", "bad_application",
     "not JSON"},
    {"notes.txt", "x", "bad_application", "only prytany.json"},
    {"procedures/../x.sql", "x", "bad_application", "path"},
    {"procedures/a/b.sql", "x", "bad_application", "procedures/what.sql"},
    {"procedures/Add.sql", "SELECT 1", "bad_application", "small letters"},
    {"procedures/x.sql", "SELECT 1", "bad_application", "nobody may call it"},
    {"procedures/x.sql", "-- @roles nobody\nSELECT 1", "bad_application", "not in prytany.json"},
    {"procedures/x.sql", "-- @public\nSELECT 1", "bad_application", "must be @read-only"},
    {"procedures/x.sql", "-- @param a int\n-- @roles any\nSELECT 1", "bad_application",
     "line 1: unknown type 'int'"},
    {"procedures/x.sql", "--\n-- @param a text\n-- @param a text\n-- @roles any\nSELECT 1",
     "bad_application", "line 3: 'a' is there twice"},
    {"procedures/x.sql", "-- @param a integer(3)\n-- @roles any\nSELECT 1", "bad_application",
     "only text and blob"},
    {"procedures/x.sql", "-- @rolls any\nSELECT 1", "bad_application", "unknown '@rolls'"},
    {"procedures/x.sql", "-- @roles any\n", "empty_procedure", "no statement"},
    {"procedures/x.sql", "-- @roles any\nSELECT * FROM nowhere", "SQLITE_ERROR", "nowhere"},
    {"procedures/x.sql", "-- @roles any\nSELECT 1; SELEKT 2", "SQLITE_ERROR", "SELEKT"},
    {"procedures/x.sql", "-- @roles any\nSELECT :a", "wrong_parameters", ":a is neither"},
    {"procedures/x.sql", "-- @roles any\nSELECT ?", "wrong_parameters", ":name"},
    {"procedures/x.sql", "-- @roles any\n-- @read-only\nDELETE FROM notes", "not_read_only", ""},
    {"procedures/x.sql", "-- @roles any\nCREATE TABLE x(a)", "refused_schema_change", "schema/"},
    {"procedures/x.sql", "-- @roles any\nBEGIN; DELETE FROM notes; COMMIT", "refused_transaction",
     ""},
    {"procedures/x.sql", "-- @roles any\nPRAGMA user_version = 2", "refused_pragma", ""},
    {"procedures/x.sql", "-- @roles any\nSELECT 1 AS \":a\", 2 AS b", "wrong_parameters",
     "or none"},
    {"procedures/x.sql", "-- @roles any\nSELECT 1 AS \":a\"; SELECT 2 AS \":a\"",
     "wrong_parameters", "already"},
    {"procedures/x.sql", "-- @roles any\nSELECT 1 AS \":a\", 2 AS \":a\"", "wrong_parameters",
     "twice"},
    {"procedures/x.sql", "-- @roles any\nDELETE FROM prytany_session_rows", "refused_reserved", ""},
    {"procedures/authorize.sql", "-- @read-only\nSELECT 1", "bad_application", "authorize takes"},
    {"schema/2_x.sql", "", "bad_application", "schema/001_what.sql"},
    {"schema/001_again.sql", "", "bad_application", "another migration"},
    {"schema/002_x.sql", "CREATE TABLE x(a); CREATE TABLE notes(a);", "migration_failed",
     "already exists"},
    {"schema/002_x.sql", "CREATE TABLE x(a); BEGIN;", "migration_failed", "refused_transaction"},
    {"schema/002_x.sql", "CREATE TABLE prytany_x(a);", "migration_failed", "refused_reserved"},
    {"schema/002_x.sql", "CREATE TABLE x(a); ALTER TABLE x RENAME TO prytany_x;",
     "refused_reserved", ""},
    {"schema/002_x.sql", "\xff", "bad_application", "UTF-8"},
};

TEST_F(Installing, changes_nothing_when_anything_is_wrong) {
  const std::string before = rows_of(replica.sql(admin, "SELECT count(*) FROM sqlite_schema"));
  for (const Wrong& wrong : wrongs) {
    const wire::Outcome outcome = install(with(wrong.path, wrong.content));
    EXPECT_EQ(code_of(outcome), wrong.code) << wrong.path << ": " << wrong.content;
    EXPECT_THAT(message_of(outcome), HasSubstr(wrong.says)) << wrong.path << ": " << wrong.content;
  }
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT count(*) FROM sqlite_schema")), before);
  EXPECT_FALSE(replica.executor().page("/"));
  wire::Install doubled = bundle_of(notes());
  std::reverse(doubled.files.items.begin(), doubled.files.items.end());
  EXPECT_EQ(code_of(replica.ask(admin, doubled)), "bad_application");
  EXPECT_EQ(code_of(replica.ask(admin, wire::Install{})), "bad_application");
  EXPECT_EQ(code(notes()), "") << "and a good one can still be installed";
}

TEST_F(Installing, blames_the_statement) {
  const wire::Outcome outcome =
      install(with("procedures/x.sql", "-- @roles any\nSELECT 1;\n\n-- two\nSELECT nothing;"));
  const auto& error = std::get<wire::ErrorReply>(outcome);
  EXPECT_EQ(error.procedure.text, "x");
  EXPECT_EQ(error.statement, 2U);
}

// ---- calling ------------------------------------------------------------------------------------

class Calling : public testing::Test {
 protected:
  /// Installs notes with the procedure "p", and calls it as a member.
  wire::Outcome call(const std::string& source, std::vector<wire::Argument> arguments = {}) {
    Files files = notes();
    files["procedures/p.sql"] = "-- @roles member\n" + source;
    const wire::Outcome installed = replica.ask(admin, bundle_of(files));
    EXPECT_EQ(code_of(installed), "") << message_of(installed);
    if (member.session == SessionId{}) member = replica.join(test_key(1));
    return replica.call(member, "p", std::move(arguments));
  }
  Replica replica;
  Client admin = replica.join(test_key(100));
  Client member{test_key(1), {}, 1};
};

TEST_F(Calling, checks_arguments_before_anything_runs) {
  const std::string source =
      "-- @param i integer\n-- @param r real\n-- @param t text(3)\n-- @param b blob optional\n"
      "-- @param x any optional\nINSERT INTO notes(text) VALUES('ran');\n"
      "SELECT typeof(:i), typeof(:r), typeof(:t), typeof(:b), typeof(:x);";
  const auto i = argument("i", integer(1));
  const auto r = argument("r", 1.5);
  const auto t = argument("t", text("abc"));
  EXPECT_EQ(rows_of(call(source, {i, r, t})), "integer|real|text|null|null");
  EXPECT_EQ(rows_of(call(source, {t, argument("r", integer(2)), i, argument("x", 2.5)})),
            "integer|real|text|null|real");
  EXPECT_EQ(code_of(call(source, {i, r})), "missing_parameter");
  EXPECT_EQ(code_of(call(source, {i, r, argument("t", wire::Value{})})), "missing_parameter");
  EXPECT_EQ(code_of(call(source, {i, r, t, argument("y", integer(1))})), "unknown_parameter");
  EXPECT_EQ(code_of(call(source, {i, r, t, i})), "unknown_parameter");
  EXPECT_EQ(code_of(call(source, {argument("i", text("1")), r, t})), "wrong_type");
  EXPECT_EQ(code_of(call(source, {argument("i", 1.0), r, t})), "wrong_type");
  EXPECT_EQ(code_of(call(source, {i, argument("r", text("x")), t})), "wrong_type");
  EXPECT_EQ(code_of(call(source, {i, r, argument("t", wire::BlobValue{{1}})})), "wrong_type");
  EXPECT_EQ(code_of(call(source, {i, r, argument("t", text("\xff"))})), "wrong_type");
  EXPECT_EQ(code_of(call(source, {i, r, argument("t", text("abcd"))})), "value_too_long");
  EXPECT_EQ(code_of(call(source, {i, r, t, argument("b", text("x"))})), "wrong_type");
  EXPECT_EQ(rows_of(replica.executor().public_read({{"count_notes"}, {}})), "2");
}

TEST_F(Calling, passes_values_from_statement_to_statement) {
  EXPECT_EQ(rows_of(call("SELECT 20 AS \":a\", 'x' AS \":b\";\nSELECT :a + 2 AS \":c\";\n"
                         "INSERT INTO notes(text) VALUES(:b) RETURNING id AS \":id\";\n"
                         "SELECT :c, :b, :id;")),
            "22|x|1");
  EXPECT_EQ(rows_of(call("SELECT 1 AS \":a\" WHERE 0;\nSELECT :a IS NULL;")), "1");
  EXPECT_EQ(code_of(call("SELECT id AS \":a\" FROM (SELECT 1 AS id UNION SELECT 2);\nSELECT :a;")),
            "many_rows");
}

TEST_F(Calling, gives_the_rows_of_the_last_statement_that_returns_any) {
  const wire::Outcome outcome = call(
      "SELECT 1 AS a;\nSELECT 2 AS b UNION ALL SELECT 3;\nSELECT ensure(1, 'X', 'x');\n"
      "INSERT INTO notes(text) VALUES('a'), ('b');\nUPDATE notes SET author = 'c';");
  const auto& sets = std::get<wire::ResultSets>(outcome);
  ASSERT_EQ(sets.size(), 1U);
  EXPECT_EQ(sets.items[0].columns.items[0].text, "b");
  EXPECT_EQ(rows_of(outcome), "2\n3");
  EXPECT_EQ(sets.items[0].changes, 4);
  EXPECT_EQ(sets.items[0].last_insert_rowid, 2);
}

TEST_F(Calling, ensure_aborts_with_its_own_code_and_undoes_everything) {
  const wire::Outcome outcome = call(
      "-- @param n integer\nINSERT INTO notes(text) VALUES('gone');\n"
      "SELECT ensure(:n > 5, 'TOO_SMALL', 'n is ' || :n);",
      {argument("n", integer(5))});
  const auto& error = std::get<wire::ErrorReply>(outcome);
  EXPECT_EQ(error.code.text, "TOO_SMALL");
  EXPECT_EQ(error.message.text, "n is 5");
  EXPECT_EQ(error.procedure.text, "p");
  EXPECT_EQ(error.statement, 2U);
  EXPECT_EQ(rows_of(replica.executor().public_read({{"count_notes"}, {}})), "0");
  EXPECT_EQ(code_of(call("SELECT ensure(NULL, 'a', 'b');")), "a");
  EXPECT_EQ(code_of(call("SELECT ensure(0, 'not a word', 'b');")), "bad_ensure");
}

TEST_F(Calling, fails_with_sqlites_codes_and_says_where) {
  const wire::Outcome outcome =
      call("INSERT INTO notes(id) VALUES(1);\nINSERT INTO notes(id) VALUES(1);");
  const auto& error = std::get<wire::ErrorReply>(outcome);
  EXPECT_EQ(error.code.text, "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT_EQ(error.message.text, "UNIQUE constraint failed: notes.id");
  EXPECT_EQ(error.statement, 2U);
}

TEST_F(Calling, respects_the_applications_own_budget) {
  Files files = notes();
  files["prytany.json"] = R"({"name": "notes", "version": "1", "limits": {"steps": 10000},
      "roles": {"member": {"authorize": "anyone"}}})";
  files["procedures/p.sql"] =
      "-- @roles member\nWITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT "
      "5000) "
      "SELECT count(*) FROM c;";
  ASSERT_EQ(code_of(replica.ask(admin, bundle_of(files))), "");
  member = replica.join(test_key(1));
  EXPECT_EQ(code_of(replica.call(member, "p")), "budget_exceeded");
}

TEST_F(Calling, works_on_after_ad_hoc_changes_of_the_schema) {
  EXPECT_EQ(rows_of(call("SELECT count(*) FROM notes;")), "0");
  EXPECT_EQ(code_of(replica.sql(admin, "ALTER TABLE notes ADD COLUMN x")), "");
  EXPECT_EQ(rows_of(replica.call(member, "p")), "0");
  EXPECT_EQ(code_of(replica.sql(admin, "DROP TABLE notes")), "");
  EXPECT_EQ(code_of(replica.call(member, "p")), "SQLITE_ERROR");
  EXPECT_EQ(code_of(replica.sql(admin, "CREATE TABLE notes(a)")), "");
  EXPECT_EQ(rows_of(replica.call(member, "p")), "0");
}

TEST_F(Calling, never_changes_a_byte_when_read_in_public) {
  EXPECT_EQ(code_of(call("INSERT INTO notes(text) VALUES('x');")), "");
  const Bytes before = replica.image();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(rows_of(replica.executor().public_read({{"count_notes"}, {}})), "1");
    EXPECT_EQ(code_of(replica.executor().public_read({{"p"}, {}})), "unknown_procedure");
    EXPECT_EQ(code_of(replica.executor().public_read({{"nothing"}, {}})), "unknown_procedure");
  }
  EXPECT_EQ(replica.image(), before);
}

// ---- folders ------------------------------------------------------------------------------------

class Folder : public testing::Test {
 protected:
  Folder() {
    root = std::filesystem::temp_directory_path() /
           ("prytany_folder_test_" +
            std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
            std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    std::filesystem::create_directories(root);
    for (const auto& [path, content] : notes()) write(path, content);
  }
  ~Folder() override { std::filesystem::remove_all(root); }
  void write(const std::string& path, const std::string& content) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << content;
  }
  std::string error() {
    auto loaded = load_application_folder(root.string());
    return loaded ? "" : loaded.error().message;
  }
  std::filesystem::path root;
};

TEST_F(Folder, is_loaded_in_order_and_leaves_the_rest_behind) {
  write("README.md", "read me");
  write("tests/one.sql", "SELECT 1;");
  write("web/.DS_Store", "x");
  write(".git/config", "x");
  auto loaded = load_application_folder(root.string());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, bundle_of(notes()));
}

TEST_F(Folder, says_what_is_wrong_with_it) {
  EXPECT_THAT(load_application_folder((root / "none").string()).error().message,
              HasSubstr("no such folder"));
  write("procedures/readme.txt", "x");
  EXPECT_THAT(error(), HasSubstr("procedures/what.sql"));
  std::filesystem::remove(root / "procedures/readme.txt");
  write("web/big.bin", std::string(limits::application_bytes_max, 'x'));
  EXPECT_THAT(error(), HasSubstr("at most"));
  std::filesystem::remove(root / "web/big.bin");
  std::filesystem::create_symlink("/etc/passwd", root / "web/passwd");
  EXPECT_THAT(error(), HasSubstr("not a plain file"));
  std::filesystem::remove(root / "web/passwd");
  std::filesystem::remove(root / "prytany.json");
  EXPECT_THAT(error(), HasSubstr("no prytany.json"));
}

}  // namespace
}  // namespace prytany::app
