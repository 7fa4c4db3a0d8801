// prytany import: what fields become, and that each row goes in once whatever happens to requests.
// The cluster is an executor in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clientlib/convert.h"
#include "server/cli/import_sender.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// ---- Fields -------------------------------------------------------------------------------------

CsvRecord import_record(const std::vector<std::string>& fields, bool quoted = false) {
  CsvRecord record;
  record.line = 1;
  for (const std::string& text : fields) record.fields.push_back({text, quoted});
  return record;
}

const std::vector<TableColumn> import_columns = {
    {"id", "INTEGER"}, {"share", "double precision"}, {"name", "VARCHAR(20)"}, {"photo", "BLOB"},
    {"born", "DATE"},  {"twice", "INTEGER", true}};

ImportPlan import_plan(const std::vector<std::string>& header,
                       std::optional<std::string> null_text = {}) {
  auto plan = ImportPlan::make("t", import_columns, import_record(header), std::move(null_text));
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return *plan;
}
std::string import_complaint(const ImportPlan& plan, const std::vector<std::string>& fields) {
  const auto values = plan.values(import_record(fields));
  return values ? "" : values.error().message;
}

TEST(ImportRows, columns_are_named_by_the_first_line_in_any_order_and_case) {
  const ImportPlan plan = import_plan({"NAME", "id"});
  EXPECT_EQ(plan.insert_sql(2), R"(INSERT INTO "t"("name","id") VALUES(?,?),(?,?))");
  EXPECT_EQ(plan.rows_per_statement(), 127U);
  const auto refused = [](const std::vector<std::string>& header) {
    const auto made = ImportPlan::make("t", import_columns, import_record(header), std::nullopt);
    return made ? "" : made.error().message;
  };
  EXPECT_THAT(refused({"id", "nmae"}), HasSubstr("no column 'nmae'; it has id, share, name"));
  EXPECT_THAT(refused({"id", "ID"}), HasSubstr("twice"));
  EXPECT_THAT(refused({"twice"}), HasSubstr("computed"));
  EXPECT_EQ(quoted_name("a\"b"), "\"a\"\"b\"");
}

TEST(ImportRows, numbers_must_be_numbers_where_the_column_holds_such) {
  const ImportPlan plan = import_plan({"id", "share"});
  for (const char* good : {"0", "-9223372036854775808", "+7", "1.5", "1e3", ".5"})
    EXPECT_EQ(import_complaint(plan, {good, good}), "") << good;
  for (const char* bad : {"", "x", "1x", " 1", "0x10", "1e999", "inf", "nan", "++1", "-"}) {
    EXPECT_THAT(import_complaint(plan, {bad, "1"}), StartsWith("id: ")) << bad;
    EXPECT_THAT(import_complaint(plan, {"1", bad}), StartsWith("share: ")) << bad;
  }
  EXPECT_THAT(import_complaint(plan, {"9223372036854775808", "1"}), HasSubstr("64 bits"));
  EXPECT_EQ(import_complaint(plan, {"1", "9223372036854775808"}), "");
  EXPECT_THAT(import_complaint(plan, {"", "1"}), HasSubstr("--null ''"));
  EXPECT_THAT(import_complaint(plan, {"1"}), HasSubstr("1 fields, and 2 columns"));
}

TEST(ImportRows, fields_are_null_only_as_the_caller_says_and_without_quotes) {
  const ImportPlan plan = import_plan({"name"}, "NULL");
  EXPECT_THAT(*plan.values(import_record({"NULL"})), ElementsAre(wire::Value()));
  EXPECT_THAT(*plan.values(import_record({"NULL"}, true)),
              ElementsAre(wire::Value(wire::TextValue{"NULL"})));
  EXPECT_THAT(*import_plan({"id"}, "").values(import_record({""})), ElementsAre(wire::Value()));
  EXPECT_THAT(*import_plan({"name"}).values(import_record({""})),
              ElementsAre(wire::Value(wire::TextValue{})));
}

