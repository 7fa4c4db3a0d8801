// prytany test: what a test file says, and that a test can fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "server/cli/files.h"
#include "server/cli/new_application.h"
#include "server/cli/test_faults.h"
#include "server/cli/test_file.h"
#include "server/cli/test_runner.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// ---- Files --------------------------------------------------------------------------------------

std::string test_file_complaint(const std::string& text) {
  const auto read = read_test_file("a.sql", text);
  return read ? "" : read.error().message;
}

TEST(ApplicationTestFile, is_cut_into_tests_and_steps_with_their_lines) {
  const auto tests = read_test_file("a.sql",
                                    "-- About\n"
                                    "INSERT INTO a VALUES(1);\n"
                                    "-- @test one\n"
                                    "-- @as anna\n"
                                    "-- @call sign(text => 'a, (b', n => max(1, 2))\n"
                                    "-- @expect 1, 'x'\n"
                                    "-- @expect 2, 'y'\n"
                                    "\n"
                                    "-- @test two\n"
                                    "SELECT ';'\n"
                                    "  FROM a;  -- it's the end\n"
                                    "-- @expect-error not_allowed\n");
  ASSERT_TRUE(tests.ok()) << tests.error().message;
  ASSERT_EQ(tests->size(), 2U);
  const TestCase& one = tests->at(0);
  EXPECT_EQ(one.name, "one");
  EXPECT_EQ(one.line, 3U);
  ASSERT_EQ(one.steps.size(), 3U) << "with what stands before the first test";
  EXPECT_EQ(one.steps[0].line, 2U);
  EXPECT_EQ(one.steps[1].name, "anna");
  EXPECT_EQ(one.steps[2].name, "sign");
  EXPECT_EQ(one.steps[2].text, "SELECT ('a, (b') AS \"text\", (max(1, 2)) AS \"n\"");
  ASSERT_EQ(one.steps[2].rows.size(), 2U);
  EXPECT_EQ(one.steps[2].rows[1].line, 7U);
  EXPECT_EQ(one.steps[2].expect_line, 6U);
  const TestCase& two = tests->at(1);
  ASSERT_EQ(two.steps.size(), 2U);
  EXPECT_EQ(two.steps[1].line, 10U);
  EXPECT_EQ(two.steps[1].text, "SELECT ';'\n  FROM a;  -- it's the end\n");
  EXPECT_EQ(two.steps[1].error, "not_allowed");
}

TEST(ApplicationTestFile, a_call_may_go_on_until_its_parenthesis_is_closed) {
  const auto tests = read_test_file("a.sql",
                                    "-- @test one\n"
                                    "-- @call sign(\n"
                                    "--   text => 'a')\n"
                                    "-- @expect nothing\n");
  ASSERT_TRUE(tests.ok()) << tests.error().message;
  EXPECT_EQ(tests->at(0).steps.at(0).text, "SELECT ('a') AS \"text\"");
  EXPECT_EQ(tests->at(0).steps.at(0).expect_line, 4U);
  EXPECT_THAT(tests->at(0).steps.at(0).rows, IsEmpty());
}

TEST(ApplicationTestFile, keys_of_clients_are_blobs_except_in_quotes) {
  const auto tests = read_test_file("a.sql", "-- @test one\nSELECT $key(anna), '$key(anna)';\n");
  ASSERT_TRUE(tests.ok());
  EXPECT_EQ(tests->at(0).steps.at(0).text,
            "SELECT x'" + trial_key("anna").public_key().hex() + "', '$key(anna)';\n");
}

