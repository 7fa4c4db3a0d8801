// Sizes and times of the clients' door that are not part of the protocol.
#pragma once

#include <cstddef>
#include <cstdint>

namespace prytany::net {

/// libwebsockets caps a received fragment at the lesser of two settings; both are this.
/// (So much of a connection is read in a turn of its host. Not less than a record of TLS, or what
/// was decrypted and not read would wait for an event that does not come.)
inline constexpr std::size_t socket_read_bytes = 16 << 10;
inline constexpr std::size_t tls_record_bytes_max = 16 << 10;
static_assert(socket_read_bytes >= tls_record_bytes_max);
/// It caps a send at a third, and copies what is over: a cap that is never reached.
inline constexpr std::size_t socket_send_bytes_max = 1 << 30;
/// A page's body goes out in pieces of this size.
inline constexpr std::size_t http_piece_bytes = 64 << 10;
inline constexpr std::size_t http_header_bytes_max = 8 << 10;
/// Requests whose headers are arriving, at a time.
inline constexpr unsigned http_headers_held_max = 256;

inline constexpr unsigned handshake_timeout_s = 10;
inline constexpr int http_keepalive_timeout_s = 15;
/// A public read by HTTP that the replica cannot serve in this time is given up.
inline constexpr int http_read_timeout_s = 5;
inline constexpr std::uint64_t close_timeout_us = 5'000'000;
inline constexpr unsigned short ping_after_idle_s = 30;
inline constexpr unsigned short hang_up_after_idle_s = 45;

}  // namespace prytany::net
