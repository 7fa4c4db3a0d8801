#include "tests/sim/words.h"

namespace prytany::sim {

namespace {

std::string words_of(const wire::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  if (const auto* text = std::get_if<wire::TextValue>(&value)) return "'" + text->text + "'";
  if (const auto* blob = std::get_if<wire::BlobValue>(&value))
    return "a blob of " + std::to_string(blob->bytes.size());
  return "NULL";
}

}  // namespace

std::string words_of(const wire::Operation& operation) {
  if (const auto* call = std::get_if<wire::Call>(&operation)) return call->procedure.text;
  std::string words;
  if (const auto* explain = std::get_if<wire::Explain>(&operation))
    return "explain " +
           std::visit([](const auto& of) { return words_of(wire::Operation(of)); }, explain->of);
  if (const auto* execute = std::get_if<wire::Execute>(&operation)) {
    for (const wire::Statement& statement : execute->statements) words += statement.sql.text + "; ";
  }
  return words;
}

std::string words_of(const wire::Outcome& outcome) {
  constexpr std::size_t words_max = 1'000;
  std::string words = "an answer without rows";
  if (const auto* error = std::get_if<wire::ErrorReply>(&outcome))
    words = "the error " + error->code.text + " (" + error->message.text + ")";
  if (const auto* joined = std::get_if<wire::JoinedReply>(&outcome))
    words = "joined as " + joined->principal.text + ", " + joined->role.text;
  if (const auto* sets = std::get_if<wire::ResultSets>(&outcome)) {
    words = "rows";
    for (const wire::ResultSet& set : *sets) {
      words += " [changes " + std::to_string(set.changes) + ", last row " +
               std::to_string(set.last_insert_rowid);
      for (const wire::Row& row : set.rows) {
        words += " |";
        for (const wire::Value& value : row) words += " " + words_of(value);
      }
      words += "]";
    }
  }
  return words.substr(0, words_max);
}

}  // namespace prytany::sim
