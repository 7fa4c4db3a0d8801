#include "server/app/notify.h"

#include <sqlite3.h>

#include <cmath>
#include <optional>
#include <string>

#include "server/base/ensure.h"
#include "server/base/result.h"
#include "server/base/utf8.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

/// What a notice costs besides its bytes: its row is written and, one day, deleted.
constexpr std::uint64_t steps_per_notice = 200;
constexpr std::uint64_t notice_bytes_per_step = 16;
/// A trigger may say a thousand times what need be told once.
constexpr std::uint64_t steps_per_repetition = 2;

std::string_view notice_text(sqlite3_value* value) {
  const unsigned char* data = sqlite3_value_text(value);
  const int size = sqlite3_value_bytes(value);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

/// As a result's columns; nothing if it cannot travel.
Result<wire::Value, Failure> notice_value(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return wire::Value(std::int64_t{sqlite3_value_int64(value)});
    case SQLITE_FLOAT: {
      const double real = sqlite3_value_double(value);
      if (!std::isfinite(real))
        return Failure{"not_a_number", "notify() was given a REAL that is infinite"};
      return wire::Value(real);
    }
    case SQLITE_NULL: return wire::Value(std::monostate{});
    default: break;
  }
  const std::string_view bytes =
      sqlite3_value_type(value) == SQLITE_TEXT
          ? notice_text(value)
          : std::string_view(static_cast<const char*>(sqlite3_value_blob(value)),
                             static_cast<std::size_t>(sqlite3_value_bytes(value)));
  if (bytes.size() > limits::change_value_bytes_max)
    return Failure{"change_too_large",
                   "notify() takes at most " + std::to_string(limits::change_value_bytes_max) +
                       " bytes: tell a key, and let whoever watches read the row"};
  if (sqlite3_value_type(value) == SQLITE_BLOB)
    return wire::Value(wire::BlobValue{to_bytes(as_bytes(bytes))});
  if (!is_utf8(bytes))
    return Failure{"not_utf8", "notify() was given a TEXT that is not valid UTF-8"};
  return wire::Value(wire::TextValue{std::string(bytes)});
}

/// Nothing if it may be told of.
std::optional<Failure> check_topic(const RequestState& state, sqlite3_value* topic) {
  const bool is_text = sqlite3_value_type(topic) == SQLITE_TEXT;
  const std::string_view name = notice_text(topic);
  if (is_text && state.topics != nullptr && state.topics->contains(name)) return std::nullopt;
  std::string shown(name.substr(0, 100));
  if (!is_utf8(shown)) shown = "...";
  return Failure{"unknown_topic",
                 "there is no topic '" + shown +
                     "' to notify: prytany.json lists topics, and only a session's request tells "
                     "them"};
}

void notify(sqlite3_context* context, int count, sqlite3_value** arguments) {
  auto& state = *static_cast<RequestState*>(sqlite3_user_data(context));
  const auto fail = [&](const Failure& failure) {
    state.fail(failure.code, failure.message);
    sqlite3_result_error(context, "refused", -1);
  };
  if (const auto failure = check_topic(state, arguments[0])) return fail(*failure);
  const std::string_view topic = notice_text(arguments[0]);
  wire::Value value;
  if (count == 2) {
    auto given = notice_value(arguments[1]);
    if (!given) return fail(given.error());
    value = std::move(given).value();
  }
  const bool only_once = std::holds_alternative<std::monostate>(value);
  const bool again = only_once && state.touched.contains(topic);
  std::uint64_t cost = again ? steps_per_repetition : steps_per_notice;
  if (!only_once)
    cost += static_cast<std::uint64_t>(sqlite3_value_bytes(arguments[1])) / notice_bytes_per_step;
  if (!state.spend(cost)) return sqlite3_result_error(context, "over budget", -1);
  if (again) return;
  if (state.notices.size() >= limits::changes_per_request_max)
    return fail({"too_many_changes", "one request tells at most " +
                                         std::to_string(limits::changes_per_request_max) +
                                         " changes: notify(topic) without a value tells once that "
                                         "there are any"});
  if (only_once) state.touched.emplace(topic);
  state.notices.push_back({std::string(topic), std::move(value)});
}

}  // namespace

void install_notify(sqlite3* db, RequestState& state) {
  const std::string name(notify_name);
  for (const int arguments : {1, 2})
    ENSURE(sqlite3_create_function_v2(db, name.c_str(), arguments, SQLITE_UTF8 | SQLITE_INNOCUOUS,
                                      &state, notify, nullptr, nullptr, nullptr) == SQLITE_OK);
}

}  // namespace prytany::app
