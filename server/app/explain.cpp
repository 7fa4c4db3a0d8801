#include "server/app/explain.h"

#include <sqlite3.h>

#include <map>
#include <utility>

#include "server/app/runner.h"
#include "server/base/utf8.h"

namespace prytany::app {
namespace {

constexpr std::size_t sql_shown_max = 4096;
constexpr std::size_t plan_lines_max = 100;
constexpr std::size_t plan_line_bytes_max = 300;

/// Names in SQL are bytes to SQLite; what travels as text is UTF-8.
std::string printable(std::string_view text, std::size_t max) {
  return is_utf8(text) ? clipped(text, max) : "(not UTF-8)";
}

/// Listens while statements run.
class StatementListener {
 public:
  explicit StatementListener(Engine& engine) : engine_(engine) {
    sqlite3_trace_v2(engine_.handle(), SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, heard, this);
  }
  ~StatementListener() { sqlite3_trace_v2(engine_.handle(), 0, nullptr, nullptr); }
  StatementListener(const StatementListener&) = delete;
  StatementListener& operator=(const StatementListener&) = delete;

  /// What was heard, still without plans.
  Explanation take() { return std::move(heard_); }

 private:
  static int heard(unsigned what, void* self, void* statement, void*) {
    auto& listener = *static_cast<StatementListener*>(self);
    auto* const ran = static_cast<sqlite3_stmt*>(statement);
    if (what == SQLITE_TRACE_PROFILE) {
      if (ran == listener.running_) listener.ended();
    } else if (listener.running_ == nullptr &&
               listener.engine_.state().access == Access::application) {
      listener.begun(ran);
    }
    // Else a trigger, or a statement of ours inside: part of the work of the one that runs.
    return 0;
  }

  void begun(sqlite3_stmt* statement) {
    running_ = statement;
    before_ = meter_reading();
    // A kept statement counts these through all of its runs. (Its steps it counts anew each time,
    // and the budget goes by them: those are not ours to touch.)
    for (const int what : {SQLITE_STMTSTATUS_FULLSCAN_STEP, SQLITE_STMTSTATUS_SORT})
      sqlite3_stmt_status(statement, what, 1);
  }

  void ended() {
    sqlite3_stmt* const statement = std::exchange(running_, nullptr);
    if (heard_.statements.size() == explained_statements_max) {
      ++heard_.left_out;
      return;
    }
    const auto counted = [&](int what) {
      return static_cast<std::uint64_t>(sqlite3_stmt_status(statement, what, 0));
    };
    const MeterReading& now = meter_reading();
    ExplainedStatement& explained = heard_.statements.emplace_back();
    explained.sql = sqlite3_sql(statement);
    explained.steps = counted(SQLITE_STMTSTATUS_VM_STEP);
    explained.scanned = counted(SQLITE_STMTSTATUS_FULLSCAN_STEP);
    explained.sorts = counted(SQLITE_STMTSTATUS_SORT);
    explained.pages = now.pages - before_.pages;
    explained.bytes = now.allocated - before_.allocated;
  }

