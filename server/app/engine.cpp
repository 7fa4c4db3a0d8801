#include "server/app/engine.h"

#include "server/app/fault.h"
#include "server/app/foreign_keys.h"
#include "server/app/functions.h"
#include "server/app/sandbox.h"
#include "server/app/tables.h"
#include "server/base/ensure.h"

namespace prytany::app {
namespace {

/// Kept statements per handle. Past it all are forgotten: simple, and the same everywhere.
constexpr std::size_t kept_max = 512;

Failure does_not_fit(Fit fit) {
  if (fit == Fit::schema_too_large)
    return {"schema_too_large", "the schema has more than " + std::to_string(chained_max) +
                                    " triggers and foreign keys, or its triggers, written out with "
                                    "the views that they name, have more than " +
                                    std::to_string(expanded_words_max) + " words"};
  return {"statement_too_large",
          "written out with the views and common table expressions that it names, it has more "
          "than " +
              std::to_string(expanded_words_max) + " words, or is more than " +
              std::to_string(expanded_depth_max) + " names deep"};
}

}  // namespace

Engine::Engine(vfs::PageStore& store, std::uint64_t application_pages_max, Application* application)
    : store_(store), application_pages_max_(application_pages_max), application_(application) {}

Engine::~Engine() { close(); }

void Engine::close() {
  if (!is_open()) return;
  kept_.clear();
  ours_.clear();
  begin_ = {};
  commit_ = {};
  if (application_ != nullptr) application_->closing(handle());
  const bool all_finalized = sqlite3_next_stmt(handle(), nullptr) == nullptr;
  ENSURE(all_finalized);  // else the application's closing() has forgotten one
  database_.reset();
}

void Engine::open() {
  close();
  // Opening happens outside any request: time and randomness stand still.
  const vfs::AgreedScope scope(opening_source_);
  auto opened = vfs::open_database(store_);
  if (!opened) stop_on_fault(opened.error().message);
  database_ = std::move(opened).value();
  state_ = RequestState{};
  install_sandbox(handle(), state_);
  preload_schema();
  if (application_ != nullptr) {
    const AccessScope theirs(state_, Access::application);
    state_.work_max = ~std::uint64_t{0};
    application_->opened(handle());
  }
  limit_pages(true);
}

void Engine::quiet() {
  sqlite3_stmt* statement = nullptr;
  while ((statement = sqlite3_next_stmt(handle(), statement)) != nullptr)
    if (sqlite3_stmt_busy(statement) != 0) sqlite3_reset(statement);
}

void Engine::preload_schema() {
  // Loading the schema takes VM steps, which must not count for the request that happens to come
  // first.
  run_ours("SELECT 1 FROM sqlite_schema LIMIT 1");
  Statement& objects =
      ours("SELECT name, sql, type FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger')");
  const Rewind rewind(objects);
  names_.clear();
  while (step_ours(objects)) {
    if (is_reserved(objects.text(0))) continue;
    const bool is_trigger = objects.text(2) == "trigger";
    if (is_trigger) names_.add_trigger(objects.text(0), objects.text(1));
    if (!is_trigger) names_.add(objects.text(0), objects.text(1), objects.text(2) == "view");
  }
  names_.measure();
}

Statement& Engine::ours(const char* sql) {
  Statement& statement = ours_[sql];
  if (!statement) statement = prepare_ours(sql);
  return statement;
}

Statement Engine::prepare_ours(const char* sql) {
  const AccessScope scope(state_, Access::ours);
  sqlite3_stmt* raw = nullptr;
  const int rc = sqlite3_prepare_v3(handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (rc != SQLITE_OK) stop_on_fault(std::string(sqlite3_errmsg(handle())) + " in: " + sql);
  return Statement(raw);
}

bool Engine::step_ours(Statement& statement) {
  const AccessScope scope(state_, Access::ours);
  const int rc = statement.step();
  if (rc != SQLITE_ROW && rc != SQLITE_DONE)
    stop_on_fault(std::string(sqlite3_errmsg(handle())) + " in: " + sqlite3_sql(statement.get()));
  return rc == SQLITE_ROW;
}

void Engine::run_ours(const char* sql) {
  Statement& statement = ours(sql);
  const Rewind rewind(statement);
  while (step_ours(statement)) {
  }
}

Result<Statement, Failure> Engine::prepare(std::string_view sql, std::string_view* rest) {
  if (auto refused = refuse_statement(sql)) return *refused;
  if (const Fit fit = names_.fit(sql); fit != Fit::fits) return does_not_fit(fit);
  const AccessScope scope(state_, Access::application);
  // Kept statements are not prepared again, so preparing is not counted; but the choice of a plan
  // is, for each run (server/app/runner.h).
  const MeterScope unmetered(false);
  state_.parse_ticks_left = parse_ticks_max;
  state_.preparing = true;
  state_.index_created.clear();
  state_.notifies = false;
  state_.alters = false;
  state_.drops.clear();
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int rc = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  state_.preparing = false;
  if (rc != SQLITE_OK) {
    (void)state_.spend_planning(planning());
    if (too_much_to_plan())
      state_.fail("statement_too_large",
                  "choosing how to run it would take too long: it joins too many tables, or has "
                  "too many terms that an index may serve; make several statements of it");
    if (const auto missing = missing_function(sqlite3_errmsg(handle())))
      state_.fail("refused_function", refused_function_message(*missing));
    return failure(rc);
  }
  const std::size_t end =
      tail == nullptr ? sql.size() : static_cast<std::size_t>(tail - sql.data());
  *rest = sql.substr(end);
  // Without what follows it: a script of many statements would be kept once for each.
  if (state_.schema_touched) names_.note(sql.substr(0, end));
  return Statement(raw, state_.notifies, planning());
}

Result<Statement*, Failure> Engine::prepare_kept(std::string_view sql) {
  if (const auto found = kept_.find(sql); found != kept_.end()) return &found->second;
  if (sql.find('\0') != std::string_view::npos)
    return Failure{"malformed_sql", "the statement holds a NUL character"};
  std::string_view rest;
  auto prepared = prepare(sql, &rest);
  if (!prepared) return prepared.error();
  if (!*prepared) return Failure{"malformed_sql", "there is no statement, only comments"};
  if (!is_blank(rest))
    return Failure{"malformed_sql",
                   "more than one statement in one string; send a list of statements"};
  if (kept_.size() >= kept_max) kept_.clear();
  return &kept_.emplace(sql, std::move(prepared).value()).first->second;
}

void Engine::limit_pages(bool application) {
  // Never below the present size, which SQLite sees to. Applications stop at their limit; what we
  // write is bounded by the configuration (sessions, replies, one application).
  constexpr std::uint64_t pages_max = 0xfffffffe;
  static const char* const unlimited = "PRAGMA max_page_count = 4294967294";
  if (application_pages_max_ == 0 || application_pages_max_ >= pages_max || !application)
    return run_ours(unlimited);
  if (limit_sql_.empty())
    limit_sql_ = "PRAGMA max_page_count = " + std::to_string(application_pages_max_);
  run_ours(limit_sql_.c_str());
}

std::optional<Failure> Engine::check_schema() {
  // A schema that cannot be read back would stop every replica at the next opening, for good: read
  // it back now. (SQLite does this while preparing the PRAGMA, so the statement cannot be kept.)
  sqlite3_stmt* raw = nullptr;
  int rc = sqlite3_prepare_v2(handle(), "PRAGMA writable_schema = RESET", -1, &raw, nullptr);
  sqlite3_finalize(raw);
  Failure unreadable{"schema_unreadable",
                     "SQLite could not read the schema back after this change"};
  if (rc != SQLITE_OK) return unreadable;
  rc = sqlite3_prepare_v2(handle(), find_reserved_sql, -1, &raw, nullptr);
  Statement statement(raw);
  if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_ERROR) return unreadable;
  if (rc != SQLITE_OK) return failure(rc);
  if (step_ours(statement))
    return Failure{"refused_reserved", "'" + clipped(statement.text(0), 200) +
                                           "' takes or refers to a name that begins with "
                                           "prytany_, which belongs to the cluster"};
  return std::nullopt;
}

Transaction::Transaction(Engine& engine) : engine_(engine) {
  Statement& begin = engine_.begin();
  const Rewind rewind(begin);
  ENSURE(!engine_.step_ours(begin));
}

/// What SQLite would not say when it commits.
std::optional<Failure> Transaction::refuse_commit() {
  // OR ROLLBACK and RAISE(ROLLBACK) ended it already; whoever ran that saw the error, except in a
  // C++ application.
  if (sqlite3_get_autocommit(engine_.handle()) != 0)
    return Failure{"SQLITE_ABORT_ROLLBACK", "the transaction was rolled back"};
  return engine_.state_.schema_touched ? engine_.check_schema() : std::nullopt;
}

std::optional<Failure> Transaction::rehearse() {
  ENSURE(open_);
  const AccessScope scope(engine_.state_, Access::ours);
  auto failure = refuse_commit();
  if (!failure && owes_foreign_keys(engine_))
    failure = Failure{"SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed"};
  finish();
  return failure;
}

std::optional<Failure> Transaction::commit() {
  ENSURE(open_);
  const AccessScope scope(engine_.state_, Access::ours);
  if (auto failure = refuse_commit()) {
    finish();
    return failure;
  }
  Statement& statement = engine_.commit();
  int rc = 0;
  {
    const Rewind rewind(statement);
    rc = statement.step();
    if (rc != SQLITE_DONE) {
      Failure failure = engine_.failure(rc);
      sqlite3_reset(statement.get());
      finish();
      return failure;
    }
  }
  finish();
  return std::nullopt;
}

Transaction::~Transaction() {
  if (open_) finish();
}

void Transaction::finish() {
  open_ = false;
  const AccessScope scope(engine_.state_, Access::ours);
  if (sqlite3_get_autocommit(engine_.handle()) == 0) engine_.run_ours("ROLLBACK");
  if (!engine_.state_.schema_touched) return;
  engine_.state_.schema_touched = false;
  engine_.forget_kept();
  engine_.preload_schema();
}

}  // namespace prytany::app