TEST(ApplicationTestFile, what_is_wrong_is_told_with_its_line_and_what_to_write) {
  const std::string test = "-- @test one\n";
  EXPECT_THAT(test_file_complaint(""), StartsWith("a.sql:1: there is no test"));
  EXPECT_THAT(test_file_complaint("-- @test\n"), StartsWith("a.sql:1: write: @test"));
  EXPECT_THAT(test_file_complaint(test), StartsWith("a.sql:1: this test does nothing"));
  EXPECT_THAT(test_file_complaint("SELECT 1;\n" + test),
              StartsWith("a.sql:2: this test does nothing"));
  EXPECT_THAT(test_file_complaint(test + "-- @expects 1\n"),
              StartsWith("a.sql:2: unknown '@expects'"));
  EXPECT_THAT(test_file_complaint(test + "-- @expect 1\n"),
              StartsWith("a.sql:2: nothing was done"));
  EXPECT_THAT(test_file_complaint(test + "-- @at +1 day\n-- @expect 1\n"),
              StartsWith("a.sql:3: nothing"));
  EXPECT_THAT(test_file_complaint(test + "SELECT 1\n-- @expect 1\n"),
              StartsWith("a.sql:2: this statement"));
  EXPECT_THAT(test_file_complaint(test + "\nSELECT 1\n"), StartsWith("a.sql:3: this statement"));
  EXPECT_THAT(test_file_complaint(test + "-- @as Anna\n"), StartsWith("a.sql:2: write: @as name"));
  EXPECT_THAT(test_file_complaint(test + "-- @as nobody guest\n"), HasSubstr("no other role"));
  EXPECT_THAT(test_file_complaint(test + "-- @at\n"), StartsWith("a.sql:2: write: @at 2026"));
  for (const char* call : {"", "sign(1)", "sign(a => )", "sign(a => 1) b", "sign(a => 1))"})
    EXPECT_THAT(test_file_complaint(test + "-- @call " + call + "\n"),
                HasSubstr("a.sql:2: write: @call"))
        << call;
  for (const char* identity :
       {"", "anna", "anna key(issuer => 'a')", "anna id_token", "Anna id_token(issuer => 'a')",
        "anna id_token('a')", "anna id_token(issuer => 'a') b"})
    EXPECT_THAT(test_file_complaint(test + "-- @identity " + identity + "\n"),
                HasSubstr("a.sql:2: write: @identity"))
        << identity;
  EXPECT_THAT(test_file_complaint(test + "-- @identity admin id_token(issuer => 'a')\n"),
              HasSubstr("a.sql:2: 'admin' is known by no identity"));
  EXPECT_THAT(test_file_complaint(test + "-- @identity a id_token(issuer => 'a')\n-- @expect 1\n"),
              StartsWith("a.sql:3: nothing was done"));
  EXPECT_THAT(test_file_complaint(test + "-- @call sign(a => 1\nSELECT 1;\n"),
              HasSubstr("a.sql:2: the par"));
  const std::string call = test + "-- @call sign\n";
  EXPECT_THAT(test_file_complaint(call + "-- @expect-error\n"),
              HasSubstr("a.sql:3: write: @expect-error"));
  for (const char* both :
       {"-- @expect 1\n-- @expect nothing\n", "-- @expect nothing\n-- @expect 1\n",
        "-- @expect 1\n-- @expect-error a\n", "-- @expect-error a\n-- @expect 1\n",
        "-- @expect-error a\n-- @expect-error b\n"})
    EXPECT_THAT(test_file_complaint(call + both), HasSubstr("a.sql:4: this contradicts")) << both;
}

// ---- Runs ---------------------------------------------------------------------------------------

