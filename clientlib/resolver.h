// Host names to addresses, off the loop's thread: the C library's resolver blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "clientlib/websocket_connection.h"

namespace prytany::client {

using Resolved = Result<WebSocketConnection::Address>;

/// An address written as digits, without asking anybody; nothing for a name.
std::optional<WebSocketConnection::Address> numeric_address(const std::string& host,
                                                            const std::string& port);

/// Calls `done` on a thread of its own. `done` must outlive nothing: it is given the answer to pass
/// on to wherever it is awaited, if it still is.
void resolve_elsewhere(std::string host, std::string port, std::function<void(Resolved)> done);

}  // namespace prytany::client
