// Foreign keys while a migration rebuilds tables. SQLite enforces them statement by statement: a
// table that others refer to cannot be dropped and made anew then, or takes their rows with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/app/engine.h"

namespace prytany::app {

/// The head of a migration that wants them checked once it has run, and not before.
inline constexpr std::string_view foreign_keys_head = "-- @foreign-keys";

/// Whether a script begins so, among the comments before its first statement; or what is wrong with
/// what it says there.
Result<bool, Failure> wants_foreign_keys_at_end(std::string_view script);

/// While it lives they are not enforced, and neither ON DELETE nor ON UPDATE does anything.
/// Requires: a transaction is open, which owes none.
class ForeignKeysOff {
 public:
  explicit ForeignKeysOff(Engine& engine) : engine_(engine) { enforce(false); }
  ~ForeignKeysOff() { enforce(true); }
  ForeignKeysOff(const ForeignKeysOff&) = delete;
  ForeignKeysOff& operator=(const ForeignKeysOff&) = delete;

 private:
  void enforce(bool yes);

  Engine& engine_;
};

/// Whether the transaction has rows that refer to nothing, by keys that are DEFERRABLE.
bool owes_foreign_keys(Engine& engine);

/// A row that refers to nothing: of the tables in the order of their names, the first. Counted as
/// the request's own work.
std::optional<Failure> check_foreign_keys(Engine& engine);

/// Why `table` had better not be dropped while they are enforced: it has rows, which DROP TABLE
/// deletes first, and so has another table that refers to it.
std::optional<Failure> refuse_drop(Engine& engine, const std::string& table);

}  // namespace prytany::app
