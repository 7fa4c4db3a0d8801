// notify(topic) and notify(topic, value): a request tells those who watch (docs/reference/sql.md).
#pragma once

#include <string_view>

#include "server/app/request_state.h"

struct sqlite3;

namespace prytany::app {

inline constexpr std::string_view notify_name = "notify";

/// `state` outlives `db`.
void install_notify(sqlite3* db, RequestState& state);

}  // namespace prytany::app