TEST(ImportRows, blobs_are_in_hex_and_texts_are_utf8) {
  const ImportPlan plan = import_plan({"photo", "born"});
  EXPECT_THAT(*plan.values(import_record({"00fF", "2026-01-31"})),
              ElementsAre(wire::Value(wire::BlobValue{{0x00, 0xff}}),
                          wire::Value(wire::TextValue{"2026-01-31"})));
  EXPECT_THAT(import_complaint(plan, {"0", ""}), HasSubstr("photo: '0' is no blob"));
  EXPECT_THAT(import_complaint(plan, {"", "\xff"}), HasSubstr("born: this is not UTF-8"));
  EXPECT_THAT(import_complaint(plan, {"", std::string("a\0b", 3)}), HasSubstr("NUL"));
}

TEST(ImportRows, blank_lines_are_rows_only_where_a_row_has_one_field) {
  EXPECT_FALSE(import_plan({"id", "name"}).is_row(import_record({""})));
  EXPECT_TRUE(import_plan({"name"}).is_row(import_record({""})));
}

// ---- Requests -----------------------------------------------------------------------------------

/// An executor that may lose what it is asked, or do it later.
class ImportSending : public testing::Test {
 protected:
  ImportSending() {
    trial_.join(std::string(trial_admin));
    sql("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT CHECK(name <> 'bad'))");
  }

  ImportAnswers execute(const wire::Execute& execute) {
    client::Completion completion;
    completion.verdict = client::Verdict::answered;
    completion.outcome = trial_.ask(std::string(trial_admin), execute);
    return client::answers_of(completion);
  }
  Answer sql(const std::string& text) {
    wire::Execute execute;
    execute.statements.items.push_back({{text}, {}, {}});
    auto answers = this->execute(execute);
    EXPECT_TRUE(answers.ok()) << text << ": " << answers.error().message;
    return answers.ok() ? answers->back() : Answer{};
  }
  std::int64_t number(const std::string& text) { return sql(text).value<std::int64_t>(); }

  static std::future<ImportAnswers> ready(ImportAnswers answers) {
    std::promise<ImportAnswers> promise;
    promise.set_value(std::move(answers));
    return promise.get_future();
  }
  static bool brings_rows(const wire::Execute& execute) {
    return execute.statements.items.back().sql.text.starts_with("INSERT INTO \"t\"");
  }
  static ErrorInfo lost() {
    return {ErrorKind::outcome_unknown, "outcome_unknown", "nobody answered", {}, 0, true};
  }

  /// As `prytany import` on a file of `rows` rows named n, and `bad` where listed in bad_.
  Result<ImportProgress, Failure> import(std::uint64_t rows, bool skip_refused = false,
                                         const std::string& digest = "d", bool beside = false) {
    std::uint64_t at = 0;
    const auto next = [&]() -> Result<std::optional<ImportRow>, Failure> {
      if (at == rows) return std::optional<ImportRow>();
      ImportRow row;
      row.line = ++at + 1;
      const bool bad = std::ranges::find(bad_, at) != bad_.end();
      row.values = {static_cast<std::int64_t>(at), wire::TextValue{bad ? "bad" : "n"}};
      row.bytes = 20;
      return std::optional(row);
    };
    const ImportPlan plan = import_plan({"id", "name"});
    ImportSender sender(
        plan, {"f.csv", digest, "t", rows, skip_refused},
        [&](wire::Execute execute) { return submit_(std::move(execute)); }, next,
        [](const ImportProgress&) {});
    auto begun = sender.begin(beside);
    if (!begun) return begun;
    began_at_ = begun->rows;
    auto done = sender.run();
    if (done) refused_ = *sender.refused_rows(10);
    return done;
  }

  Trial trial_;
  std::function<std::future<ImportAnswers>(wire::Execute)> submit_ = [this](wire::Execute e) {
    return ready(execute(e));
  };
  std::vector<std::uint64_t> bad_;
  std::uint64_t began_at_ = 0;
  std::vector<std::string> refused_;
};

