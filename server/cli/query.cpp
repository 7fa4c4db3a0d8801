#include "server/cli/query.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/wire/limits.h"

namespace prytany::cli {
namespace {

bool begins_a_literal(std::string_view text) {
  return text == "null" || text.starts_with('"') || text.starts_with('-') ||
         (!text.empty() && text[0] >= '0' && text[0] <= '9');
}

/// Nothing for what is text as it stands.
std::optional<wire::Value> literal(std::string_view text) {
  if (!begins_a_literal(text)) return std::nullopt;
  const auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_null()) return wire::Value{};
  if (value.is_string()) return wire::Value{wire::TextValue{value.get<std::string>()}};
  if (value.is_number_float()) {
    const double real = value.get<double>();
    if (std::isfinite(real)) return wire::Value{real};
  }
  constexpr auto highest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > highest) return std::nullopt;
  if (value.is_number_integer()) return wire::Value{value.get<std::int64_t>()};
  return std::nullopt;
}

}  // namespace

Result<wire::Call> call_of(std::string_view procedure, const std::vector<std::string>& arguments) {
  wire::Call call;
  if (procedure.empty() || procedure.size() > limits::name_bytes_max)
    return Error{"name a procedure: /read/PROCEDURE?name=value"};
  if (arguments.size() > limits::arguments_max)
    return Error{"more than " + std::to_string(limits::arguments_max) + " arguments"};
  call.procedure.text = procedure;
  for (const std::string& each : arguments) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0 || equals > limits::name_bytes_max)
      return Error{"each argument is name=value"};
    const std::string_view text = std::string_view(each).substr(equals + 1);
    call.arguments.items.push_back(
        {{each.substr(0, equals)},
         literal(text).value_or(wire::Value{wire::TextValue{std::string(text)}})});
  }
  return call;
}

}  // namespace prytany::cli