/// A small application with one test file.
class ApplicationTests : public testing::Test {
 protected:
  ApplicationTests() {
    std::string pattern = testing::TempDir() + "prytany-app-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    write("prytany.json",
          R"({"name":"notes","version":"1","limits":{"session_idle_s":1800},"roles":{)"
          R"("guest":{"authorize":"anyone"},"clerk":{},"reader":{"sql":"read"}}})");
    write("schema/001_notes.sql",
          "CREATE TABLE notes(id INTEGER PRIMARY KEY, text, at_us);\n"
          "CREATE TABLE members(key BLOB PRIMARY KEY);\n");
    write("procedures/note.sql",
          "-- @param text any optional\n-- @roles guest, clerk\n"
          "SELECT ensure(:text IS NOT 'bad', 'bad_text', 'not this');\n"
          "INSERT INTO notes(text, at_us) VALUES(:text, now()) RETURNING id, text;\n");
    write("procedures/notes.sql",
          "-- @public\n-- @read-only\nSELECT id, text FROM notes ORDER BY id;\n");
  }
  ~ApplicationTests() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    ASSERT_TRUE(write_new_file(path, text, 0644).ok());
  }
  /// The tally of one file with this text; what was said is in said_.
  TestTally run(const std::string& text) {
    fs::remove_all(folder_ + "/tests");
    write("tests/a.sql", text);
    said_.clear();
    const auto tally = run_folder(folder_);
    EXPECT_TRUE(tally.ok()) << tally.error().message;
    return tally ? *tally : TestTally{};
  }
  Result<TestTally, Failure> run_folder(const std::string& folder,
                                        const std::vector<std::string>& filters = {}) {
    return test_application(folder, filters, [&](const TestVerdict& verdict) {
      said_ += text_of(verdict) + "\n";
      said_as_json_ += json_of(verdict) + "\n";
    });
  }
  bool passes(const std::string& steps) { return run("-- @test one\n" + steps).passed == 1; }
  std::string where(unsigned line) const {
    return folder_ + "/tests/a.sql:" + std::to_string(line) + ": ";
  }

  std::string folder_;
  std::string said_;
  std::string said_as_json_;
};

TEST_F(ApplicationTests, begin_with_a_fresh_database_each) {
  const TestTally tally =
      run("-- @as anna\n-- @call note(text => 'first')\n-- @expect 1, 'first'\n"
          "-- @test one\n-- @call note(text => 'a')\n-- @expect 2, 'a'\n"
          "-- @test two\n-- @call note(text => 'b')\n-- @expect 2, 'b'\n");
  EXPECT_EQ(tally.passed, 2U) << said_;
  EXPECT_EQ(tally.failed, 0U);
  EXPECT_EQ(said_,
            "ok   " + folder_ + "/tests/a.sql:4 one\nok   " + folder_ + "/tests/a.sql:7 two\n");
}

TEST_F(ApplicationTests, show_rows_that_differ_as_sql) {
  EXPECT_FALSE(
      passes("INSERT INTO notes(text) VALUES('a'), ('it''s'), (NULL), (x'00ff'), (1.0);\n"
             "SELECT text FROM notes;\n"
             "-- @expect 'a'\n-- @expect 'its'\n-- @expect 1.0\n"));
  EXPECT_THAT(said_, StartsWith("FAIL "));
  EXPECT_THAT(said_, HasSubstr(where(4) + "the rows differ (- expected, + found)\n"
                                          "      1 equal rows\n    - 'its'\n    + 'it''s'\n"
                                          "    + NULL\n    + x'00ff'\n      1 equal rows\n"));
}

TEST_F(ApplicationTests, tell_types_apart_and_count_rows) {
  const std::string one = "SELECT 1;\n";
  EXPECT_TRUE(passes(one + "-- @expect 1\n")) << said_;
  for (const char* other : {"'1'", "1.0", "x'31'", "NULL", "1, 1", "1\n-- @expect 1", "nothing"})
    EXPECT_FALSE(passes(one + "-- @expect " + other + "\n")) << other;
  EXPECT_TRUE(passes("SELECT 'a' || char(10);\n-- @expect 'a' || char(10)\n")) << said_;
  EXPECT_TRUE(passes("-- @as anna\n-- @call notes\n-- @expect nothing\n")) << said_;
}

TEST_F(ApplicationTests, fail_when_an_error_is_another_or_none_or_unexpected) {
  const std::string bad = "-- @as anna\n-- @call note(text => 'bad')\n";
  const std::string good = "-- @as anna\n-- @call note(text => 'good')\n";
  EXPECT_TRUE(passes(bad + "-- @expect-error bad_text\n")) << said_;
  EXPECT_FALSE(passes(bad + "-- @expect-error too_long\n"));
  EXPECT_THAT(said_, HasSubstr(where(4) + "this was to fail with too_long, not with bad_text"));
  EXPECT_FALSE(passes(good + "-- @expect-error bad_text\n"));
  EXPECT_THAT(said_, HasSubstr("and did not"));
  EXPECT_FALSE(passes(bad));
  EXPECT_THAT(said_, HasSubstr(where(3) + "bad_text: not this (note, statement 1)"));
  EXPECT_FALSE(passes("-- @as anna\n-- @call note(text => none)\n"));
  EXPECT_THAT(said_, HasSubstr(where(3) + "the arguments: "));
  EXPECT_FALSE(passes(good + "-- @expect 1, none\n"));
  EXPECT_THAT(said_, HasSubstr(where(4) + "what is expected: "));
}

