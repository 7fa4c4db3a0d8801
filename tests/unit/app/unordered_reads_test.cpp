// What is not ordered leaves no trace: a replica that answered public reads executes what is
// ordered exactly as one that did not, also where a request just fits its budget.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

wire::Install application() {
  const auto file = [](const char* path, const char* content) {
    return wire::ApplicationFile{{path}, {to_bytes(as_bytes(content))}};
  };
  wire::Install install;
  install.files.items = {
      file("procedures/extract.sql",
           "-- @public\n-- @read-only\n-- @param path text\n"
           "SELECT json_extract('{}', :path) AS x;"),
      file("procedures/work.sql",
           "-- @param m integer\n-- @roles member\n"
           "INSERT INTO zz VALUES(:m);\n"
           "SELECT printf('%1000d', 1) AS a, printf('%1000d', 2) AS b, printf('%1000d', 3) AS c,\n"
           "       printf('%1000d', 4) AS d, length(randomblob(:m)) AS r;"),
      file("prytany.json", R"({"name": "budget", "version": "1", "limits": {"steps": 200000},
                               "roles": {"member": {"authorize": "anyone"}}})"),
      file("schema/001_zz.sql", "CREATE TABLE zz(m);"),
  };
  return install;
}

struct Reads : testing::Test {
  static constexpr auto never_a_checkpoint = [](ExecutorConfig& config) {
    config.checkpoint_interval = 1'000'000;
  };
  Reads() {
    for (Side* side : {&quiet, &asked}) {
      Client admin = side->replica.join(test_key(100));
      EXPECT_EQ(code_of(side->replica.ask(admin, application())), "");
      side->member = side->replica.join(test_key(5));
    }
  }
  struct Side {
    Replica replica{nullptr, {}, never_a_checkpoint};
    Client member{test_key(5), {}, 1};
  };

  wire::Outcome work(Side& side, std::int64_t m) {
    return side.replica.call(side.member, "work", {argument("m", integer(m))});
  }
  void ask(const std::string& path) {
    (void)asked.replica.executor().public_read({{"extract"}, {{argument("path", text(path))}}});
  }

  Side quiet;
  Side asked;
};

TEST_F(Reads, do_not_move_the_limit_of_what_is_ordered) {
  // Where the budget ends, found on both alike.
  std::int64_t fits = 1;
  std::int64_t exceeds = 4'000'000;
  while (exceeds - fits > 1) {
    const std::int64_t middle = fits + (exceeds - fits) / 2;
    const wire::Outcome outcome = work(quiet, middle);
    ASSERT_EQ(outcome, work(asked, middle));
    (code_of(outcome).empty() ? fits : exceeds) = middle;
  }
  ASSERT_GT(fits, 1);
  ASSERT_LT(exceeds, 4'000'000);
  // Errors whose long texts a handle keeps, results, and errors before execution.
  ask("$[" + std::string(900, 'x'));
  ask("$.a");
  ask(std::string(40, '$'));
  for (std::int64_t m = fits - 200; m < fits + 200; ++m)
    ASSERT_EQ(work(quiet, m), work(asked, m)) << m;
}

std::string session_read(Replica& replica, const Client& who, const wire::Operation& operation) {
  const auto outcome =
      replica.executor().session_read(who.session, who.key.public_key(), wire::encode(operation));
  return outcome ? rows_of(*outcome) : "nothing";
}

wire::Operation reading(const std::string& sql) {
  wire::Execute execute = execute_of(sql);
  execute.read_only = true;
  return execute;
}

TEST_F(Reads, of_a_session_see_what_is_executed_and_who_asks) {
  Client admin = quiet.replica.join(test_key(100));
  EXPECT_EQ(session_read(quiet.replica, admin, reading("SELECT count(*), session_role() FROM zz")),
            "0|admin");
  EXPECT_EQ(code_of(work(quiet, 1)), "");
  EXPECT_EQ(session_read(quiet.replica, admin, reading("SELECT count(*), session_role() FROM zz")),
            "1|admin");
  EXPECT_EQ(session_read(quiet.replica, quiet.member,
                         wire::Call{{"extract"}, {{argument("path", text("$"))}}}),
            "{}");
}

TEST_F(Reads, of_a_session_leave_no_trace_in_the_state) {
  Client admin = quiet.replica.join(test_key(100));
  const Client same = asked.replica.join(test_key(100));
  EXPECT_EQ(session_read(asked.replica, same, reading("SELECT count(*), random() IS NULL FROM zz")),
            "0|0");
  EXPECT_EQ(work(quiet, 1), work(asked, 1));
  EXPECT_EQ(session_read(asked.replica, asked.member,
                         wire::Call{{"extract"}, {{argument("path", text("$"))}}}),
            "{}");
  EXPECT_EQ(session_read(asked.replica, same, reading("INSERT INTO zz VALUES(1)")).substr(0, 5),
            "error");
  Executor& one = quiet.replica.executor();
  Executor& other = asked.replica.executor();
  EXPECT_EQ(one.checkpoint(one.executed()), other.checkpoint(other.executed()));
}

TEST_F(Reads, of_a_session_that_would_write_are_answered_so_and_write_nothing) {
  Client admin = quiet.replica.join(test_key(100));
  const auto begins = [](const std::string& answer, const std::string& code) {
    return answer.starts_with("error " + code);
  };
  EXPECT_TRUE(begins(session_read(quiet.replica, quiet.member,
                                  wire::Call{{"work"}, {{argument("m", integer(1))}}}),
                     "not_read_only"));
  EXPECT_TRUE(begins(session_read(quiet.replica, admin, execute_of("SELECT 1")), "not_read_only"));
  EXPECT_TRUE(begins(session_read(quiet.replica, admin, reading("INSERT INTO zz VALUES(1)")),
                     "not_read_only"));
  EXPECT_TRUE(
      begins(session_read(quiet.replica, quiet.member, reading("SELECT 1")), "not_allowed"));
  EXPECT_TRUE(begins(session_read(quiet.replica, admin, wire::Leave{}), "not_read_only"));
  EXPECT_EQ(session_read(quiet.replica, admin, reading("SELECT count(*) FROM zz")), "0");
}

TEST_F(Reads, of_a_session_are_left_to_ordering_where_one_replica_cannot_tell) {
  Client admin = quiet.replica.join(test_key(100));
  Client stranger = admin;
  stranger.key = test_key(101);
  EXPECT_EQ(session_read(quiet.replica, stranger, reading("SELECT 1")), "nothing");
  Client gone = admin;
  gone.session = SessionId{12345};
  EXPECT_EQ(session_read(quiet.replica, gone, reading("SELECT 1")), "nothing");
  EXPECT_EQ(session_read(quiet.replica, admin,
                         reading("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                 "WHERE i < 100000000) SELECT max(i) FROM n")),
            "nothing");
}

}  // namespace
}  // namespace prytany::app
