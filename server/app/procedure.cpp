#include "server/app/procedure.h"

#include <algorithm>

#include "server/app/sandbox.h"
#include "server/base/utf8.h"

namespace prytany::app {
namespace {

constexpr std::size_t statements_max = 256;

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

/// Whether a column's name is the text of a call of ensure().
bool is_ensure(std::string_view name) {
  constexpr std::string_view word = "ensure";
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
                                                       const ProcedureSource& source) {
  Procedure procedure(source);
  for (const Parameter& parameter : source.parameters) procedure.names_.push_back(parameter.name);
  std::string_view rest = source.body;
  while (!is_blank(rest)) {
    const std::size_t number = procedure.steps_.size() + 1;
    if (number > statements_max)
      return error_reply({"too_many_statements", "a procedure has at most 256 statements"},
                         source.name, number);
    const std::string word = first_word(rest);
    if (word == "PRAGMA")
      return error_reply({"refused_pragma", "procedures may not use PRAGMA"}, source.name, number);
    engine.state().schema_touched = false;
    auto statement = engine.prepare(rest, &rest);
    const bool ddl = engine.state().schema_touched;
    engine.state().schema_touched = false;
    if (!statement) return error_reply(statement.error(), source.name, number);
    if (ddl)
      return error_reply({"refused_schema_change",
                          "procedures may not change the schema: that is what schema/ is for"},
                         source.name, number);
    if (!*statement) continue;
    if (auto failure = procedure.add(std::move(statement).value()))
      return error_reply(*failure, source.name, number);
  }
  if (procedure.steps_.empty())
    return error_reply({"empty_procedure", "there is no statement"}, source.name);
  procedure.variables_.resize(procedure.names_.size());
  return procedure;
}

std::optional<Failure> Procedure::add(Statement statement) {
  Step step;
  step.statement = std::move(statement);
  if (source_->read_only && !step.statement.read_only())
    return Failure{"not_read_only", "the procedure says @read-only, this statement writes"};
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
  if (auto failure = classify(step)) return failure;
  steps_.push_back(std::move(step));
  return std::nullopt;
}

std::optional<Failure> Procedure::classify(Step& step) {
  const int columns = step.statement.column_count();
  if (columns == 0) return std::nullopt;
  int checks = 0;
  int assignments = 0;
  for (int i = 0; i < columns; ++i) {
    const std::string_view name = column_name(step.statement, i);
    if (is_ensure(name)) ++checks;
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

wire::Outcome Procedure::run(Engine& engine, const std::vector<wire::Argument>& arguments) {
  if (auto failure = take_arguments(arguments)) return error_reply(*failure, source_->name);
  wire::ResultSet result;
  std::int64_t changes = 0;
  std::size_t number = 0;
  for (Step& step : steps_) {
    ++number;
    const Rewind rewind(step.statement);
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      step.statement.bind(static_cast<int>(i) + 1, variables_[step.inputs[i]]);
    if (step.kind == Kind::assign) {
      const std::int64_t before = sqlite3_total_changes64(engine.handle());
      if (auto failure = run_assignment(engine, step))
        return error_reply(*failure, source_->name, number);
      if (sqlite3_total_changes64(engine.handle()) != before)
        changes += sqlite3_changes64(engine.handle());
      continue;
    }
    ResultRoom room;  // only the last result travels
    auto set = app::run(engine, step.statement, room);
    if (!set) return error_reply(set.error(), source_->name, number);
    changes += set->changes;
    if (step.kind == Kind::rows) result = std::move(set).value();
  }
  result.changes = changes;
  result.last_insert_rowid = sqlite3_last_insert_rowid(engine.handle());
  return wire::ResultSets{{std::move(result)}};
}

}  // namespace prytany::app
