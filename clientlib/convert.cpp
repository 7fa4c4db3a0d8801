#include "clientlib/convert.h"

#include <algorithm>

namespace prytany {

const char* Value::type_name() const {
  static constexpr const char* names[] = {"null", "integer", "real", "text", "blob"};
  return names[storage_.index()];
}

When operator!(When when) {
  if (when.parts_.empty()) throw Usage("a step that never runs: leave it out");
  when.parts_.push_back({When::Kind::negate, 0});
  return when;
}

When When::joined(When a, const When& b, Kind kind) {
  // "Always" is true.
  if (a.parts_.empty()) return kind == Kind::all ? b : a;
  if (b.parts_.empty()) return kind == Kind::all ? a : b;
  a.parts_.insert(a.parts_.end(), b.parts_.begin(), b.parts_.end());
  a.parts_.push_back({kind, 2});
  return a;
}

void throw_error(ErrorInfo info) {
  switch (info.kind) {
    case ErrorKind::application: throw ApplicationError(std::move(info));
    case ErrorKind::no_quorum: throw NoQuorum(std::move(info));
    case ErrorKind::outcome_unknown: throw OutcomeUnknown(std::move(info));
    case ErrorKind::refused: throw Refused(std::move(info));
    case ErrorKind::usage: break;
  }
  throw Usage(std::move(info));
}

}  // namespace prytany

namespace prytany::client {
namespace {

struct ToWire {
  wire::Value operator()(std::monostate) const { return std::monostate{}; }
  wire::Value operator()(std::int64_t integer) const { return integer; }
  wire::Value operator()(double real) const { return real; }
  wire::Value operator()(const std::string& text) const { return wire::TextValue{text}; }
  wire::Value operator()(const Blob& blob) const {
    wire::BlobValue value;
    value.bytes.reserve(blob.size());
    for (const std::byte byte : blob) value.bytes.push_back(std::to_integer<std::uint8_t>(byte));
    return value;
  }
};

struct FromWire {
  Value operator()(std::monostate) const { return {}; }
  Value operator()(std::int64_t integer) const { return integer; }
  Value operator()(double real) const { return real; }
  Value operator()(const wire::TextValue& text) const { return text.text; }
  Value operator()(const wire::BlobValue& blob) const {
    Blob bytes;
    bytes.reserve(blob.bytes.size());
    for (const std::uint8_t byte : blob.bytes) bytes.push_back(std::byte{byte});
    return bytes;
  }
};

std::vector<unsigned> ids(const std::vector<ReplicaId>& replicas) {
  std::vector<unsigned> out;
  out.reserve(replicas.size());
  for (const ReplicaId replica : replicas) out.push_back(replica.value);
  return out;
}

Answer answer_from(const wire::ResultSet& set, const Completion& completion) {
  Answer answer;
  for (const wire::Name& column : set.columns) answer.columns.push_back(column.text);
  for (const wire::Row& row : set.rows) {
    Row& values = answer.rows.emplace_back();
    for (const wire::Value& value : row) values.push_back(from_wire(value));
  }
  answer.changes = set.changes;
  answer.last_insert_rowid = set.last_insert_rowid;
  answer.seq = completion.seq.value;
  answer.agreed_us = completion.agreed.value;
  answer.agreement = from_wire(completion.agreement);
  return answer;
}

wire::Statement statement_to_wire(const Statement& statement) {
  wire::Statement out;
  out.sql.text = statement.sql;
  for (const Value& value : statement.positional) out.positional.items.push_back(to_wire(value));
  out.named = to_wire(statement.named);
  return out;
}

ErrorKind kind_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::no_quorum: return ErrorKind::no_quorum;
    case Verdict::outcome_unknown: return ErrorKind::outcome_unknown;
    default: return ErrorKind::refused;
  }
}

}  // namespace

static_assert(static_cast<int>(When::Kind::any) == static_cast<int>(wire::Condition::Kind::any));

