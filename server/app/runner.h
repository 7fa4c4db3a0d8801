// Runs prepared statements for a request: parameters in, rows out, everything bounded.
#pragma once

#include <vector>

#include "server/app/engine.h"
#include "server/wire/operations.h"
#include "server/wire/values.h"

namespace prytany::app {

/// What one request may still answer.
struct ResultRoom {
  std::size_t rows = limits::rows_max;
  std::size_t bytes =
      limits::result_bytes_max - 4096;  // canonical bytes; the rest is for the envelope
  // What a refusal speaks of.
  std::size_t rows_max = limits::rows_max;
  std::size_t bytes_max = limits::result_bytes_max;

  /// At most so much; 0: as before.
  void tighten(std::uint64_t rows_at_most, std::uint64_t bytes_at_most);
};

/// Binds `values` to parameters 1, 2, 3 ..., exactly as many as there are.
std::optional<Failure> bind_positional(Statement& statement,
                                       const std::vector<wire::Value>& values);
/// Binds by name: argument "id" is parameter :id, @id or $id. Each parameter once, nothing left
/// over.
std::optional<Failure> bind_named(Statement& statement, const std::vector<wire::Argument>& values);

/// Steps a bound statement to its end in the sandbox. Rows are kept if `rows` says so, else only
/// counted against the room. The caller rewinds the statement.
Result<wire::ResultSet, Failure> run(Engine& engine, Statement& statement, ResultRoom& room);

/// The names of the columns, if there are any.
std::optional<Failure> name_columns(const Statement& statement, ResultRoom& room,
                                    wire::ResultSet& set);
/// The current row.
Result<wire::Row, Failure> read_row(const Statement& statement, ResultRoom& room);
/// There is room for this row, too; and what is said if there is none.
bool take_row(ResultRoom& room, const wire::Row& row);
Failure too_large(const ResultRoom& room);
/// One column of the current row, whatever it is.
wire::Value any_column_value(const Statement& statement, int column);
/// One column of the current row; refused if it cannot travel (text that is not UTF-8).
Result<wire::Value, Failure> column_value(const Statement& statement, int column);

/// Ad-hoc SQL: prepares, binds and runs one statement in the transaction that is open.
Result<wire::ResultSet, Failure> run_statement(Engine& engine, const wire::Statement& wanted,
                                               bool read_only, ResultRoom& room);
/// All statements, in order.
wire::Outcome run_execute(Engine& engine, const wire::Execute& execute);

/// A failure as a client sees it. `statement` counts from 1; 0 when none is to blame.
wire::ErrorReply error_reply(const Failure& failure, std::string_view procedure = {},
                             std::size_t statement = 0);

}  // namespace prytany::app