  Engine& engine_;
  sqlite3_stmt* running_ = nullptr;
  MeterReading before_;
  Explanation heard_;
};

/// The gate refuses EXPLAIN to applications, and this is none. Nothing, where SQLite has no plan
/// for a statement any more: it made the table that it would make now.
///
/// What it was prepared for may have changed since, by what came after it: so this, too, has an end
/// (parse_ticks_left), and a plan that is not to be had is none.
std::vector<std::string> plan_of(Engine& engine, const std::string& sql) {
  RequestState& state = engine.state();
  const AccessScope ours(state, Access::ours);
  std::vector<std::string> lines;
  std::map<std::int64_t, std::size_t> depths;
  const std::string question = "EXPLAIN QUERY PLAN " + sql;
  sqlite3_stmt* raw = nullptr;
  const std::optional<Failure> failure = state.failure;
  state.preparing = true;
  int rc = sqlite3_prepare_v2(engine.handle(), question.c_str(), -1, &raw, nullptr);
  state.preparing = false;
  Statement rows(raw);
  if (rc != SQLITE_OK) {
    (void)engine.failure(rc);  // a fault of this machine stops it
    state.failure = failure;
    return lines;
  }
  while ((rc = rows.step()) == SQLITE_ROW) {
    const auto parent = depths.find(rows.integer(1));
    const std::size_t depth = parent == depths.end() ? 0 : parent->second + 1;
    depths[rows.integer(0)] = depth;
    if (lines.size() == plan_lines_max) continue;
    lines.push_back(std::string(2 * depth, ' ') + printable(rows.text(3), plan_line_bytes_max));
  }
  if (rc != SQLITE_DONE) (void)engine.failure(rc);
  return lines;
}

wire::Value integer_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

wire::Row row_of(const ExplainedStatement& statement) {
  std::string plan;
  for (const std::string& line : statement.plan) plan += (plan.empty() ? "" : "\n") + line;
  return {{wire::TextValue{statement.sql}, wire::TextValue{plan}, integer_of(statement.steps),
           integer_of(statement.scanned), integer_of(statement.sorts), integer_of(statement.pages),
           integer_of(statement.bytes)}};
}

}  // namespace

Explanation explain(Engine& engine, const std::function<wire::Outcome()>& run) {
  Transaction transaction(engine);
  StatementListener listener(engine);
  wire::Outcome outcome = run();
  Explanation explanation = listener.take();
  explanation.outcome = std::move(outcome);
  explanation.charged = engine.state().work;
  explanation.budget = engine.state().work_max;
  // Here, since what the call made is still there; and each text once, since procedures repeat
  // theirs.
  std::map<std::string, std::vector<std::string>> plans;
  engine.state().parse_ticks_left = parse_ticks_max;  // for all together
  for (ExplainedStatement& statement : explanation.statements) {
    auto [plan, is_new] = plans.try_emplace(statement.sql);
    if (is_new) plan->second = plan_of(engine, statement.sql);
    statement.plan = plan->second;
    statement.sql = printable(statement.sql, sql_shown_max);
  }
  if (!std::holds_alternative<wire::ErrorReply>(explanation.outcome))
    if (const auto failure = transaction.rehearse()) explanation.outcome = error_reply(*failure);
  return explanation;
}

wire::ResultSets explanation_results(const Explanation& explanation) {
  constexpr std::size_t summary_bytes = 4096;
  wire::ResultSet statements;
  statements.columns.items = {{"sql"},   {"plan"},  {"steps"}, {"scanned"},
                              {"sorts"}, {"pages"}, {"bytes"}};
  ResultRoom room;
  room.bytes -= summary_bytes;
  for (const ExplainedStatement& statement : explanation.statements) {
    wire::Row row = row_of(statement);
    if (!take_row(room, row)) break;
    statements.rows.items.push_back(std::move(row));
  }
  const std::uint64_t untold = explanation.statements.size() - statements.rows.size();
  wire::ResultSet all;
  all.columns.items = {{"charged"}, {"budget"},    {"left_out"}, {"code"},
                       {"message"}, {"procedure"}, {"statement"}};
  wire::Row& row = all.rows.items.emplace_back();
  row.items = {integer_of(explanation.charged), integer_of(explanation.budget),
               integer_of(explanation.left_out + untold)};
  if (const auto* error = std::get_if<wire::ErrorReply>(&explanation.outcome)) {
    for (const std::string& text : {error->code.text, error->message.text, error->procedure.text})
      row.items.emplace_back(wire::TextValue{text});
    row.items.push_back(integer_of(error->statement));
  } else {
    row.items.resize(all.columns.size());
  }
  return {{std::move(statements), std::move(all)}};
}

}  // namespace prytany::app