wire::Value to_wire(const Value& value) { return std::visit(ToWire{}, value.storage()); }

wire::Arguments to_wire(const Arguments& arguments) {
  wire::Arguments out;
  for (const Named& argument : arguments)
    out.items.push_back({{argument.name}, to_wire(argument.value)});
  return out;
}

wire::Call to_wire(std::string_view procedure, const Arguments& arguments) {
  return {{std::string(procedure)}, to_wire(arguments)};
}

wire::Execute to_wire(const std::vector<Statement>& statements, bool read_only) {
  wire::Execute execute;
  execute.read_only = read_only;
  for (const Statement& statement : statements)
    execute.statements.items.push_back(statement_to_wire(statement));
  return execute;
}

wire::Transaction to_wire(const std::vector<Step>& steps) {
  wire::Transaction transaction;
  for (const Step& step : steps) {
    wire::Step& out = transaction.steps.items.emplace_back();
    out.statement = statement_to_wire(step.statement);
    out.may_fail = step.may_fail;
    for (const When::Part& part : step.when.parts())
      out.when.items.push_back({static_cast<wire::Condition::Kind>(part.kind), part.of});
  }
  return transaction;
}

Value from_wire(const wire::Value& value) { return std::visit(FromWire{}, value); }

prytany::Agreement from_wire(const Agreement& agreement) {
  return {ids(agreement.agreed), ids(agreement.differed), ids(agreement.silent)};
}

ErrorInfo usage_error(std::string message) {
  return {ErrorKind::usage, "usage", std::move(message), {}, 0, false};
}

std::optional<ErrorInfo> error_of(const Completion& completion) {
  if (completion.verdict != Verdict::answered) {
    // What never left this process because of its size is the caller's mistake.
    const bool ours = !completion.sent && completion.code == "too_large";
    return ErrorInfo{ours ? ErrorKind::usage : kind_of(completion.verdict),
                     completion.code,
                     completion.message,
                     {},
                     0,
                     completion.sent};
  }
  if (const auto* error = std::get_if<wire::ErrorReply>(&completion.outcome))
    return ErrorInfo{ErrorKind::application, error->code.text, error->message.text,
                     error->procedure.text,  error->statement, true};
  return std::nullopt;
}

Expected<std::vector<Answer>> answers_of(const Completion& completion) {
  if (auto error = error_of(completion)) return std::move(*error);
  std::vector<Answer> answers;
  if (const auto* sets = std::get_if<wire::ResultSets>(&completion.outcome)) {
    for (const wire::ResultSet& set : *sets) answers.push_back(answer_from(set, completion));
  }
  if (answers.empty()) answers.push_back(answer_from({}, completion));
  return answers;
}

Expected<std::vector<StepAnswer>> step_answers_of(const Completion& completion) {
  if (auto error = error_of(completion)) return std::move(*error);
  std::vector<StepAnswer> answers;
  const auto* results = std::get_if<wire::StepResults>(&completion.outcome);
  if (results == nullptr) return answers;
  for (const wire::StepResult& result : *results) {
    const auto* set = std::get_if<wire::ResultSet>(&result);
    StepAnswer& answer = answers.emplace_back();
    answer.ran = set != nullptr;
    answer.answer = answer_from(set != nullptr ? *set : wire::ResultSet{}, completion);
    if (const auto* error = std::get_if<wire::ErrorReply>(&result)) {
      answer.code = error->code.text;
      answer.message = error->message.text;
    }
  }
  return answers;
}

Expected<Answer> answer_of(const Completion& completion) {
  auto answers = answers_of(completion);
  if (!answers) return answers.error();
  Answer last = std::move(answers->back());
  last.changes = 0;
  for (std::size_t i = 0; i + 1 < answers->size(); ++i) last.changes += (*answers)[i].changes;
  if (const auto* sets = std::get_if<wire::ResultSets>(&completion.outcome);
      sets != nullptr && !sets->empty())
    last.changes += sets->items.back().changes;
  return last;
}

}  // namespace prytany::client
