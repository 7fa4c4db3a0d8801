// Every workload, as the executor runs it: real SQL, real answers, and checks that can fail.
#include "bench/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <map>

#include "bench/workload_parts.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::bench {
namespace {

using ::testing::HasSubstr;

WorkloadOptions small() {
  WorkloadOptions options;
  options.records = 50;
  return options;
}

/// One replica with the workload on it, and two clients.
class Stage {
 public:
  explicit Stage(const Workload& workload)
      : workload_(workload), admin_(replica_.join(app::test_key(100))) {
    EXPECT_EQ(app::message_of(replica_.ask(admin_, workload.application)), "");
    for (const wire::Operation& operation : workload.setup)
      EXPECT_EQ(app::message_of(replica_.ask(admin_, operation)), "");
    // The application lets them in.
    for (const std::uint8_t number : {std::uint8_t{1}, std::uint8_t{2}})
      clients_.push_back(replica_.join(app::test_key(number)));
  }

  void run(std::uint64_t operations) {
    for (std::uint64_t n = 0; n < operations; ++n) {
      const auto client = static_cast<unsigned>(n % 2);
      const Question question = workload_.next(client, n / 2);
      const Judged judged =
          workload_.judge(question, replica_.ask(clients_[client], question.operation));
      EXPECT_EQ(judged.wrong, "") << workload_.name;
      ++tally_.answered;
      tally_.effect += judged.effect;
    }
  }
  void sql(const std::string& statement) {
    EXPECT_EQ(app::message_of(replica_.sql(admin_, statement)), "") << statement;
  }
  /// What the checks say is wrong.
  std::string complaint() {
    const auto done =
        run_checks(workload_, tally_, [&](const std::string& asked) -> Result<wire::Outcome> {
          return replica_.sql(admin_, asked);
        });
    return done ? "" : done.error().message;
  }
  [[nodiscard]] Tally& tally() { return tally_; }

