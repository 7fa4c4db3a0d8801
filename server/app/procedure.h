// A procedure, ready to run on one handle: its statements prepared, its parameters checked, its
// values passed from statement to statement, and to the procedures that it calls.
#pragma once

#include <string>
#include <vector>

#include "server/app/bundle.h"
#include "server/app/call_statement.h"
#include "server/app/engine.h"
#include "server/app/runner.h"

namespace prytany::app {

class Procedures;

class Procedure {
 public:
  /// `source` outlives it, and so do `others`, which it may call. Prepares every statement: what
  /// cannot be prepared, changes the schema, writes although read-only, or uses a value that
  /// nothing gives, is refused with the statement's number.
  static Result<Procedure, wire::ErrorReply> prepare(Engine& engine, const ProcedureSource& source,
                                                     Procedures& others);

  /// Requires: a transaction is open. One result: the rows of the last statement that returns any
  /// (checks and assignments do not count), the rows changed in all, the last row inserted.
  wire::Outcome run(Engine& engine, const std::vector<wire::Argument>& arguments);

 private:
  enum class Kind : std::uint8_t {
    plain,   // returns no rows
    rows,    // returns rows: the last of these is the result
    check,   // SELECT ensure(...) or notify(...): rows mean nothing
    assign,  // every column is AS ":name": one row, whose values later statements use
  };
  struct Step {
    Statement statement;  // of a call the SELECT of its arguments, nothing if it has none
    Kind kind = Kind::plain;
    std::vector<std::size_t> inputs;   // variable of parameter i + 1
    std::vector<std::size_t> outputs;  // variable of column i
    Procedure* callee = nullptr;       // of a call
    std::vector<std::string> names;    // of its arguments
  };
  /// What a run comes to.
  struct Done {
    wire::ResultSet result;
    std::int64_t changes = 0;
  };
  explicit Procedure(const ProcedureSource& source) : source_(&source) {}

  std::optional<wire::ErrorReply> add_next(Engine& engine, std::string_view& rest,
                                           Procedures& others);
  std::optional<Failure> add(Statement statement);
  Result<Step, wire::ErrorReply> prepare_call(Engine& engine, const CallStatement& call,
                                              Procedures& others);
  [[nodiscard]] std::optional<Failure> refuse_call(const CallStatement& call,
                                                   const Procedure& callee) const;
  std::optional<Failure> read_inputs(Step& step) const;
  std::optional<Failure> classify(Step& step);
  std::optional<Failure> take_arguments(const std::vector<wire::Argument>& arguments);
  /// `room` is what the caller, if it is another procedure, leaves for the result.
  Result<Done, wire::ErrorReply> run_steps(Engine& engine, ResultRoom room, bool called);
  Result<Done, wire::ErrorReply> run_step(Engine& engine, Step& step, ResultRoom room,
                                          std::size_t number);
  std::optional<Failure> run_assignment(Engine& engine, Step& step);
  Result<Done, wire::ErrorReply> run_call(Engine& engine, Step& step, const ResultRoom& room,
                                          std::size_t number);
  Result<std::vector<wire::Argument>, Failure> compute_arguments(Engine& engine, Step& step);
  std::optional<Failure> assign(const Step& step, const wire::ResultSet& result);
  void bind(Step& step);
  [[nodiscard]] std::optional<std::size_t> variable(std::string_view name) const;

  const ProcedureSource* source_;
  std::vector<Step> steps_;
  std::vector<std::string> names_;  // of variables: the parameters, then what statements assign
  std::vector<wire::Value> variables_;
  std::optional<int> columns_;  // of the result, if any statement returns rows
  std::size_t height_ = 1;      // how deep calls go, this one counted
};

}  // namespace prytany::app
