#include "tests/sim/explaining.h"

#include <algorithm>
#include <utility>

namespace prytany::sim {

namespace {

constexpr std::size_t explained_columns = 7;
constexpr std::size_t explained_left_out = 2;
constexpr std::size_t explained_code = 3;

/// Its columns, of the one row that speaks of all of it.
const wire::Row* summary_of(const wire::Outcome& told) {
  const auto* sets = std::get_if<wire::ResultSets>(&told);
  if (sets == nullptr || sets->size() != 2) return nullptr;
  const auto& rows = sets->items[1].rows;
  if (rows.size() != 1 || rows.items[0].size() != explained_columns) return nullptr;
  return &rows.items[0];
}

/// How many statements ran, where that is known without running them.
std::optional<std::size_t> statements_of(const wire::Explain& asked, const wire::Outcome& would) {
  if (const auto* sql = std::get_if<wire::Execute>(&asked.of)) return sql->statements.size();
  const auto* steps = std::get_if<wire::StepResults>(&would);
  if (steps == nullptr) return std::nullopt;
  const auto ran = std::ranges::count_if(steps->items, [](const wire::StepResult& each) {
    return !std::holds_alternative<wire::SkippedReply>(each);
  });
  return static_cast<std::size_t>(ran);
}

}  // namespace

wire::Operation Explaining::perhaps(wire::Operation asked) {
  if (rate_ == 0 || !dice_.chance(rate_)) return asked;
  if (auto* call = std::get_if<wire::Call>(&asked)) return wire::Explain{std::move(*call)};
  if (auto* sql = std::get_if<wire::Execute>(&asked)) return wire::Explain{std::move(*sql)};
  if (auto* steps = std::get_if<wire::Transaction>(&asked)) return wire::Explain{std::move(*steps)};
  return asked;
}

std::optional<std::string> wrong_explanation(const wire::Explain& asked, const wire::Outcome& told,
                                             const std::optional<wire::Outcome>& would) {
  const wire::Row* all = summary_of(told);
  if (all == nullptr) return "is no explanation";
  const bool failed = !std::holds_alternative<std::monostate>(all->items[explained_code]);
  if (failed == would.has_value())
    return failed ? "says that it would fail, and plain SQLite does it"
                  : "says that it would succeed, and plain SQLite fails";
  if (!would) return std::nullopt;
  const auto* left_out = std::get_if<std::int64_t>(&all->items[explained_left_out]);
  if (left_out == nullptr || *left_out < 0) return "does not say how much is left out";
  const std::size_t ran =
      std::get<wire::ResultSets>(told).items[0].rows.size() + static_cast<std::size_t>(*left_out);
  const auto expected = statements_of(asked, *would);
  // One whose tables have changed meanwhile begins twice.
  if (ran < expected.value_or(1))
    return "tells of " + std::to_string(ran) + " statements, and " +
           std::to_string(expected.value_or(1)) + " ran";
  return std::nullopt;
}

}  // namespace prytany::sim