TEST_F(ImportSending, sends_thousands_of_rows_with_one_request_and_nothing_the_second_time) {
  unsigned requests = 0;
  submit_ = [&](wire::Execute e) {
    ++requests;
    return ready(execute(e));
  };
  ASSERT_TRUE(import(20'000).ok());
  EXPECT_EQ(number("SELECT count(*) FROM t"), 20'000);
  EXPECT_EQ(number("SELECT sum(id) FROM t"), 20'000LL * 20'001 / 2);
  EXPECT_LT(requests, 10U);
  const auto again = import(20'000);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(began_at_, 20'000U);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 20'000);
}

TEST_F(ImportSending, goes_on_where_the_state_stopped_whether_or_not_the_lost_request_ran) {
  for (const bool ran : {true, false}) {
    unsigned requests = 0;
    submit_ = [&](wire::Execute e) {
      if (++requests != 4) return ready(execute(e));
      if (ran) (void)execute(e);
      return ready(ImportAnswers(lost()));
    };
    sql("DELETE FROM t");
    const std::string digest = ran ? "ran" : "did not";
    const auto stopped = import(100'000, false, digest);
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().exit, ExitCode::outcome_unknown);
    EXPECT_THAT(stopped.error().message, HasSubstr("run the same command again"));
    const auto done = import(100'000, false, digest);
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_GT(began_at_, 0U);
    EXPECT_LT(began_at_, 100'000U);
    EXPECT_EQ(number("SELECT count(*) FROM t"), 100'000);
  }
}

TEST_F(ImportSending, keeps_the_files_order_when_requests_overtake_each_other) {
  // Each second request of rows is executed only after the one behind it.
  std::optional<std::pair<wire::Execute, std::promise<ImportAnswers>>> held;
  unsigned swaps = 0;
  submit_ = [&](wire::Execute e) {
    const bool rows = brings_rows(e);
    if (rows && !held && swaps < 3) {
      held.emplace(std::move(e), std::promise<ImportAnswers>());
      return held->second.get_future();
    }
    auto answer = ready(execute(e));
    if (held) {
      held->second.set_value(execute(held->first));
      held.reset();
      ++swaps;
    }
    return answer;
  };
  const auto done = import(100'000);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(swaps, 3U);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 100'000);
}

TEST_F(ImportSending, finds_the_row_that_is_refused_and_stops_behind_those_before_it) {
  bad_ = {7'777};
  const auto stopped = import(10'000);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, "SQLITE_CONSTRAINT_CHECK");
  EXPECT_THAT(stopped.error().message, StartsWith("f.csv:7778: "));
  EXPECT_EQ(number("SELECT max(id) FROM t"), 7'776);
  EXPECT_EQ(number("SELECT rows FROM import_progress"), 7'776);
}

TEST_F(ImportSending, passes_refused_rows_over_when_told_to_and_remembers_them) {
  bad_ = {1, 2, 5'000, 10'000};
  const auto done = import(10'000, true);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done->refused, 4U);
  EXPECT_EQ(done->rows, 10'000U);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 9'996);
  ASSERT_EQ(refused_.size(), 4U);
  EXPECT_THAT(refused_[2], StartsWith("5001: CHECK constraint failed"));
  EXPECT_THAT(refused_[2], HasSubstr("(SQLITE_CONSTRAINT_CHECK)"));
  ASSERT_TRUE(import(10'000, true).ok());
  EXPECT_EQ(number("SELECT count(*) FROM import_refused"), 4);
}

TEST_F(ImportSending, sends_fewer_rows_when_a_request_takes_too_long) {
  // Each row makes a table of ten thousand be gone through: a thousand of them exceed the budget.
  sql("CREATE TABLE other(n)");
  sql("WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c WHERE n < 10000) "
      "INSERT INTO other SELECT n FROM c");
  sql("CREATE TRIGGER slow AFTER INSERT ON t BEGIN SELECT sum(n) FROM other; END");
  const auto done = import(3'000);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(number("SELECT count(*) FROM t"), 3'000);
}

TEST_F(ImportSending, refuses_a_second_file_while_the_first_is_unfinished) {
  bad_ = {100};
  ASSERT_FALSE(import(200).ok());
  const auto other = import(200, false, "mended");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, "import_unfinished");
  bad_.clear();
  sql("DELETE FROM t");
  EXPECT_TRUE(import(200, false, "mended", true).ok()) << "beside";
}

TEST_F(ImportSending, stops_when_the_progress_is_not_its_own) {
  submit_ = [&](wire::Execute e) {
    const bool rows = brings_rows(e);
    if (rows) sql("UPDATE import_progress SET rows = 3 WHERE rows = 0");
    auto answer = ready(execute(e));
    if (rows) sql("UPDATE import_progress SET rows = 0");
    return answer;
  };
  const auto stopped = import(200);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, "import_moved");
  EXPECT_EQ(number("SELECT count(*) FROM t"), 0);
}

}  // namespace
}  // namespace prytany::cli