TEST_F(ApplicationTests, have_clients_with_the_roles_that_the_application_gives_or_the_test) {
  EXPECT_TRUE(passes("-- @as anna\n-- @expect lower(hex($key(anna))), 'guest'\n")) << said_;
  EXPECT_TRUE(
      passes("-- @as anna clerk\n"
             "-- @expect 'clerk:' || lower(substr(hex($key(anna)), 1, 32)), 'clerk'\n"))
      << said_;
  EXPECT_FALSE(passes("-- @as anna judge\n"));
  EXPECT_THAT(said_, HasSubstr(where(2) + "prytany.json has no role 'judge'"));
  EXPECT_TRUE(
      passes("-- @as bob reader\nSELECT count(*) FROM notes;\n-- @expect 0\n"
             "DELETE FROM notes;\n-- @expect-error not_allowed\n"
             "-- @call note\n-- @expect-error not_allowed\n"))
      << said_;
  EXPECT_TRUE(
      passes("-- @as nobody\n-- @call notes\n-- @expect nothing\n"
             "-- @call note\n-- @expect-error unknown_procedure\n"))
      << said_;
}

TEST_F(ApplicationTests, meet_the_applications_own_authorize) {
  write("procedures/authorize.sql",
        "-- @param kind text\n-- @param name text\n-- @param credential blob\n-- @read-only\n"
        "SELECT ensure(EXISTS (SELECT 1 FROM members WHERE key = :credential), 'stranger', '');\n"
        "SELECT 'member:' || :name AS principal, 'clerk' AS role;\n");
  EXPECT_TRUE(
      passes("-- @as anna\n-- @expect-error stranger\n"
             "-- @as admin\nINSERT INTO members VALUES($key(anna));\n"
             "-- @as anna\n-- @expect 'member:anna', 'clerk'\n"
             "-- @as bob\n-- @expect-error stranger\n"))
      << said_;
  EXPECT_FALSE(passes("-- @as anna\n-- @expect-error stranger\n-- @call note\n"));
  EXPECT_THAT(said_, HasSubstr(where(4) + "anna has no session"));
}

TEST_F(ApplicationTests, run_in_a_time_that_they_choose) {
  EXPECT_TRUE(
      passes("SELECT datetime('now'), now();\n"
             "-- @expect '2026-01-01 00:00:00', 1767225600000001\n"
             "-- @at +90 minutes\nSELECT datetime('now');\n"
             "-- @expect '2026-01-01 01:30:00'\n"
             "-- @at 2026-03-01T00:00:00Z\nSELECT now() / 1000000;\n"
             "-- @expect unixepoch('2026-03-01')\n"))
      << said_;
  EXPECT_FALSE(passes("-- @at 2026-03-01T00:00:00Z\nSELECT 1;\n-- @at 2026-02-01T00:00:00Z\n"));
  EXPECT_THAT(said_, HasSubstr(where(4) + "time goes forward only"));
  EXPECT_FALSE(passes("-- @at noon\n"));
  EXPECT_THAT(said_, HasSubstr(where(2) + "'noon' is no time"));
}

TEST_F(ApplicationTests, see_procedures_run_at_their_times) {
  write("procedures/beat.sql",
        "-- @every 10m\nINSERT INTO notes(text, at_us) VALUES('beat', time('now'));\n");
  EXPECT_TRUE(
      passes("-- @at +1 hour\nSELECT count(*), min(at_us), max(at_us) FROM notes;\n"
             "-- @expect 6, '00:09:59', '00:59:59'\n"
             "-- @at +30 days\nSELECT count(*) FROM notes;\n"
             "-- @expect 1007\n"
             "SELECT runs, failures FROM prytany_ticks;\n-- @expect 1007, 0\n"))
      << "a second before the test begins it was installed; after a thousand runs one is for all\n"
      << said_;
}

