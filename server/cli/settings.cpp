#include "server/cli/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>

namespace prytany::cli {
namespace {

struct Number {
  const char* name;
  std::uint64_t min;
  std::uint64_t max;
  std::function<void(node::NodeConfig&, std::uint64_t)> set;
};

constexpr std::uint64_t hour_us = 3'600'000'000;

template <class T>
auto to(T pbft::Config::* field) {
  return [field](node::NodeConfig& c, std::uint64_t v) { c.pbft.*field = static_cast<T>(v); };
}
template <class T>
auto to(T node::NodeConfig::* field) {
  return [field](node::NodeConfig& c, std::uint64_t v) { c.*field = static_cast<T>(v); };
}

const std::vector<Number>& numbers() {
  using C = pbft::Config;
  using N = node::NodeConfig;
  static const std::vector<Number> all = {
      {"batch_requests_max", 1, limits::batch_requests_max, to(&C::batch_requests_max)},
      {"batch_bytes_max", 1024, limits::batch_bytes_max, to(&C::batch_bytes_max)},
      {"in_flight_max", 1, limits::window_max, to(&C::in_flight_max)},
      {"backlog_requests_max", 1, 10'000'000, to(&C::backlog_requests_max)},
      {"backlog_per_session_max", 1, 10'000'000, to(&C::backlog_per_session_max)},
      {"retransmit_us", 1000, hour_us, to(&C::retransmit_us)},
      {"idle_checkpoint_us", 1000, hour_us, to(&C::idle_checkpoint_us)},
      {"forward_us", 1000, hour_us, to(&C::forward_us)},
      {"request_timeout_us", 10'000, hour_us, to(&C::request_timeout_us)},
      {"clock_ahead_max_us", 1000, hour_us, to(&N::clock_ahead_max_us)},
      {"clock_behind_max_us", 1000, hour_us, to(&N::clock_behind_max_us)},
      {"join_token_life_us", 1000, hour_us, to(&N::join_token_life_us)},
  };
  return all;
}

std::optional<std::uint64_t> number_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Result<void> apply(const std::string& key, const std::string& value, node::NodeConfig& config,
                   Settings& settings) {
  if (key == "durability") {
    if (value != "log" && value != "none") return Error{"--set durability: log or none"};
    settings.durability = value == "log" ? Durability::log : Durability::none;
    return {};
  }
  if (key == "batching") {
    if (value != "on" && value != "off") return Error{"--set batching: on or off"};
    config.pbft.batch_requests_max = value == "on" ? pbft::Config{}.batch_requests_max : 1;
    return {};
  }
  for (const Number& number : numbers()) {
    if (key != number.name) continue;
    const auto parsed = number_from(value);
    if (!parsed || *parsed < number.min || *parsed > number.max) {
      return Error{"--set " + key + ": a whole number from " + std::to_string(number.min) + " to " +
                   std::to_string(number.max)};
    }
    number.set(config, *parsed);
    return {};
  }
  return Error{"--set " + key + ": no such setting. There are: " + describe_settings()};
}

}  // namespace

Result<Settings> apply_settings(const std::vector<std::string>& assignments,
                                node::NodeConfig& config) {
  Settings settings;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) return Error{"--set " + assignment + ": not key=value"};
    auto applied =
        apply(assignment.substr(0, equals), assignment.substr(equals + 1), config, settings);
    if (!applied) return applied.error();
  }
  if (const auto reason = config.pbft.refuse())
    return Error{"these settings do not fit: " + *reason};
  return settings;
}

std::string describe_settings() {
  std::string names = "durability (log|none), batching (on|off)";
  for (const Number& number : numbers()) names += std::string(", ") + number.name;
  return names;
}

// ---- genesis ------------------------------------------------------------------------------------

namespace {

/// A choice between two words, the second of which means true.
struct Choice {
  const char* name;
  const char* first;
  const char* second;
  bool wire::Genesis::* field;
};
constexpr Choice choices[] = {{"requests", "signed", "mac", &wire::Genesis::mac_requests},
                              {"votes", "mac", "signed", &wire::Genesis::signed_votes},
                              {"dissemination", "primary", "all", &wire::Genesis::bodies_apart}};

std::string key_of(const std::string& assignment) {
  return assignment.substr(0, assignment.find('='));
}

}  // namespace

bool is_genesis_setting(const std::string& assignment) {
  return std::ranges::any_of(choices,
                             [&](const Choice& c) { return key_of(assignment) == c.name; });
}

Result<void> apply_genesis_settings(const std::vector<std::string>& assignments,
                                    wire::Genesis& genesis) {
  for (const std::string& assignment : assignments) {
    const auto* choice = std::ranges::find_if(
        choices, [&](const Choice& c) { return key_of(assignment) == c.name; });
    if (choice == std::end(choices))
      return Error{"--set " + assignment + ": there are " + describe_genesis_settings()};
    const std::string name = choice->name;
    const bool second = assignment == name + "=" + choice->second;
    if (!second && assignment != name + "=" + choice->first)
      return Error{"--set " + name + ": " + choice->first + " or " + choice->second};
    genesis.*(choice->field) = second;
  }
  return {};
}

std::string describe_genesis_settings() {
  std::string names;
  for (const Choice& c : choices)
    names +=
        (names.empty() ? "" : ", ") + std::string(c.name) + " (" + c.first + "|" + c.second + ")";
  return names;
}

}  // namespace prytany::cli
