#include "server/app/procedure.h"

#include <algorithm>

#include "server/app/notify.h"
#include "server/app/procedures.h"
#include "server/app/sandbox.h"
#include "server/base/utf8.h"

namespace prytany::app {
namespace {

constexpr std::size_t statements_max = 256;

/// What each statement of a procedure costs that another one calls, besides the steps that it
/// takes: few calls of calls could otherwise run a great many small statements for nothing.
constexpr std::uint64_t steps_per_called_statement = 100;

const char* type_name(ParameterType type) {
  switch (type) {
    case ParameterType::integer: return "integer";
    case ParameterType::real: return "real";
    case ParameterType::text: return "text";
    case ParameterType::blob: return "blob";
    case ParameterType::any: return "any";
  }
  return "any";
}

bool is_null(const wire::Value& value) { return std::holds_alternative<std::monostate>(value); }

/// The value as the parameter's type; nothing if it is of another.
std::optional<wire::Value> converted(const wire::Value& value, ParameterType type) {
  switch (type) {
    case ParameterType::integer:
      if (!std::holds_alternative<std::int64_t>(value)) return std::nullopt;
      return value;
    case ParameterType::real:
      if (const auto* integer = std::get_if<std::int64_t>(&value))
        return wire::Value(static_cast<double>(*integer));
      if (!std::holds_alternative<double>(value)) return std::nullopt;
      return value;
    case ParameterType::text: {
      const auto* text = std::get_if<wire::TextValue>(&value);
      if (text == nullptr || !is_utf8(text->text)) return std::nullopt;
      return value;
    }
    case ParameterType::blob:
      if (!std::holds_alternative<wire::BlobValue>(value)) return std::nullopt;
      return value;
    case ParameterType::any: return value;
  }
  return std::nullopt;
}

/// A procedure's own budget while it runs, with those that it calls.
class BudgetScope {
 public:
  BudgetScope(RequestState& state, std::uint64_t steps)
      : state_(state), max_before_(state.work_max), from_before_(state.work_from) {
    const bool tighter =
        steps != 0 && state.work < state.work_max && steps < state.work_max - state.work;
    if (!tighter) return;
    state.work_from = state.work;
    state.work_max = state.work + steps;
  }
  ~BudgetScope() {
    state_.work_max = max_before_;
    state_.work_from = from_before_;
  }
  BudgetScope(const BudgetScope&) = delete;
  BudgetScope& operator=(const BudgetScope&) = delete;

