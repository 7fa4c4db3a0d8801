// Sizes and times of the clients' door that are not part of the protocol.
#pragma once

#include <cstddef>

namespace prytany::net {

/// libwebsockets caps a send and a received fragment at the least of three settings; all three are
/// this.
inline constexpr std::size_t socket_write_bytes = 64 << 10;
inline constexpr std::size_t http_header_bytes_max = 8 << 10;
inline constexpr unsigned http_headers_held_max =
    256;  // requests whose headers are arriving, at a time

inline constexpr unsigned handshake_timeout_s = 10;
inline constexpr int http_keepalive_timeout_s = 15;
inline constexpr int close_timeout_s = 5;
inline constexpr unsigned short ping_after_idle_s = 30;
inline constexpr unsigned short hang_up_after_idle_s = 45;

}  // namespace prytany::net
