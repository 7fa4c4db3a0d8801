#include "bench/workload_parts.h"

#include <algorithm>

namespace prytany::bench {

wire::Install application_of(const Files& files) {
  wire::Install install;
  const auto add = [&](const std::string& path, const std::string& text) {
    install.files.items.push_back({{path}, {to_bytes(as_bytes(text))}});
  };
  for (const auto& [path, text] : files) add(path, text);
  add("prytany.json",
      R"({"name": "bench", "version": "1", "roles": {"client": {"authorize": "anyone"}}})");
  std::ranges::sort(install.files.items, {}, &wire::ApplicationFile::path);
  return install;
}

wire::Argument integer_argument(const std::string& name, std::int64_t value) {
  return {{name}, value};
}

wire::Argument text_argument(const std::string& name, std::string value) {
  return {{name}, wire::TextValue{std::move(value)}};
}

wire::Operation call_of(const std::string& procedure, std::vector<wire::Argument> arguments) {
  return wire::Call{{procedure}, {std::move(arguments)}};
}

std::vector<wire::Operation> in_stretches(const std::string& sql, std::uint64_t records,
                                          std::uint64_t step) {
  std::vector<wire::Operation> setup;
  for (std::uint64_t first = 0; first < records; first += step) {
    wire::Statement statement;
    statement.sql.text = sql;
    const std::uint64_t last = std::min(first + step, records) - 1;
    statement.named.items = {integer_argument("first", static_cast<std::int64_t>(first)),
                             integer_argument("last", static_cast<std::int64_t>(last))};
    setup.emplace_back(wire::Execute{{{std::move(statement)}}, false});
  }
  return setup;
}

const wire::ResultSet* result_of(const wire::Outcome& outcome) {
  const auto* sets = std::get_if<wire::ResultSets>(&outcome);
  return sets != nullptr && sets->items.size() == 1 ? sets->items.data() : nullptr;
}

std::string described(const wire::Outcome& outcome) {
  if (const auto* error = std::get_if<wire::ErrorReply>(&outcome))
    return error->code.text + ": " + error->message.text;
  const wire::ResultSet* result = result_of(outcome);
  if (result == nullptr) return "an answer of another kind";
  return "an answer of " + std::to_string(result->rows.items.size()) + " rows that changed " +
         std::to_string(result->changes);
}

Judged judge_change(const wire::Outcome& outcome, std::int64_t rows) {
  const wire::ResultSet* result = result_of(outcome);
  if (result == nullptr || result->changes != rows) return {described(outcome)};
  return {{}, 1};
}

Check constant_check(std::string what, std::string sql, std::int64_t value) {
  return {std::move(what), std::move(sql), [value](const Tally&) { return value; }, false};
}

Check effect_check(std::string what, std::string sql, std::int64_t base) {
  return {std::move(what), std::move(sql),
          [base](const Tally& tally) { return base + tally.effect; }, true};
}

Result<void> run_checks(const Workload& workload, const Tally& tally, const AskSql& ask) {
  for (const Check& check : workload.checks) {
    if (check.counts && tally.unknown > 0) continue;
    const auto outcome = ask(check.sql);
    if (!outcome) return outcome.error();
    const wire::ResultSet* result = result_of(*outcome);
    const std::int64_t* value = nullptr;
    if (result != nullptr && result->rows.items.size() == 1 &&
        result->rows.items[0].items.size() == 1)
      value = std::get_if<std::int64_t>(result->rows.items[0].items.data());
    const std::string asked = workload.name + ": " + check.what + ": ";
    if (value == nullptr) return Error{asked + "not an integer, but " + described(*outcome)};
    if (const std::int64_t expected = check.expected(tally); *value != expected)
      return Error{asked + std::to_string(*value) + " instead of " + std::to_string(expected)};
  }
  return {};
}

}  // namespace prytany::bench
