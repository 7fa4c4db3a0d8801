// RAII over sqlite3, and the one place where SQLite's result codes become either a Failure (the
// request's, equal on every replica) or a fault (this machine's: the process stops).
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string_view>

#include "server/app/request_state.h"
#include "server/base/result.h"
#include "server/wire/values.h"

namespace prytany::app {

/// What a failed step or preparation means. `state.failure`, where set, says it better than SQLite
/// does. Codes are SQLite's extended names ("SQLITE_CONSTRAINT_UNIQUE"); the text is SQLite's own,
/// which is equal everywhere because the engine is pinned. Does not return for IOERR, CORRUPT
/// and the like, nor for NOMEM where the machine has refused memory.
Failure failure_of(sqlite3* db, int rc, const RequestState& state);

/// At most `max` bytes of `text`, cut between characters.
std::string clipped(std::string_view text, std::size_t max);

/// A prepared statement. Move-only; finalized at the end.
class Statement {
 public:
  Statement() = default;
  /// `notifies`: it calls notify(), which SQLite takes for reading.
  /// `planning`: what choosing its plan took (server/app/meter.h).
  explicit Statement(sqlite3_stmt* statement, bool notifies = false, std::uint64_t planning = 0)
      : statement_(statement), notifies_(notifies), planning_(planning) {}

  [[nodiscard]] sqlite3_stmt* get() const { return statement_.get(); }
  explicit operator bool() const { return statement_ != nullptr; }
  [[nodiscard]] bool read_only() const { return !notifies_ && sqlite3_stmt_readonly(get()) != 0; }
  [[nodiscard]] std::uint64_t planning() const { return planning_; }
  [[nodiscard]] int column_count() const { return sqlite3_column_count(get()); }

  // Indexes of parameters and columns are SQLite's: parameters from 1, columns from 0. Bound text
  // and blobs must outlive the run.
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, ByteView blob);
  void bind_null(int index);
  void bind(int index, const wire::Value& value);

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;  // valid until the next step
  [[nodiscard]] ByteView blob(int column) const;          // likewise
  [[nodiscard]] bool is_null(int column) const;

  /// SQLITE_ROW, SQLITE_DONE or an error code.
  [[nodiscard]] int step() { return sqlite3_step(get()); }
  /// Ready to run again: bindings forgotten, and VM steps counted from zero, because the progress
  /// handler fires by the statement's own cumulative count.
  void reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  bool notifies_ = false;
  std::uint64_t planning_ = 0;
};

/// Rewinds a statement when the scope ends, whatever happened in it.
class Rewind {
 public:
  explicit Rewind(Statement& statement) : statement_(statement) {}
  ~Rewind() { statement_.reset(); }
  Rewind(const Rewind&) = delete;
  Rewind& operator=(const Rewind&) = delete;

 private:
  Statement& statement_;
};

}  // namespace prytany::app