TEST_F(ApplicationTests, see_idle_sessions_end_and_join_again) {
  EXPECT_FALSE(passes("-- @as anna\n-- @call note\n-- @at +31 minutes\n-- @call note\n"));
  EXPECT_THAT(said_, HasSubstr(where(5) + "anna has no session"));
  EXPECT_TRUE(passes("SELECT 1;\n-- @at +31 minutes\nSELECT 1;\n")) << said_;
  EXPECT_TRUE(
      passes("-- @as anna\n-- @call note\n-- @at +31 minutes\n"
             "-- @as anna\n-- @call note\n-- @expect 2, NULL\n"))
      << said_;
}

TEST_F(ApplicationTests, give_clients_identities_that_authorize_judges) {
  write("procedures/authorize.sql",
        "-- @param kind text\n-- @param name text\n-- @param credential blob\n"
        "-- @param issuer text optional\n-- @param subject text optional\n"
        "-- @param claims text optional\n-- @read-only\n"
        "SELECT ensure(:kind = 'key' OR json_extract(:claims, '$.verified') IS NOT 0,\n"
        "              'not_verified', 'no');\n"
        "SELECT :issuer || '/' || :subject || '/' || :kind, 'clerk' WHERE :kind <> 'key';\n");
  const std::string anna =
      "-- @identity anna certificate(issuer => 'the ' || 'guild', subject => 'CN=Anna',\n"
      "--   claims => json_object('verified', 1))\n";
  EXPECT_TRUE(passes(anna + "-- @as anna\n-- @expect 'the guild/CN=Anna/certificate', 'clerk'\n"
                            "-- @call note(text => 'a')\n-- @expect 1, 'a'\n"
                            "-- @as bob\n-- @expect lower(hex($key(bob))), 'guest'\n"))
      << said_;
  EXPECT_TRUE(
      passes("-- @identity anna id_token(issuer => 'i', subject => 's')\n-- @as anna\n"
             "-- @expect 'i/s/id_token', 'clerk'\n" +
             anna + "-- @as anna\n-- @expect 'the guild/CN=Anna/certificate', 'clerk'\n"))
      << said_ << "another identity joins anew";
  EXPECT_TRUE(
      passes("-- @identity anna id_token(issuer => 'i', subject => 's',\n"
             "--   claims => '{\"verified\": 0}')\n"
             "-- @as anna\n-- @expect-error not_verified\n"))
      << said_;
  for (const char* wrong : {"issuer => 1", "name => 'a'", "claims => '[1]'", "claims => 'x'",
                            "issuer => printf('%2000d', 1)", "subject => nothing"}) {
    EXPECT_FALSE(passes(std::string("-- @identity anna id_token(") + wrong + ")\nSELECT 1;\n"));
    EXPECT_THAT(said_, HasSubstr(where(2))) << wrong;
  }
}

