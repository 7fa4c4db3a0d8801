// A procedure, ready to run on one handle: its statements prepared, its parameters checked, its
// values passed from statement to statement.
#pragma once

#include <string>
#include <vector>

#include "server/app/bundle.h"
#include "server/app/engine.h"
#include "server/app/runner.h"

namespace prytany::app {

class Procedure {
 public:
  /// `source` outlives it. Prepares every statement: what cannot be prepared, changes the schema,
  /// writes although read-only, or uses a value that nothing gives, is refused with the statement's
  /// number.
  static Result<Procedure, wire::ErrorReply> prepare(Engine& engine, const ProcedureSource& source);

  /// Requires: a transaction is open. One result: the rows of the last statement that returns any
  /// (checks and assignments do not count), the rows changed in all, the last row inserted.
  wire::Outcome run(Engine& engine, const std::vector<wire::Argument>& arguments);

 private:
  enum class Kind : std::uint8_t {
    plain,   // returns no rows
    rows,    // returns rows: the last of these is the result
    check,   // SELECT ensure(...): rows mean nothing
    assign,  // every column is AS ":name": one row, whose values later statements use
  };
  struct Step {
    Statement statement;
    Kind kind = Kind::plain;
    std::vector<std::size_t> inputs;   // variable of parameter i + 1
    std::vector<std::size_t> outputs;  // variable of column i
  };
  explicit Procedure(const ProcedureSource& source) : source_(&source) {}

  std::optional<Failure> add(Statement statement);
  std::optional<Failure> classify(Step& step);
  std::optional<Failure> take_arguments(const std::vector<wire::Argument>& arguments);
  std::optional<Failure> run_assignment(Engine& engine, Step& step);
  [[nodiscard]] std::optional<std::size_t> variable(std::string_view name) const;

  const ProcedureSource* source_;
  std::vector<Step> steps_;
  std::vector<std::string> names_;  // of variables: the parameters, then what statements assign
  std::vector<wire::Value> variables_;
};

}  // namespace prytany::app
