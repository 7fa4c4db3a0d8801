// SHA-1, for one purpose: RFC 6455 has a WebSocket server echo the client's key with it. It proves
// that the other end speaks WebSocket, and nothing more.
#pragma once

#include <array>

#include "server/base/bytes.h"

namespace prytany::crypto {

std::array<std::uint8_t, 20> sha1(ByteView data);

}  // namespace prytany::crypto
