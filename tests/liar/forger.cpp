#include "tests/liar/forger.h"

#include "server/wire/codec.h"
#include "server/wire/operations.h"

namespace prytany::liar {
namespace {

constexpr std::int64_t too_many = 1000;

bool forge_value(const Lies& lies, wire::Value& value) {
  if (lies.tells(Lie::tally)) {
    if (auto* integer = std::get_if<std::int64_t>(&value)) {
      *integer += *integer > too_many ? -too_many : too_many;  // never overflows
      return true;
    }
    if (auto* real = std::get_if<double>(&value)) {
      *real = *real == 0.0 ? 1.0 : *real * 2.0;
      return true;
    }
  }
  if (auto* text = std::get_if<wire::TextValue>(&value); text && lies.tells(Lie::receipt)) {
    text->text = forged_text(text->text);
    return true;
  }
  return false;
}

bool forge_rows(const Lies& lies, wire::ResultSet& result) {
  bool forged = false;
  for (std::size_t column = 0; column < result.columns.size(); ++column) {
    if (!lies.columns.empty() && !lies.columns.contains(result.columns.items[column].text))
      continue;
    for (wire::Row& row : result.rows.items)
      forged = forge_value(lies, row.items[column]) || forged;
  }
  // Of a statement that only writes, the number of changes is the tally.
  if (result.columns.empty() && lies.columns.empty() && lies.tells(Lie::tally)) {
    result.changes += too_many;
    forged = true;
  }
  return forged;
}

wire::ErrorReply refusal(const Lies& lies, const Question& question) {
  return {{lies.code}, {"this was made up by one replica"}, {question.procedure}, 1};
}

wire::JoinedReply stolen_session() {
  return {SessionId{999'999}, {"nobody"}, {"admin"}, SessionId{}};
}

wire::Outcome one_row(const char* column, wire::Value value) {
  wire::ResultSet result;
  result.columns.items = {{column}};
  result.rows.items = {wire::Row{{std::move(value)}}};
  return wire::ResultSets{{std::move(result)}};
}

}  // namespace

Question question_of(const wire::RequestBody& body) {
  const auto operation = wire::decode<wire::Operation>(body.operation.view());
  if (!operation) return {};
  if (std::holds_alternative<wire::Join>(*operation)) return {Question::Kind::join, {}};
  if (std::holds_alternative<wire::Execute>(*operation)) return {Question::Kind::execute, {}};
  if (const auto* call = std::get_if<wire::Call>(&*operation))
    return {Question::Kind::call, call->procedure.text};
  return {};
}

std::optional<wire::Outcome> forge(const Lies& lies, const Question& question,
                                   const wire::Outcome& truth) {
  const bool is_error = std::holds_alternative<wire::ErrorReply>(truth);
  if (lies.tells(Lie::refusal)) {
    wire::Outcome lie = refusal(lies, question);
    if (lie != truth) return lie;
  }
  if (const auto* joined = std::get_if<wire::JoinedReply>(&truth)) {
    if (!lies.tells(Lie::join)) return std::nullopt;
    wire::JoinedReply lie = *joined;
    lie.session = lie.session + 1;
    lie.role.text = "admin";
    return lie;
  }
  // Somebody was refused: tell that it was done.
  if (is_error) return invent(lies, question);
  const auto* results = std::get_if<wire::ResultSets>(&truth);
  if (results == nullptr) return std::nullopt;
  wire::ResultSets lie = *results;
  bool forged = false;
  for (wire::ResultSet& result : lie.items) forged = forge_rows(lies, result) || forged;
  if (!forged) return std::nullopt;
  return lie;
}

std::optional<wire::Outcome> invent(const Lies& lies, const Question& question) {
  if (lies.tells(Lie::refusal)) return refusal(lies, question);
  if (question.kind == Question::Kind::join) {
    if (lies.tells(Lie::join)) return stolen_session();
    return std::nullopt;
  }
  if (question.kind == Question::Kind::other) return std::nullopt;
  if (lies.tells(Lie::receipt)) return one_row("receipt", wire::TextValue{"1111-2222-3333"});
  if (lies.tells(Lie::tally)) return one_row("votes", too_many);
  return std::nullopt;
}

std::string forged_text(const std::string& text) {
  if (text.empty()) return "forged";
  std::string forged = text;
  for (char& c : forged) {
    const bool last = c == 'z' || c == 'Z' || c == '9';
    const bool inner = (c >= 'a' && c < 'z') || (c >= 'A' && c < 'Z') || (c >= '0' && c < '9');
    if (inner) ++c;
    if (last) c = c == '9' ? '0' : static_cast<char>(c - 25);
  }
  if (forged == text) forged += "!";
  return forged;
}

wire::StatusReply forged_status(wire::StatusReply status) {
  status.view = status.view + 7;
  status.last_executed = status.last_executed + 1'000'000;
  status.stable_checkpoint = status.stable_checkpoint + 1'000'000;
  status.state_digest = crypto::sha256("liar", {});
  status.connected_peers = 99;
  return status;
}

}  // namespace prytany::liar
