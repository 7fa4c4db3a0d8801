#include "server/cli/import_sender.h"

#include <algorithm>

#include "server/cli/client_access.h"
#include "server/wire/limits.h"

namespace prytany::cli {
namespace {

constexpr std::size_t outstanding_max = 8;
// A fifth of what a request may have: others' requests should fit into a batch beside it.
constexpr std::size_t chunk_bytes_max = 200 << 10;
/// Besides those that insert: progress, and the check that it was ours to make.
constexpr std::size_t other_statements = 2;
constexpr std::uint64_t insert_statements = limits::statements_per_request_max - other_statements;
/// Requests seldom overtake each other; somebody else's progress looks the same.
constexpr unsigned stalls_max = 20;

constexpr const char* progress_table =
    "CREATE TABLE IF NOT EXISTS import_progress(file TEXT, table_name TEXT, rows INTEGER NOT NULL, "
    "total INTEGER NOT NULL, refused INTEGER NOT NULL, PRIMARY KEY(file, table_name)) "
    "WITHOUT ROWID";
constexpr const char* refused_table =
    "CREATE TABLE IF NOT EXISTS import_refused(file TEXT, table_name TEXT, line INTEGER, code "
    "TEXT, "
    "message TEXT, PRIMARY KEY(file, table_name, line)) WITHOUT ROWID";
constexpr const char* check_unfinished =
    "SELECT ensure(NOT EXISTS (SELECT 1 FROM import_progress WHERE table_name = ?1 "
    "AND file <> ?2 AND rows < total), 'import_unfinished', 'another file was begun and is not "
    "finished: go on with that one first, so that nothing comes twice, or say --beside')";
constexpr const char* begin_progress =
    "INSERT OR IGNORE INTO import_progress(file, table_name, rows, total, refused) "
    "VALUES(?1, ?2, 0, ?3, 0)";
constexpr const char* read_progress =
    "SELECT rows, refused FROM import_progress WHERE file = ?1 AND table_name = ?2";
constexpr const char* advance_sql =
    "UPDATE import_progress SET rows = ?1, refused = refused + ?2 "
    "WHERE file = ?3 AND table_name = ?4 AND rows = ?5";
constexpr const char* check_advanced =
    "SELECT ensure(changes() = 1, 'import_moved', 'the import is elsewhere in its file')";
constexpr const char* note_refused =
    "INSERT OR REPLACE INTO import_refused(file, table_name, line, code, message) "
    "VALUES(?1, ?2, ?3, ?4, ?5)";
constexpr const char* read_refused =
    "SELECT line, message, code FROM import_refused WHERE file = ?1 AND table_name = ?2 "
    "ORDER BY line LIMIT ?3";

wire::Value text_value(const std::string& text) { return wire::TextValue{text}; }
wire::Value number_value(std::uint64_t number) { return static_cast<std::int64_t>(number); }

wire::Statement import_statement(const char* sql, std::vector<wire::Value> values) {
  wire::Statement out;
  out.sql.text = sql;
  out.positional.items = std::move(values);
  return out;
}

bool is_budget(const ErrorInfo& error) {
  return error.code == "budget_exceeded" || error.code == "memory_exceeded";
}

/// Whether it is a row that was refused, and not the whole request: a constraint, of the table or
/// of the transaction's end, or what a trigger's ensure() says.
bool is_of_a_row(const ErrorInfo& error) {
  if (error.code.starts_with("SQLITE_CONSTRAINT")) return true;
  return error.statement > other_statements &&
         (error.code == "SQLITE_MISMATCH" || !error.code.starts_with("SQLITE_"));
}

Failure with_hint(Failure failure) {
  if (failure.exit == ExitCode::no_quorum || failure.exit == ExitCode::outcome_unknown)
    failure.message +=
        "; run the same command again: it goes on after the rows that are in, and no row comes "
        "twice";
  return failure;
}

}  // namespace

ImportSender::ImportSender(const ImportPlan& plan, ImportJob job, Submit submit, NextRow next_row,
                           Tell tell)
    : plan_(plan),
      job_(std::move(job)),
      submit_(std::move(submit)),
      next_row_(std::move(next_row)),
      tell_(std::move(tell)),
      rows_max_(plan.rows_per_statement() * insert_statements) {}

Result<ImportProgress, Failure> ImportSender::begin(bool beside) {
  wire::Execute execute;
  auto& statements = execute.statements.items;
  statements.push_back(import_statement(progress_table, {}));
  statements.push_back(import_statement(refused_table, {}));
  if (!beside)
    statements.push_back(
        import_statement(check_unfinished, {text_value(job_.table), text_value(job_.digest)}));
  statements.push_back(import_statement(
      begin_progress, {text_value(job_.digest), text_value(job_.table), number_value(job_.total)}));
  const auto answers = ask(std::move(execute));
  if (!answers.ok()) return with_hint(failure_of(answers.error()));
  if (const Status looked = look(); !looked) return looked.error();
  return progress_;
}

Result<ImportProgress, Failure> ImportSender::run() {
  sent_ = progress_.rows;
  if (const Status dropped = drop_to(sent_); !dropped) return dropped.error();
  while (progress_.rows < job_.total) {
    if (const Status filled = fill(); !filled) return filled.error();
    if (const Status settled = settle(); !settled) return settled.error();
    tell_(progress_);
  }
  return progress_;
}

/// What the cluster says about this import.
Status ImportSender::look() {
  wire::Execute execute;
  execute.read_only = true;
  execute.statements.items.push_back(
      import_statement(read_progress, {text_value(job_.digest), text_value(job_.table)}));
  auto answers = ask(std::move(execute));
  if (!answers.ok()) return with_hint(failure_of(answers.error()));
  const std::vector<Row>& found = answers->at(0).rows;
  const auto number = [&](std::size_t column) -> const std::int64_t* {
    return found.size() == 1 ? std::get_if<std::int64_t>(&found[0].at(column).storage()) : nullptr;
  };
  if (number(0) == nullptr || number(1) == nullptr || *number(0) < 0)
    return Failure{ExitCode::failed, "import_forgotten",
                   "import_progress tells nothing of this file any more: somebody changed it"};
  progress_ = {static_cast<std::uint64_t>(*number(0)), static_cast<std::uint64_t>(*number(1))};
  return {};
}

/// Reads until the window has this row.
Status ImportSender::need(std::uint64_t index) {
  while (window_begin_ + window_.size() <= index) {
    auto next = next_row_();
    if (!next) return next.error();
    if (!*next) return usage_failure(job_.path + " has become shorter while it was read");
    window_.push_back(std::move(**next));
  }
  return {};
}

/// Forgets the rows before this one.
Status ImportSender::drop_to(std::uint64_t index) {
  while (window_begin_ < index) {
    if (const Status there = need(window_begin_); !there) return there;
    window_.pop_front();
    ++window_begin_;
  }
  return {};
}

std::uint64_t ImportSender::rows_wanted() const {
  if (sent_ >= suspect_end_) return rows_max_;
  return std::clamp<std::uint64_t>((suspect_end_ - sent_) / 2, 1, rows_max_);
}

std::size_t ImportSender::depth() const { return sent_ < suspect_end_ ? 1 : outstanding_max; }

wire::Statement ImportSender::advance(std::uint64_t from, std::uint64_t to, bool refused) const {
  return import_statement(advance_sql,
                          {number_value(to), number_value(refused ? 1 : 0), text_value(job_.digest),
                           text_value(job_.table), number_value(from)});
}

wire::Execute ImportSender::request(const Chunk& chunk) const {
  wire::Execute execute;
  auto& statements = execute.statements.items;
  statements.push_back(advance(chunk.from, chunk.to, false));
  statements.push_back(import_statement(check_advanced, {}));
  for (std::uint64_t at = chunk.from; at < chunk.to;) {
    const std::uint64_t rows = std::min<std::uint64_t>(plan_.rows_per_statement(), chunk.to - at);
    wire::Statement& insert = statements.emplace_back();
    insert.sql.text = plan_.insert_sql(static_cast<std::size_t>(rows));
    for (const std::uint64_t end = at + rows; at < end; ++at) {
      const auto& values = row(at).values;
      insert.positional.items.insert(insert.positional.items.end(), values.begin(), values.end());
    }
  }
  return execute;
}

Status ImportSender::fill() {
  while (outstanding_.size() < depth() && sent_ < job_.total) {
    Chunk chunk;
    chunk.from = chunk.to = sent_;
    std::size_t bytes = 0;
    const std::uint64_t end = std::min(job_.total, sent_ + rows_wanted());
    for (; chunk.to < end; ++chunk.to) {
      if (const Status there = need(chunk.to); !there) return there;
      bytes += row(chunk.to).bytes;
      if (bytes > chunk_bytes_max && chunk.to > chunk.from) break;
    }
    chunk.answers = submit_(request(chunk));
    sent_ = chunk.to;
    outstanding_.push_back(std::move(chunk));
  }
  return {};
}

Status ImportSender::settle() {
  Chunk chunk = std::move(outstanding_.front());
  outstanding_.pop_front();
  const ImportAnswers answers = chunk.answers.get();
  if (!answers.ok()) return recover(chunk, answers.error());
  stalls_ = 0;
  progress_.rows = chunk.to;
  return drop_to(chunk.to);
}

/// The requests behind a refused one find the import elsewhere and change nothing, so all there is
/// to do is to ask where it is, and to go on from there.
Status ImportSender::recover(const Chunk& chunk, const ErrorInfo& error) {
  for (const Chunk& other : outstanding_) other.answers.wait();
  outstanding_.clear();
  if (error.kind != ErrorKind::application) return with_hint(failure_of(error));
  const std::uint64_t before = progress_.rows;
  if (const Status looked = look(); !looked) return looked;
  stalls_ = progress_.rows > before ? 0 : stalls_ + 1;
  if (progress_.rows < window_begin_ || stalls_ > stalls_max)
    return Failure{ExitCode::failed, "import_moved",
                   "import_progress was changed by somebody else; run this command again, alone"};
  if (const Status dropped = drop_to(progress_.rows); !dropped) return dropped;
  sent_ = progress_.rows;
  if (error.code == "import_moved" || progress_.rows != chunk.from) return {};
  return narrow(chunk, error);
}

/// Which of the rows is it? Halving finds it; those before it go in on the way.
Status ImportSender::narrow(const Chunk& chunk, const ErrorInfo& error) {
  const std::uint64_t rows = chunk.to - chunk.from;
  if (!is_of_a_row(error)) {
    Failure why = failure_of(error);
    why.message = place(chunk.from) + ": " + why.message + "; " + std::to_string(progress_.rows) +
                  " rows are in, and the same command goes on after them";
    return why;
  }
  stalls_ = 0;
  if (rows == 1) return pass_over(error);
  if (is_budget(error)) {
    rows_max_ = rows / 2;
  } else {
    suspect_end_ = chunk.to;
  }
  return {};
}

Status ImportSender::pass_over(const ErrorInfo& error) {
  const std::uint64_t at = progress_.rows;
  if (!job_.skip_refused) {
    Failure why = failure_of(error);
    why.message = place(at) + ": " + why.message + " (the " + std::to_string(at) +
                  " rows before it are in; --skip-refused notes such rows and passes them over)";
    return why;
  }
  wire::Execute execute;
  auto& statements = execute.statements.items;
  statements.push_back(advance(at, at + 1, true));
  statements.push_back(import_statement(check_advanced, {}));
  statements.push_back(import_statement(
      note_refused, {text_value(job_.digest), text_value(job_.table), number_value(row(at).line),
                     text_value(error.code), text_value(error.message)}));
  const ImportAnswers answers = ask(std::move(execute));
  if (!answers.ok()) return with_hint(failure_of(answers.error()));
  suspect_end_ = 0;
  sent_ = at + 1;
  ++progress_.rows;
  ++progress_.refused;
  return drop_to(progress_.rows);
}

Result<std::vector<std::string>, Failure> ImportSender::refused_rows(std::size_t most) {
  wire::Execute execute;
  execute.read_only = true;
  execute.statements.items.push_back(import_statement(
      read_refused, {text_value(job_.digest), text_value(job_.table), number_value(most)}));
  auto answers = ask(std::move(execute));
  if (!answers.ok()) return failure_of(answers.error());
  std::vector<std::string> lines;
  for (const Row& row : answers->at(0).rows)
    lines.push_back(display(row.at(0)) + ": " + display(row.at(1)) + " (" + display(row.at(2)) +
                    ")");
  return lines;
}

}  // namespace prytany::cli