TEST_F(ApplicationTests, ask_the_application_whom_it_believes_where_the_test_says_who_issued) {
  write("procedures/authorize.sql",
        "-- @param kind text\n-- @param name text\n-- @param credential blob\n"
        "-- @param issuer text optional\n-- @param subject text optional\n"
        "-- @param claims text optional\n-- @read-only\n"
        "SELECT :subject || ' ' || :claims, 'clerk' WHERE :kind <> 'key';\n");
  const std::string token =
      "-- @identity anna id_token(issuer => 'i', audience => 'notes', subject => 's',\n"
      "--   claims => json_object('email', 'a', 'phone', '5'))\n-- @as anna\n";
  EXPECT_TRUE(passes(token + "-- @expect-error untrusted_issuer\n")) << said_;
  EXPECT_FALSE(passes(token + "-- @expect 's', 'clerk'\n"));
  EXPECT_THAT(said_, HasSubstr("untrusted_issuer: the application trusts no key"))
      << "the refusal is shown";
  write("procedures/token_keys.sql",
        "-- @param issuer text\n-- @read-only\n"
        "SELECT 'notes', '{}', 'email' WHERE :issuer = 'i';\n");
  EXPECT_TRUE(passes(token + "-- @expect 's {\"email\":\"a\"}', 'clerk'\n"))
      << said_ << "of claims those that the application names";
  EXPECT_TRUE(
      passes("-- @identity anna id_token(issuer => 'i', audience => 'shop')\n-- @as anna\n"
             "-- @expect-error wrong_audience\n"))
      << said_;
  const std::string pem =
      "'-----BEGIN CERTIFICATE-----\n"
      "-- MIHqMIGdoAMCAQICAhABMAUGAytlcDAUMRIwEAYDVQQDDAlBdXRob3JpdHkwHhcN\n"
      "-- MjUwNjAxMDAwMDAwWhcNMjYwNjAxMDAwMDAwWjAUMRIwEAYDVQQDDAlBdXRob3Jp\n"
      "-- dHkwKjAFBgMrZXADIQDOzBUH3B3dcpWVHCkIiPCVrbkETRtz1pbm3wZdaDvU/KMT\n"
      "-- MBEwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQDbXFx0PX8eAIukxktWmJgVryFw\n"
      "-- 8muyK+RvQjg25QAasRgndA/mTQn8cFsMmK/qRrIQbV790oAa+NUgSPOer5sJ\n"
      "-- -----END CERTIFICATE-----\n"
      "-- '";
  const std::string certified =
      "-- @identity anna certificate(subject => 'CN=A', authority => " + pem + ")\n-- @as anna\n";
  EXPECT_TRUE(passes(certified + "-- @expect-error untrusted_issuer\n")) << said_;
  std::string text = pem;
  for (std::size_t at = 0; (at = text.find("\n-- ", at)) != std::string::npos;)
    text.replace(at, 4, "\n");
  write("procedures/certificate_authorities.sql", "-- @read-only\nSELECT " + text + ";\n");
  EXPECT_TRUE(passes(certified + "-- @expect 'CN=A {}', 'clerk'\n")) << said_;
  for (const char* wrong :
       {"certificate(authority => 'x')", "certificate(audience => 'x')",
        "id_token(authority => 'x')", "id_token(issuer => 'i', audience => 7)"}) {
    EXPECT_FALSE(passes(std::string("-- @identity anna ") + wrong + "\nSELECT 1;\n")) << wrong;
    EXPECT_THAT(said_, HasSubstr(where(2))) << wrong;
  }
}

TEST_F(ApplicationTests, come_to_the_same_every_time) {
  const std::string text =
      "-- @test one\n-- @as anna\nSELECT 1;\n-- @expect-error not_allowed\n"
      "-- @as admin\nSELECT hex(randomblob(8)), now();\n-- @expect 0\n";
  run(text);
  const std::string first = said_;
  EXPECT_THAT(first, HasSubstr("+ '"));
  run(text);
  EXPECT_EQ(said_, first);
}

TEST_F(ApplicationTests, go_on_after_checkpoints) {
  std::string steps = "-- @as anna\n";
  for (int i = 0; i < 300; ++i) steps += "-- @call note(text => 'n')\n";
  EXPECT_TRUE(passes(steps + "-- @expect 300, 'n'\n")) << said_;
}

TEST_F(ApplicationTests, can_be_chosen_by_a_part_of_their_name_or_place) {
  write("tests/notes.sql",
        "-- @test a guest writes\nSELECT 1;\n-- @test a clerk writes\nSELECT 1;\n");
  write("tests/others.sql", "-- @test notes are kept\nSELECT 1;\n");
  const auto chosen = [&](const std::vector<std::string>& filters) {
    said_.clear();
    const auto tally = run_folder(folder_, filters);
    EXPECT_TRUE(tally.ok()) << tally.error().message;
    return tally ? *tally : TestTally{};
  };
  EXPECT_EQ(chosen({}).passed, 3U);
  EXPECT_EQ(chosen({"clerk"}).passed, 1U);
  EXPECT_THAT(said_, HasSubstr("a clerk writes"));
  EXPECT_EQ(chosen({"notes.sql"}).passed, 2U);
  EXPECT_EQ(chosen({"notes.sql:3"}).left_out, 2U);
  EXPECT_EQ(chosen({"notes"}).passed, 3U) << "a name, or a file's";
  EXPECT_EQ(chosen({"guest", "kept"}).passed, 2U) << "either";
  const auto none = run_folder(folder_, {"Clerk"});
  ASSERT_FALSE(none.ok()) << "a run of nothing has shown nothing";
  EXPECT_EQ(none.error().exit, ExitCode::usage);
  EXPECT_THAT(none.error().message, HasSubstr("none of the 3 tests"));
}

