// An explanation as replicas answer it (docs/wire.md: a row for each statement, one for all of it),
// and as programs read it.
#include <algorithm>

#include "clientlib/convert.h"

namespace prytany::client {
namespace {

constexpr std::size_t explained_columns = 7;  // of a statement, and of all of them

std::string text_in(const wire::Value& value) {
  const auto* text = std::get_if<wire::TextValue>(&value);
  return text == nullptr ? std::string() : text->text;
}

std::uint64_t count_in(const wire::Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number == nullptr || *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
}

std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

ExplainedStatement explained_statement(const std::vector<wire::Value>& row) {
  return {text_in(row[0]),  lines_in(text_in(row[1])), count_in(row[2]), count_in(row[3]),
          count_in(row[4]), count_in(row[5]),          count_in(row[6])};
}

bool has_the_shape(const wire::ResultSet& set) {
  return std::ranges::all_of(set.rows.items,
                             [](const wire::Row& row) { return row.size() == explained_columns; });
}

}  // namespace

Expected<Explanation> explanation_of(const Completion& completion) {
  if (auto error = error_of(completion)) return std::move(*error);
  const auto* sets = std::get_if<wire::ResultSets>(&completion.outcome);
  if (sets == nullptr || sets->size() != 2 || !has_the_shape(sets->items[0]) ||
      !has_the_shape(sets->items[1]) || sets->items[1].rows.size() != 1)
    return ErrorInfo{ErrorKind::refused,
                     "unexpected_answer",
                     "the replicas answer with something else than an explanation: are they of "
                     "another version?",
                     {},
                     0,
                     true};
  Explanation explanation;
  for (const wire::Row& row : sets->items[0].rows.items)
    explanation.statements.push_back(explained_statement(row.items));
  const std::vector<wire::Value>& all = sets->items[1].rows.items[0].items;
  explanation.charged = count_in(all[0]);
  explanation.budget = count_in(all[1]);
  explanation.left_out = count_in(all[2]);
  if (!std::holds_alternative<std::monostate>(all[3]))
    explanation.error = ErrorInfo{ErrorKind::application,
                                  text_in(all[3]),
                                  text_in(all[4]),
                                  text_in(all[5]),
                                  static_cast<std::uint32_t>(count_in(all[6])),
                                  true};
  explanation.seq = completion.seq.value;
  explanation.agreed_us = completion.agreed.value;
  explanation.agreement = from_wire(completion.agreement);
  return explanation;
}

}  // namespace prytany::client