 private:
  RequestState& state_;
  std::uint64_t max_before_;
  std::uint64_t from_before_;
};

std::size_t length_of(const wire::Value& value) {
  if (const auto* text = std::get_if<wire::TextValue>(&value)) return text->text.size();
  if (const auto* blob = std::get_if<wire::BlobValue>(&value)) return blob->bytes.size();
  return 0;
}

Result<wire::Value, Failure> checked(const Parameter& parameter, const wire::Value& value) {
  const std::string name = ":" + parameter.name;
  if (is_null(value)) {
    if (parameter.optional) return value;
    return Failure{"missing_parameter", name + " must not be NULL"};
  }
  auto good = converted(value, parameter.type);
  if (!good) return Failure{"wrong_type", name + " must be " + type_name(parameter.type)};
  if (parameter.bytes_max != 0 && length_of(*good) > parameter.bytes_max)
    return Failure{"value_too_long",
                   name + " has more than " + std::to_string(parameter.bytes_max) + " bytes"};
  return *std::move(good);
}

/// Whether a column's name is the text of a call of `word`().
bool is_call_of(std::string_view word, std::string_view name) {
  if (name.size() <= word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if ((name[i] | 0x20) != word[i]) return false;
  const std::size_t open = name.find_first_not_of(" \t\r\n", word.size());
  return open != std::string_view::npos && name[open] == '(';
}

/// ":word", as against the text of an expression that begins with a parameter.
bool is_value_name(std::string_view name) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return name.size() > 1 && name[0] == ':' &&
         name.find_first_not_of(letters, 1) == std::string_view::npos;
}

std::string_view column_name(const Statement& statement, int column) {
  const char* name = sqlite3_column_name(statement.get(), column);
  return name == nullptr ? std::string_view{} : name;
}

}  // namespace

std::optional<std::size_t> Procedure::variable(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

Result<Procedure, wire::ErrorReply> Procedure::prepare(Engine& engine,
                                                       const ProcedureSource& source,
                                                       Procedures& others) {
  Procedure procedure(source);
  for (const Parameter& parameter : source.parameters) procedure.names_.push_back(parameter.name);
  std::string_view rest = source.body;
  while (!is_blank(rest))
    if (auto error = procedure.add_next(engine, rest, others)) return *error;
  if (procedure.steps_.empty())
    return error_reply({"empty_procedure", "there is no statement"}, source.name);
  procedure.variables_.resize(procedure.names_.size());
  return procedure;
}

std::optional<wire::ErrorReply> Procedure::add_next(Engine& engine, std::string_view& rest,
                                                    Procedures& others) {
  const std::size_t number = steps_.size() + 1;
  const auto blame = [&](const Failure& failure) {
    return error_reply(failure, source_->name, number);
  };
  if (number > statements_max)
    return blame({"too_many_statements", "a procedure has at most 256 statements"});
  const std::string word = first_word(rest);
  if (word == "PRAGMA") return blame({"refused_pragma", "procedures may not use PRAGMA"});
  if (word == "CALL") {
    const auto call = read_call(rest, &rest);
    if (!call) return blame(call.error());
    auto step = prepare_call(engine, *call, others);
    if (!step) return step.error();
    steps_.push_back(std::move(step).value());
    return std::nullopt;
  }
  engine.state().schema_touched = false;
  auto statement = engine.prepare(rest, &rest);
  const bool ddl = engine.state().schema_touched;
  engine.state().schema_touched = false;
  if (!statement) return blame(statement.error());
  if (ddl)
    return blame({"refused_schema_change",
                  "procedures may not change the schema: that is what schema/ is for"});
  if (!*statement) return std::nullopt;
  if (auto failure = add(std::move(statement).value())) return blame(*failure);
  return std::nullopt;
}

std::optional<Failure> Procedure::add(Statement statement) {
  Step step;
  step.statement = std::move(statement);
  if (source_->read_only && !step.statement.read_only())
    return Failure{"not_read_only", "the procedure says @read-only, this statement writes"};
  if (auto failure = read_inputs(step)) return failure;
  if (auto failure = classify(step)) return failure;
  if (step.kind == Kind::rows) columns_ = step.statement.column_count();
  steps_.push_back(std::move(step));
  return std::nullopt;
}

std::optional<Failure> Procedure::read_inputs(Step& step) const {
  const int inputs = sqlite3_bind_parameter_count(step.statement.get());
  for (int i = 1; i <= inputs; ++i) {
    const char* name = sqlite3_bind_parameter_name(step.statement.get(), i);
    if (name == nullptr || name[0] != ':')
      return Failure{"wrong_parameters", "parameters are written :name"};
    const auto found = variable(name + 1);
    if (!found)
      return Failure{"wrong_parameters", std::string(name) +
                                             " is neither a @param nor assigned by a statement "
                                             "before this one"};
    step.inputs.push_back(*found);
  }
  return std::nullopt;
}

// ---- calls of other procedures: prepared --------------------------------------------------------

std::optional<Failure> Procedure::refuse_call(const CallStatement& call,
                                              const Procedure& callee) const {
  const ProcedureSource& called = *callee.source_;
  if (source_->read_only && !called.read_only)
    return Failure{"not_read_only",
                   "the procedure says @read-only, and " + called.name + " does not"};
  if (callee.height_ >= call_depth_max) return Failure{"calls_too_deep", calls_too_deep};
  const auto& given = call.arguments;
  for (const CallStatement::Argument& argument : given)
    if (std::ranges::find(called.parameters, argument.name, &Parameter::name) ==
        called.parameters.end())
      return Failure{"unknown_parameter",
                     called.name + " has no parameter '" + clipped(argument.name, 100) + "'"};
  for (const Parameter& parameter : called.parameters)
    if (!parameter.optional &&
        std::ranges::find(given, parameter.name, &CallStatement::Argument::name) == given.end())
      return Failure{"missing_parameter", called.name + " needs " + parameter.name + " => ..."};
  const auto columns = static_cast<std::size_t>(callee.columns_.value_or(0));
  if (!call.into.empty() && call.into.size() != columns)
    return Failure{"wrong_parameters", called.name + " returns " + std::to_string(columns) +
                                           " columns, and INTO names " +
                                           std::to_string(call.into.size()) + " values"};
  return std::nullopt;
}

Result<Procedure::Step, wire::ErrorReply> Procedure::prepare_call(Engine& engine,
                                                                  const CallStatement& call,
                                                                  Procedures& others) {
  const auto blame = [&](const Failure& failure) {
    return error_reply(failure, source_->name, steps_.size() + 1);
  };
  if (auto failure = others.refuse_call(call.procedure)) return blame(*failure);
  const auto callee = others.find(engine, call.procedure);
  if (!callee) return callee.error();
  if (auto failure = refuse_call(call, **callee)) return blame(*failure);
  Step step;
  step.callee = *callee;
  height_ = std::max(height_, step.callee->height_ + 1);
  if (!call.arguments.empty()) {
    std::string_view rest;
    auto statement = engine.prepare(select_of(call), &rest);
    if (!statement) return blame(statement.error());
    step.statement = std::move(statement).value();
    if (auto failure = read_inputs(step)) return blame(*failure);
    for (const CallStatement::Argument& argument : call.arguments)
      step.names.push_back(argument.name);
  }
  if (!call.into.empty()) {
    step.kind = Kind::assign;
  } else if (step.callee->columns_) {
    step.kind = Kind::rows;
    columns_ = step.callee->columns_;
  }
  for (const std::string& name : call.into) {
    if (variable(name)) return blame({"wrong_parameters", ":" + name + " has a value already"});
    step.outputs.push_back(names_.size());
    names_.push_back(name);
  }
  return step;
}

std::optional<Failure> Procedure::classify(Step& step) {
  const int columns = step.statement.column_count();
  if (columns == 0) return std::nullopt;
  int checks = 0;
  int assignments = 0;
  for (int i = 0; i < columns; ++i) {
    const std::string_view name = column_name(step.statement, i);
    if (is_call_of("ensure", name) || is_call_of(notify_name, name)) ++checks;
    if (!is_value_name(name)) continue;
    const auto known = variable(name.substr(1));
    // SELECT :a names its column ":a" as well. Values are assigned once, so this is no assignment.
    const bool is_input =
        known && std::find(step.inputs.begin(), step.inputs.end(), *known) != step.inputs.end();
    if (is_input) continue;
    if (known) return Failure{"wrong_parameters", std::string(name) + " has a value already"};
    ++assignments;
  }
  step.kind = checks == columns ? Kind::check : Kind::rows;
  if (assignments == 0) return std::nullopt;
  if (assignments != columns)
    return Failure{"wrong_parameters",
                   "a statement assigns all of its columns AS \":name\", or none"};
  step.kind = Kind::assign;
  for (int i = 0; i < columns; ++i) {
    const std::string_view name = column_name(step.statement, i).substr(1);
    if (variable(name))
      return Failure{"wrong_parameters", ":" + std::string(name) + " is assigned twice"};
    step.outputs.push_back(names_.size());
    names_.emplace_back(name);
  }
  return std::nullopt;
}

std::optional<Failure> Procedure::take_arguments(const std::vector<wire::Argument>& arguments) {
  std::fill(variables_.begin(), variables_.end(), wire::Value{});
  std::vector<bool> given(source_->parameters.size(), false);
  for (const wire::Argument& argument : arguments) {
    const auto found =
        std::find_if(source_->parameters.begin(), source_->parameters.end(),
                     [&](const Parameter& p) { return p.name == argument.name.text; });
    if (found == source_->parameters.end())
      return Failure{"unknown_parameter",
                     "there is no parameter '" + clipped(argument.name.text, 100) + "'"};
    const auto index = static_cast<std::size_t>(found - source_->parameters.begin());
    if (given[index]) return Failure{"unknown_parameter", ":" + found->name + " was given twice"};
    given[index] = true;
    auto value = checked(*found, argument.value);
    if (!value) return value.error();
    variables_[index] = std::move(value).value();
  }
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!given[i] && !source_->parameters[i].optional)
      return Failure{"missing_parameter", ":" + source_->parameters[i].name + " was not given"};
  return std::nullopt;
}

std::optional<Failure> Procedure::run_assignment(Engine& engine, Step& step) {
  const AccessScope scope(engine.state(), Access::application);
  std::vector<wire::Value> values(step.outputs.size());
  bool found = false;
  for (;;) {
    const int rc = step.statement.step();
    if (rc == SQLITE_DONE) break;
    if (rc != SQLITE_ROW) return engine.failure(rc);
    if (found)
      return Failure{"many_rows", "a statement that assigns values must return one row at most"};
    found = true;
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = any_column_value(step.statement, static_cast<int>(i));
  }
  if (!engine.state().settle(0)) return engine.state().failure;
  // No row gives NULLs, which ensure() can speak about.
  for (std::size_t i = 0; i < values.size(); ++i)
    variables_[step.outputs[i]] = std::move(values[i]);
  return std::nullopt;
}

void Procedure::bind(Step& step) {
  for (std::size_t i = 0; i < step.inputs.size(); ++i)
    step.statement.bind(static_cast<int>(i) + 1, variables_[step.inputs[i]]);
}

wire::Outcome Procedure::run(Engine& engine, const std::vector<wire::Argument>& arguments) {
  if (auto failure = take_arguments(arguments)) return error_reply(*failure, source_->name);
  auto done = run_steps(engine, {}, false);
  if (!done) return done.error();
  done->result.changes = done->changes;
  done->result.last_insert_rowid = sqlite3_last_insert_rowid(engine.handle());
  return wire::ResultSets{{std::move(done->result)}};
}

Result<Procedure::Done, wire::ErrorReply> Procedure::run_steps(Engine& engine, ResultRoom room,
                                                               bool called) {
  const BudgetScope budget(engine.state(), source_->limits.steps);
  room.tighten(source_->limits.rows, source_->limits.bytes);
  Done all;
  std::size_t number = 0;
  for (Step& step : steps_) {
    ++number;
    if (called && !engine.state().spend(steps_per_called_statement))
      return error_reply(*engine.state().failure, source_->name, number);
    auto done = step.callee == nullptr ? run_step(engine, step, room, number)
                                       : run_call(engine, step, room, number);
    if (!done) return done.error();
    all.changes += done->changes;
    if (step.kind == Kind::rows) all.result = std::move(done->result);
  }
  return all;
}

Result<Procedure::Done, wire::ErrorReply> Procedure::run_step(Engine& engine, Step& step,
                                                              ResultRoom room, std::size_t number) {
  const Rewind rewind(step.statement);
  bind(step);
  Done done;
  if (step.kind == Kind::assign) {
    const std::int64_t before = sqlite3_total_changes64(engine.handle());
    if (auto failure = run_assignment(engine, step))
      return error_reply(*failure, source_->name, number);
    if (sqlite3_total_changes64(engine.handle()) != before)
      done.changes = sqlite3_changes64(engine.handle());
    return done;
  }
  // Only the last result travels, so each has all the room.
  auto set = app::run(engine, step.statement, room);
  if (!set) return error_reply(set.error(), source_->name, number);
  done.changes = set->changes;
  done.result = std::move(set).value();
  return done;
}

// ---- calls of other procedures: run -------------------------------------------------------------

Result<std::vector<wire::Argument>, Failure> Procedure::compute_arguments(Engine& engine,
                                                                          Step& step) {
  std::vector<wire::Argument> arguments;
  if (!step.statement) return arguments;
  const Rewind rewind(step.statement);
  bind(step);
  const AccessScope scope(engine.state(), Access::application);
  const int rc = step.statement.step();
  if (rc != SQLITE_ROW) return engine.failure(rc);
  for (std::size_t i = 0; i < step.names.size(); ++i)
    arguments.push_back({{step.names[i]}, any_column_value(step.statement, static_cast<int>(i))});
  if (!engine.state().settle(0)) return *engine.state().failure;
  return arguments;
}

std::optional<Failure> Procedure::assign(const Step& step, const wire::ResultSet& result) {
  if (result.rows.size() > 1)
    return Failure{"many_rows", step.callee->source_->name +
                                    " returned more than one row, where INTO takes one at most"};
  // No row gives NULLs, as with AS ":name".
  for (std::size_t i = 0; i < step.outputs.size(); ++i)
    variables_[step.outputs[i]] =
        result.rows.empty() ? wire::Value{} : result.rows.items[0].items.at(i);
  return std::nullopt;
}

/// Its own role does not matter: whoever may call this procedure is let in by its author.
Result<Procedure::Done, wire::ErrorReply> Procedure::run_call(Engine& engine, Step& step,
                                                              const ResultRoom& room,
                                                              std::size_t number) {
  const auto blame = [&](const Failure& failure) {
    return error_reply(failure, source_->name, number);
  };
  const auto arguments = compute_arguments(engine, step);
  if (!arguments) return blame(arguments.error());
  Procedure& callee = *step.callee;
  if (auto failure = callee.take_arguments(*arguments))
    return blame({failure->code, callee.source_->name + ": " + failure->message});
  // What is only looked at here does not travel.
  auto done = callee.run_steps(engine, step.kind == Kind::rows ? room : ResultRoom{}, true);
  if (!done) return done.error();
  if (step.kind == Kind::assign)
    if (auto failure = assign(step, done->result)) return blame(*failure);
  return done;
}

}  // namespace prytany::app
