// Procedures that run by themselves at agreed times (docs/decisions/0022-agreed-times.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "server/app/schedule.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;

// ---- schedules ----------------------------------------------------------------------------------

TEST(Schedule, is_a_period_or_a_time_of_the_day) {
  const auto period = [](std::string_view when) {
    const auto schedule = read_schedule("@every", when);
    return schedule ? schedule->period_us / second_us : 0;
  };
  EXPECT_EQ(period("1s"), 1);
  EXPECT_EQ(period("90s"), 90);
  EXPECT_EQ(period("5m"), 300);
  EXPECT_EQ(period("2h"), 7200);
  EXPECT_EQ(period("366d"), 366 * 86'400);
  for (const char* wrong : {"", "s", "0s", "1", "60", "-1s", "+1s", "1.5h", "1 s", "367d", "1w",
                            "4294967295d", "99999999999999999999s", "1S"})
    EXPECT_EQ(period(wrong), 0) << wrong;
  EXPECT_EQ(read_schedule("@at", "03:05")->of_day_us, (3 * 60 + 5) * 60 * second_us);
  EXPECT_EQ(read_schedule("@at", "23:59")->text, "at 23:59");
  for (const char* wrong : {"", "3:05", "24:00", "12:60", "1205", "12:5x", "-1:00", "12:00:00"})
    EXPECT_FALSE(read_schedule("@at", wrong)) << wrong;
}

TEST(Schedule, stays_in_step_and_makes_one_of_what_was_missed) {
  const Schedule minute = *read_schedule("@every", "60s");
  const AgreedTime t{1000 * day_us};
  EXPECT_EQ(first_after(minute, t), t + 60 * second_us);
  EXPECT_EQ(next_after(minute, t, t), t + 60 * second_us);
  EXPECT_EQ(next_after(minute, t, t + 59 * second_us), t + 60 * second_us);
  EXPECT_EQ(next_after(minute, t, t + 60 * second_us), t + 120 * second_us) << "after now";
  EXPECT_EQ(next_after(minute, t, t + (600 * second_us + 1)), t + 660 * second_us);
}

TEST(Schedule, of_a_day_is_utc) {
  const Schedule three = *read_schedule("@at", "03:00");
  const AgreedTime midnight{20'000 * day_us};
  EXPECT_EQ(first_after(three, midnight), midnight + 3 * 3600 * second_us);
  EXPECT_EQ(first_after(three, midnight + (3 * 3600 * second_us - 1)),
            midnight + 3 * 3600 * second_us);
  EXPECT_EQ(first_after(three, midnight + 3 * 3600 * second_us),
            midnight + (day_us + 3 * 3600 * second_us));
  const AgreedTime due = midnight + 3 * 3600 * second_us;
  EXPECT_EQ(next_after(three, due, due + 5), due + day_us);
  EXPECT_EQ(next_after(three, due, due + (3 * day_us + 7)), due + 4 * day_us);
}

TEST(Schedule, ends_with_time_itself) {
  const AgreedTime last{std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(first_after(*read_schedule("@every", "1d"), last), last);
  EXPECT_EQ(next_after(*read_schedule("@at", "00:00"), AgreedTime{0}, last), last);
}

// ---- run ----------------------------------------------------------------------------------------

class RunningByThemselves : public testing::Test {
 protected:
  wire::Outcome install(const std::map<std::string, std::string>& procedures,
                        const std::string& limits = "{}") {
    std::map<std::string, std::string> files = {
        {"prytany.json", R"({"name": "clocks", "version": "1", "limits": )" + limits +
                             R"(, "roles": {"member": {"authorize": "anyone"}}})"},
        {"schema/001_log.sql",
         "CREATE TABLE log(line TEXT, at_us INTEGER);\n"
         "CREATE TABLE parent(id INTEGER PRIMARY KEY);\n"
         "CREATE TABLE child(id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);"}};
    for (const auto& [name, text] : procedures) files["procedures/" + name + ".sql"] = text;
    wire::Install install;
    for (const auto& [path, content] : files)
      install.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
    return replica.ask(admin, install);
  }
  void must_install(const std::map<std::string, std::string>& procedures,
                    const std::string& limits = "{}") {
    const wire::Outcome done = install(procedures, limits);
    ASSERT_EQ(code_of(done), "") << message_of(done);
    installed = replica.now();
  }
  /// An empty batch so long after the last one.
  void pass(std::int64_t us) { replica.execute(wire::Batch{}, us); }
  std::string sql(const std::string& statement) { return rows_of(replica.sql(admin, statement)); }
  /// Lines of the log, and seconds since the installation.
  std::string log() {
    return sql("SELECT line, (at_us - " + std::to_string(installed.value) +
               ") / 1000000 FROM log ORDER BY rowid");
  }
  Replica replica;
  Client admin = replica.join(test_key(100));
  AgreedTime installed;
};

std::string says(const std::string& head, const std::string& line) {
  return head + "\nINSERT INTO log VALUES('" + line + "', now());";
}

TEST_F(RunningByThemselves, tell_those_who_watch_when_they_succeed) {
  must_install(
      {{"bell", says("-- @every 60s", "rings") + "\nSELECT notify('bells', 7);"},
       {"cry", "-- @every 90s\nSELECT notify('bells', 8);\nSELECT ensure(0, 'no', 'no');"}},
      R"({}, "topics": {"bells": {"roles": "any"}, "log": {"roles": "any", "table": "log"}})");
  const std::string told = "SELECT topic, value FROM prytany_changes WHERE position > 1";
  ASSERT_EQ(sql(told), "") << "the installation itself told of the table";
  pass(60 * second_us);
  EXPECT_EQ(sql("SELECT failures, last_error FROM prytany_ticks WHERE procedure = 'bell'"),
            "0|NULL");
  const std::string once = sql(told);
  EXPECT_THAT(once, HasSubstr("bells|7"));
  EXPECT_THAT(once, HasSubstr("log|NULL"));
  pass(30 * second_us);
  EXPECT_EQ(sql("SELECT failures FROM prytany_ticks WHERE procedure = 'cry'"), "1");
  EXPECT_EQ(sql(told), once) << "what failed says nothing";
}

TEST_F(RunningByThemselves, happens_when_agreed_time_has_come_to_theirs) {
  EXPECT_FALSE(replica.executor().due());
  must_install({{"tick", says("-- @every 60s", "tick")}});
  EXPECT_EQ(replica.executor().due(), installed + 60 * second_us);
  pass(59 * second_us);
  EXPECT_EQ(log(), "");
  pass(second_us);
  EXPECT_EQ(log(), "tick|60");
  EXPECT_EQ(replica.executor().due(), installed + 120 * second_us);
  EXPECT_EQ(sql("SELECT procedure, schedule, next_us - last_us, runs, failures, failed_us, "
                "last_error FROM prytany_ticks")
                .substr(0, 14),
            "tick|every 60s");
  pass(1000 * second_us);
  EXPECT_THAT(log(), StartsWith("tick|60\ntick|10")) << "what was missed is one";
  EXPECT_EQ(sql("SELECT runs, failures, failed_us, last_error FROM prytany_ticks"),
            "2|0|NULL|NULL");
}

TEST_F(RunningByThemselves, comes_before_the_requests_of_the_batch_and_one_at_a_time) {
  must_install({{"b", says("-- @every 10s", "b")},
                {"a", says("-- @every 10s", "a")},
                {"c", says("-- @every 5s", "c")}});
  pass(10 * second_us);
  EXPECT_EQ(sql("SELECT group_concat(line) FROM log"), "c,a")
      << "what is due first, then by name; each question is a batch of its own";
  EXPECT_EQ(sql("SELECT group_concat(line) FROM log"), "c,a,b");
  EXPECT_EQ(sql("SELECT group_concat(line) FROM log"), "c,a,b");
}

TEST_F(RunningByThemselves, is_nobodys_request_with_randomness_of_its_own) {
  must_install({{"tick",
                 "-- @every 1s\nINSERT INTO log SELECT session_id() IS NULL AND "
                 "session_principal() IS NULL AND session_role() IS NULL, random();"}});
  pass(second_us);
  pass(second_us);
  EXPECT_EQ(sql("SELECT count(DISTINCT at_us), min(line) FROM log"), "2|1");
}

TEST_F(RunningByThemselves, that_fails_changes_nothing_but_its_own_row) {
  must_install(
      {{"bad", says("-- @every 60s", "gone") +
                   "\nSELECT ensure((SELECT count(*) FROM parent) > 0, 'no_parent', 'why');"},
       {"late",
        "-- @every 60s\nINSERT INTO child SELECT 7 WHERE NOT EXISTS (SELECT 1 "
        "FROM parent WHERE id = 7);"}});
  pass(60 * second_us);
  pass(second_us);
  EXPECT_EQ(log(), "");
  EXPECT_EQ(sql("SELECT count(*) FROM child"), "0");
  EXPECT_EQ(sql("SELECT runs, failures, failed_us = last_us, last_error FROM prytany_ticks ORDER "
                "BY procedure"),
            "1|1|1|no_parent: why (bad, statement 2)\n"
            "1|1|1|SQLITE_CONSTRAINT_FOREIGNKEY: FOREIGN KEY constraint failed (late)");
  sql("INSERT INTO parent VALUES(7)");
  pass(60 * second_us);
  pass(second_us);
  EXPECT_EQ(sql("SELECT runs, failures, failed_us < last_us, substr(last_error, 1, 9) FROM "
                "prytany_ticks WHERE procedure = 'bad'"),
            "2|1|1|no_parent")
      << "the failure stays to be seen";
  EXPECT_EQ(sql("SELECT line FROM log"), "gone");
}

TEST_F(RunningByThemselves, has_a_calls_budget) {
  const std::string endless =
      "\nWITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
      "INSERT INTO log SELECT 'x', x FROM c LIMIT 100000;";
  must_install(
      {{"a", "-- @every 1s" + endless}, {"b", "-- @every 1s\n-- @limits steps=1000" + endless}},
      R"({"steps": 50000})");
  pass(second_us);
  pass(1);
  EXPECT_EQ(log(), "");
  EXPECT_THAT(sql("SELECT last_error FROM prytany_ticks WHERE procedure = 'a'"),
              HasSubstr("budget_exceeded: the request took more than 50000 steps"));
  EXPECT_THAT(sql("SELECT last_error FROM prytany_ticks WHERE procedure = 'b'"),
              HasSubstr("more than 1000 steps"));
}

TEST_F(RunningByThemselves, may_be_called_too_and_calls_others) {
  must_install({{"tick",
                 "-- @every 60s\n-- @roles member\n-- @param why text optional\n"
                 "CALL say(line => coalesce(:why, 'by itself'));"},
                {"say", "-- @internal\n-- @param line text\nINSERT INTO log VALUES(:line, now());"},
                {"hidden", "-- @every 1d\nDELETE FROM log;"}});
  Client member = replica.join(test_key(1));
  EXPECT_EQ(code_of(replica.call(member, "tick", {argument("why", text("asked"))})), "");
  EXPECT_EQ(code_of(replica.call(member, "hidden")), "not_allowed");
  pass(60 * second_us);
  EXPECT_EQ(sql("SELECT group_concat(line) FROM log"), "asked,by itself");
}

TEST_F(RunningByThemselves, goes_on_in_step_through_upgrades) {
  const std::string minute = says("-- @every 60s", "m");
  must_install({{"m", minute}, {"h", says("-- @every 1h", "h")}, {"gone", minute}});
  const AgreedTime begun = installed;
  pass(60 * second_us);
  pass(1);
  must_install({{"m", says("-- @every 60s", "new")},
                {"h", says("-- @every 2h", "h")},
                {"fresh", says("-- @at 03:00", "f")}});
  EXPECT_EQ(sql("SELECT procedure FROM prytany_ticks ORDER BY procedure"), "fresh\nh\nm");
  EXPECT_EQ(sql("SELECT next_us, runs FROM prytany_ticks WHERE procedure = 'm'"),
            std::to_string(begun.value + 120 * second_us) + "|1")
      << "the same schedule goes on";
  EXPECT_EQ(sql("SELECT next_us FROM prytany_ticks WHERE procedure = 'h'"),
            std::to_string(installed.value + 7200 * second_us))
      << "another one begins";
  EXPECT_EQ(replica.executor().due(), begun + 120 * second_us);
  must_install({});
  EXPECT_FALSE(replica.executor().due());
  pass(1000 * second_us);
  EXPECT_EQ(sql("SELECT count(*) FROM log"), "2");
}

TEST_F(RunningByThemselves, is_kept_in_the_replicated_database) {
  must_install({{"tick", says("-- @every 60s", "tick")}});
  pass(90 * second_us);
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0) pass(1);
  Replica twin(nullptr, replica.image());
  EXPECT_EQ(twin.executor().due(), replica.executor().due());
  const AgreedTime due = *replica.executor().due();
  for (Replica* each : {&replica, &twin}) {
    each->execute(wire::Batch{}, due.value - each->now().value);
    EXPECT_EQ(each->executor().due(), due + 60 * second_us);
  }
}

TEST_F(RunningByThemselves, cannot_be_forged_by_sql) {
  must_install({{"tick", says("-- @every 60s", "tick")}});
  for (const char* forged : {"UPDATE prytany_ticks SET next_us = 0", "DELETE FROM prytany_ticks",
                             "INSERT INTO prytany_ticks VALUES('x', '', 0, 0, 0, 0, 0, '')",
                             "DROP TABLE prytany_ticks", "CREATE INDEX i ON prytany_ticks(runs)"})
    EXPECT_EQ(code_of(replica.sql(admin, forged)), "refused_reserved") << forged;
}

TEST_F(RunningByThemselves, is_refused_where_it_could_not_run) {
  const std::map<std::string, std::string> wrong = {
      {"-- @every", "write: @every 60s"},
      {"-- @every soon", "write: @every 60s"},
      {"-- @every 1 h", "write: @every 60s"},
      {"-- @at 3", "or: @at 03:00"},
      {"-- @every 1h\n-- @at 03:00", "one @every or one @at"},
      {"-- @every 1h\n-- @read-only", "only reads"},
      {"-- @every 1h\n-- @param a integer", "nobody gives 'a'"},
  };
  for (const auto& [head, why] : wrong) {
    const wire::Outcome outcome = install({{"p", says(head, "p")}});
    EXPECT_EQ(code_of(outcome), "bad_application") << head;
    EXPECT_THAT(message_of(outcome), HasSubstr(why)) << head;
  }
  EXPECT_THAT(message_of(install({{"authorize",
                                   "-- @param kind text\n-- @param name text\n"
                                   "-- @param credential blob\n-- @read-only\n"
                                   "-- @every 1h\nSELECT 1, 2;"}})),
              HasSubstr("by the cluster alone"));
}

}  // namespace
}  // namespace prytany::app