 private:
  const Workload& workload_;
  app::Replica replica_;
  app::Client admin_;
  std::vector<app::Client> clients_;
  Tally tally_;
};

TEST(Workloads, are_each_answered_as_they_say_and_pass_their_checks) {
  for (const std::string& name : workload_names()) {
    const Workload workload = make_workload(name, small()).value();
    EXPECT_EQ(workload.name, name);
    Stage stage(workload);
    stage.run(name.starts_with("bigresult") ? 4 : 200);
    EXPECT_EQ(stage.complaint(), "");
    EXPECT_EQ(workload.checks.empty(), name.starts_with("null")) << name;
  }
}

/// What a cluster that computes wrong would leave behind, and what finds it.
struct Damage {
  std::string workload;
  std::string sql;
  std::string complaint;
};

TEST(Workloads, fail_their_checks_when_the_database_is_not_what_the_answers_said) {
  const std::vector<Damage> damages = {
      {"insert1", "DELETE FROM entries WHERE id = 3", "rows: 199 instead of 200"},
      {"insert1", "UPDATE entries SET text = 'y' WHERE id = 3", "their text"},
      {"kv256", "UPDATE kv SET writes = writes + 1 WHERE key = (SELECT min(key) FROM kv)", "puts"},
      {"kv256-get", "UPDATE kv SET value = '' WHERE key = '00000007'", "not their key's"},
      {"readmix-50", "UPDATE points SET writes = writes - 1 WHERE id = 1", "writes"},
      {"readmix-100", "DELETE FROM points WHERE id = 1", "rows"},
      {"bigresult-4k", "UPDATE chunks SET text = 'short' WHERE id = 1", "chunks"},
      {"ycsb-a", "UPDATE usertable SET field3 = 'short' WHERE rowid = 5", "100 bytes"},
      {"ycsb-f", "UPDATE usertable SET writes = writes + 1 WHERE rowid = 5", "writes"},
      {"ycsb-b", "DELETE FROM usertable WHERE writes = 0", "records"},
      {"tpcb", "DELETE FROM history WHERE rowid = 2", "history"},
      {"tpcb", "UPDATE accounts SET abalance = abalance + 1 WHERE aid = 7", "accounts"},
      {"tpcb", "UPDATE tellers SET tbalance = tbalance + 1 WHERE tid = 7", "tellers"},
      {"tpcb-10", "UPDATE branches SET bbalance = bbalance + 1 WHERE bid = 7", "branches"},
      {"smallbank", "UPDATE checking SET cents = cents + 1 WHERE id = 7", "cents in the bank"},
      {"smallbank", "UPDATE savings SET cents = -cents WHERE id = 7", "cents in the bank"}};
  for (const Damage& damage : damages) {
    const Workload workload = make_workload(damage.workload, small()).value();
    Stage stage(workload);
    stage.run(200);
    ASSERT_EQ(stage.complaint(), "");
    stage.sql(damage.sql);
    EXPECT_THAT(stage.complaint(), HasSubstr(damage.complaint)) << damage.sql;
  }
}

TEST(Workloads, find_savings_below_nothing_though_the_total_agrees) {
  const Workload workload = make_workload("smallbank", small()).value();
  Stage stage(workload);
  stage.sql("UPDATE savings SET cents = -5 WHERE id = 7");
  stage.sql("UPDATE checking SET cents = 2000005 WHERE id = 7");
  EXPECT_THAT(stage.complaint(), HasSubstr("savings below nothing: 1 instead of 0"));
}

TEST(Workloads, compare_no_counts_when_an_outcome_is_unknown) {
  const Workload workload = make_workload("insert1", small()).value();
  Stage stage(workload);
  stage.run(10);
  stage.sql("DELETE FROM entries WHERE id = 3");
  EXPECT_NE(stage.complaint(), "");
  stage.tally().unknown = 1;
  EXPECT_EQ(stage.complaint(), "");
}

TEST(Workloads, judge_wrong_answers_wrong) {
  const wire::Outcome refused = wire::ErrorReply{{"SQLITE_FULL"}, {"full"}, {}, 0};
  const wire::Outcome nothing = wire::ResultSets{{wire::ResultSet{}}};
  for (const std::string& name : workload_names()) {
    const Workload workload = make_workload(name, small()).value();
    const Question question = workload.next(0, 0);
    EXPECT_NE(workload.judge(question, refused).wrong, "") << name;
    EXPECT_NE(workload.judge(question, nothing).wrong, "") << name;
    EXPECT_NE(workload.judge(question, wire::DoneReply{}).wrong, "") << name;
  }
}

TEST(Workloads, ask_the_same_again_for_the_same_seed_only) {
  for (const std::string& name : workload_names()) {
    const Workload one = make_workload(name, small()).value();
    const Workload same = make_workload(name, small()).value();
    WorkloadOptions other_seed = small();
    other_seed.seed = 2;
    const Workload other = make_workload(name, other_seed).value();
    bool differs = false;
    for (std::uint64_t n = 0; n < 20; ++n) {
      EXPECT_EQ(one.next(3, n).operation, same.next(3, n).operation);
      differs = differs || one.next(3, n).operation != other.next(3, n).operation;
    }
    EXPECT_EQ(differs, !name.starts_with("null") && name != "insert1") << name;
  }
}

TEST(Workloads, ask_in_the_shares_that_they_are_known_by) {
  const auto shares = [](const std::string& name) {
    const Workload workload = make_workload(name, small()).value();
    std::map<std::string, int> asked;
    for (std::uint64_t n = 0; n < 10'000; ++n) {
      const Question question = workload.next(0, n);
      std::string procedure = std::get<wire::Call>(question.operation).procedure.text;
      while (!procedure.empty() && std::isdigit(static_cast<unsigned char>(procedure.back())))
        procedure.pop_back();
      EXPECT_EQ(question.fast_read,
                procedure == "read" || procedure == "point" || procedure == "balance");
      ++asked[procedure];
    }
    return asked;
  };
  EXPECT_NEAR(shares("ycsb-a")["update"], 5000, 200);
  EXPECT_NEAR(shares("ycsb-b")["update"], 500, 80);
  EXPECT_EQ(shares("ycsb-c")["read"], 10'000);
  EXPECT_NEAR(shares("ycsb-f")["modify"], 5000, 200);
  EXPECT_NEAR(shares("readmix-95")["point"], 9500, 80);
  std::map<std::string, int> bank = shares("smallbank");
  EXPECT_EQ(bank.size(), 6U);
  EXPECT_NEAR(bank["send_payment"], 2500, 150);
  EXPECT_NEAR(bank["balance"], 1500, 120);
}

TEST(Workloads, read_through_agreement_when_told_to) {
  WorkloadOptions options = small();
  options.ordered_reads = true;
  for (const char* name : {"ycsb-c", "readmix-100", "kv256-get", "bigresult-4k"})
    EXPECT_FALSE(make_workload(name, options).value().next(0, 0).fast_read) << name;
}

TEST(Workloads, say_which_there_are_and_what_sizes_they_take) {
  EXPECT_THAT(make_workload("nul", small()).error().message, HasSubstr("there are: bigresult-1m"));
  WorkloadOptions huge = small();
  huge.size = 1 << 20;
  EXPECT_THAT(make_workload("null", huge).error().message, HasSubstr("at most"));
  EXPECT_THAT(make_workload("insert1", huge).error().message, HasSubstr("at most"));
  WorkloadOptions none = small();
  none.records = 1;
  EXPECT_THAT(make_workload("ycsb-a", none).error().message, HasSubstr("--records"));
}

}  // namespace
}  // namespace prytany::bench
