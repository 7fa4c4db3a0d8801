#include "server/app/steps.h"

#include <algorithm>

#include "server/app/runner.h"

namespace prytany::app {
namespace {

using Kind = wire::Condition::Kind;

bool asks_about_a_step(Kind kind) { return kind < Kind::negate; }

/// Nothing if `when` is a condition for step `index`.
std::optional<Failure> examine(const std::vector<wire::Condition>& when, std::size_t index) {
  std::size_t values = 0;
  for (const wire::Condition& condition : when) {
    const std::size_t taken = condition.kind == Kind::negate ? 1 : condition.of;
    if (asks_about_a_step(condition.kind)) {
      if (condition.of >= index)
        return Failure{"bad_condition", "it asks about step " + std::to_string(condition.of) +
                                            ", and only steps before it have run; steps are "
                                            "counted from 0"};
    } else if (condition.kind == Kind::negate && condition.of != 0) {
      return Failure{"bad_condition", "'not' is of the one condition before it: its 'of' is 0"};
    } else if (taken == 0 || taken > values) {
      return Failure{"bad_condition",
                     "'not', 'all' and 'any' come after the conditions that they "
                     "are of, and 'of' says how many"};
    } else {
      values -= taken;
    }
    ++values;
  }
  if (values > 1)
    return Failure{"bad_condition", "it is several conditions; join them with 'all' or 'any'"};
  return std::nullopt;
}

bool holds(const wire::Condition& about, const wire::StepResult& result) {
  const auto* set = std::get_if<wire::ResultSet>(&result);
  switch (about.kind) {
    case Kind::ok: return set != nullptr;
    case Kind::error: return std::holds_alternative<wire::ErrorReply>(result);
    case Kind::changed: return set != nullptr && set->changes > 0;
    default: return set != nullptr && !set->rows.empty();
  }
}

/// Requires: examined.
bool holds(const std::vector<wire::Condition>& when, const wire::StepResults& results) {
  std::vector<bool> values;
  for (const wire::Condition& condition : when) {
    if (asks_about_a_step(condition.kind)) {
      values.push_back(holds(condition, results.items[condition.of]));
    } else if (condition.kind == Kind::negate) {
      values.back() = !values.back();
    } else {
      const auto first = values.end() - condition.of;
      const bool value = condition.kind == Kind::all
                             ? std::all_of(first, values.end(), [](bool v) { return v; })
                             : std::any_of(first, values.end(), [](bool v) { return v; });
      values.erase(first, values.end());
      values.push_back(value);
    }
  }
  return values.empty() || values.back();
}

/// SQLite undoes a statement that a constraint, RAISE(ABORT) or ensure() stops, and that statement
/// alone. What is over a budget, too large or a mistake of who wrote it fails the whole request,
/// and so does what ended the transaction itself (ON CONFLICT ROLLBACK).
bool is_its_own(Engine& engine, const Failure& failure) {
  if (sqlite3_get_autocommit(engine.handle()) != 0) return false;
  RequestState& state = engine.state();
  if (!state.failure) return failure.code.starts_with("SQLITE_CONSTRAINT");
  if (!state.ensured) return false;
  state.failure.reset();
  state.ensured = false;
  return true;
}

}  // namespace

wire::Outcome run_transaction(Engine& engine, const wire::Transaction& transaction) {
  for (std::size_t i = 0; i < transaction.steps.size(); ++i)
    if (auto failure = examine(transaction.steps.items[i].when.items, i))
      return error_reply(*failure, {}, i + 1);
  wire::StepResults results;
  ResultRoom room;
  for (const wire::Step& step : transaction.steps) {
    wire::StepResult& result = results.items.emplace_back(wire::SkippedReply{});
    if (!holds(step.when.items, results)) continue;
    const std::size_t told = engine.state().notices.size();
    auto set = run_statement(engine, step.statement, transaction.read_only, room);
    if (set) {
      result = std::move(set).value();
      continue;
    }
    wire::ErrorReply error = error_reply(set.error(), {}, results.size());
    if (!step.may_fail || !is_its_own(engine, set.error())) return error;
    engine.state().take_back(told);
    result = std::move(error);
  }
  return results;
}

}  // namespace prytany::app