TEST_F(ApplicationTests, are_told_to_programs_in_json) {
  run("-- @test says \"hi\"\nSELECT 1;\n-- @expect 1\n"
      "-- @test fails\nSELECT 1;\n-- @expect 2\n");
  const std::string file = R"("file":")" + folder_ + R"(/tests/a.sql")";
  EXPECT_EQ(said_as_json_,
            R"({"test":"says \"hi\"",)" + file +
                R"(,"line":1,"passed":true,"wrong_line":null,"wrong":null})"
                "\n"
                R"({"test":"fails",)" +
                file +
                R"(,"line":4,"passed":false,"wrong_line":6,"wrong":"the rows differ )"
                R"((- expected, + found)\n    - 2\n    + 1"})"
                "\n");
}

TEST_F(ApplicationTests, become_a_script_for_the_simulator) {
  write("tests/a.sql",
        "-- @test one\n-- @as anna clerk\n-- @call note(text => 'a')\n-- @at +8 days\n"
        "-- @as nobody\n-- @call notes\n-- @as admin\nSELECT 1;\nSELECT now();\n");
  const auto tests = what_tests_ask(folder_, {});
  ASSERT_TRUE(tests.ok()) << tests.error().message;
  ASSERT_EQ(tests->tests.size(), 1U);
  const AskedTest& test = tests->tests.front();
  ASSERT_EQ(test.steps.size(), 7U);
  using Kind = AskedStep::Kind;
  const std::array kinds = {Kind::join, Kind::ask, Kind::clock, Kind::read,
                            Kind::join, Kind::ask, Kind::ask};
  for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(test.steps[i].kind, kinds[i]) << i;
  EXPECT_GT(test.steps[2].forward_us, 691'199'000'000);
  EXPECT_TRUE(test.steps[0].outcome.has_value());
  EXPECT_TRUE(test.steps[5].outcome.has_value()) << "1 is always 1";
  EXPECT_FALSE(test.steps[6].outcome.has_value()) << "what time it is depends on the time";
  const auto script = nlohmann::json::parse(script_of(test));
  EXPECT_EQ(script["test"], "a.sql:1 one");
  EXPECT_EQ(script["actors"][0]["name"], "admin");
  EXPECT_EQ(script["actors"][1]["name"], "anna");
  EXPECT_EQ(script["steps"][1]["place"], "a.sql:3");
  EXPECT_EQ(script["steps"][1]["actor"], 1);
  EXPECT_TRUE(script["steps"][5].contains("expected"));
  EXPECT_FALSE(script["steps"][6].contains("expected"));
  fs::remove(folder_ + "/tests/a.sql");
  write("tests/a.sql", "-- @test one\nSELECT 1;\n-- @expect 2\n");
  EXPECT_EQ(what_tests_ask(folder_, {}).error().code, "tests_failed");
  fs::remove(folder_ + "/tests/a.sql");
  write("tests/a.sql",
        "-- @test one\nSELECT 1;\n"
        "-- @test two\n-- @identity bob id_token(issuer => 'i', subject => 's')\nSELECT 1;\n");
  const auto some = what_tests_ask(folder_, {});
  ASSERT_TRUE(some.ok()) << some.error().message;
  EXPECT_EQ(some->tests.size(), 1U);
  EXPECT_EQ(some->left_out, 1U) << "nobody vouches for bob in the simulator";
}

TEST_F(ApplicationTests, are_refused_with_a_reason_when_nothing_can_run) {
  const auto refused = [&] {
    const auto tally = run_folder(folder_);
    return tally ? Failure{} : tally.error();
  };
  EXPECT_THAT(refused().message, HasSubstr("there are no tests here"));
  write("tests/a.sql", "-- @tset\n");
  EXPECT_THAT(refused().message, StartsWith(folder_ + "/tests/a.sql:1: unknown '@tset'"));
  EXPECT_EQ(refused().exit, ExitCode::usage);
  write("schema/002_wrong.sql", "CREATE TABLE notes(id);\n");
  fs::remove(folder_ + "/tests/a.sql");
  write("tests/a.sql", "-- @test one\nSELECT 1;\n");
  EXPECT_EQ(refused().exit, ExitCode::failed);
  EXPECT_THAT(refused().message, HasSubstr("002_wrong.sql"));
}

TEST_F(ApplicationTests, try_what_undoes_migrations_before_they_begin) {
  const auto refused = [&] {
    const auto tally = run_folder(folder_);
    return tally ? std::string() : tally.error().message;
  };
  const auto rewrite = [&](const std::string& name, const std::string& text) {
    fs::remove(folder_ + "/" + name);
    write(name, text);
  };
  write("tests/a.sql", "-- @test one\nSELECT count(stars) FROM notes;\n-- @expect 0\n");
  write("schema/002_stars.sql", "ALTER TABLE notes ADD COLUMN stars;\n");
  EXPECT_EQ(refused(), "") << "a migration need not be undone";
  write("schema/002_stars.down.sql", "ALTER TABLE notes DROP COLUMN start;\n");
  EXPECT_THAT(refused(), HasSubstr("(schema/002_stars.down.sql, statement 1)"));
  rewrite("schema/002_stars.down.sql", "SELECT 'nothing is undone';\n");
  EXPECT_THAT(refused(), HasSubstr("duplicate column name: stars"))
      << "and it does not run again after that";
  rewrite("schema/002_stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;\n");
  EXPECT_EQ(refused(), "");
  write("schema/003_no_way_back.sql", "CREATE TABLE last(a);\n");
  rewrite("schema/002_stars.down.sql", "SELECT nonsense;\n");
  EXPECT_EQ(refused(), "") << "that one is not gone back on any more";
}

// ---- prytany new --------------------------------------------------------------------------------

TEST_F(ApplicationTests, of_a_new_application_pass) {
  const std::string made = folder_ + "/My Notes-2/";
  ASSERT_TRUE(make_application(made).ok());
  const auto tally = run_folder(made);
  ASSERT_TRUE(tally.ok()) << tally.error().message;
  EXPECT_EQ(tally->passed, 2U) << said_;
  EXPECT_EQ(tally->failed, 0U) << said_;
  EXPECT_THAT(*read_file(made + "prytany.json"), HasSubstr("\"name\": \"my_notes_2\""));
}

TEST_F(ApplicationTests, of_an_older_application_are_not_written_over) {
  const auto refused = make_application(folder_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("is not empty"));
  EXPECT_FALSE(fs::exists(folder_ + "/tests"));
  EXPECT_FALSE(make_application(folder_ + "/prytany.json").ok()) << "a file";
  fs::create_directory(folder_ + "/empty");
  EXPECT_TRUE(make_application(folder_ + "/empty").ok());
  EXPECT_FALSE(make_application(folder_ + "/empty").ok()) << "a second time";
}

TEST(ApplicationTestsOfExamples, all_pass) {
  for (const std::string name : {"guestbook", "evote", "invoices"}) {
    std::string said;
    const auto tally =
        test_application(std::string(PRYTANY_SOURCE_DIR) + "/examples/" + name, {},
                         [&](const TestVerdict& verdict) { said += text_of(verdict) + "\n"; });
    ASSERT_TRUE(tally.ok()) << tally.error().message;
    EXPECT_EQ(tally->failed, 0U) << said;
    EXPECT_GE(tally->passed, 4U) << said;
  }
}

}  // namespace
}  // namespace prytany::cli
