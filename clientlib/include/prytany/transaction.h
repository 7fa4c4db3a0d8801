// Transactions of several statements that depend on each other, in one request:
//
//   using prytany::When;
//   const auto steps = client.transaction({
//       {{"UPDATE account SET balance = balance - ?1 WHERE id = ?2 AND balance >= ?1", {10, 1}}},
//       {{"UPDATE account SET balance = balance + ?1 WHERE id = ?2", {10, 2}}, When::changed(0)},
//       {{"SELECT ensure(false, 'POOR', 'not that much there')"}, !When::changed(0)}});
//
// All of it happens, or nothing: a step that fails undoes all, unless it `may_fail`. BEGIN and
// COMMIT are not needed, and refused: between two requests of one client others' requests run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prytany/value.h>

namespace prytany {

/// A named argument of a procedure or a statement.
struct Named {
  std::string name = {};
  Value value = {};
};
using Arguments = std::vector<Named>;

struct Statement {
  std::string sql = {};                // exactly one statement
  std::vector<Value> positional = {};  // for ?
  Arguments named = {};                // for :name
};

/// Whether a step runs, of what became of steps before it. Steps are counted from 0. Combined with
/// !, && and ||; at most 64 parts.
class When {
 public:
  /// Whatever happened.
  When() = default;
  /// It ran and did not fail.
  static When ok(std::uint16_t step) { return When({Kind::ok, step}); }
  /// It failed, and was allowed to.
  static When error(std::uint16_t step) { return When({Kind::error, step}); }
  /// It ran and changed a row, or more.
  static When changed(std::uint16_t step) { return When({Kind::changed, step}); }
  /// It ran and returned a row, or more.
  static When rows(std::uint16_t step) { return When({Kind::rows, step}); }

  /// Throws Usage for !When(): a step that never runs.
  friend When operator!(When when);
  friend When operator&&(When a, const When& b) { return joined(std::move(a), b, Kind::all); }
  friend When operator||(When a, const When& b) { return joined(std::move(a), b, Kind::any); }

  enum class Kind : std::uint8_t { ok, error, changed, rows, negate, all, any };
  struct Part {
    Kind kind;
    std::uint16_t of;
    bool operator==(const Part&) const = default;
  };
  /// In postfix order, as they travel.
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

 private:
  explicit When(Part part) : parts_{part} {}
  static When joined(When a, const When& b, Kind kind);
  std::vector<Part> parts_;
};

struct Step {
  Statement statement = {};
  When when = {};
  /// A constraint, RAISE or ensure() that says no undoes this step alone, and the others go on.
  bool may_fail = false;
};

/// What became of a step.
struct StepAnswer {
  bool ran = false;       // without failing: `answer` says what it gave
  Answer answer = {};     // its seq, time and agreement also where it did not run
  std::string code = {};  // of the failure it was allowed; empty: none
  std::string message = {};

  [[nodiscard]] bool skipped() const { return !ran && code.empty(); }
};

}  // namespace prytany
