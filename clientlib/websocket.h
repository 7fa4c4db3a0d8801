// The client's side of RFC 6455, as bytes in and out: the opening request, and frames. Text
// messages only; a server that sends anything else, or more than was agreed, is refused with a
// reason.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/bytes.h"
#include "server/base/result.h"

namespace prytany::client {

/// ws://host:port[/path], or wss.
struct WebSocketUrl {
  bool secure = false;
  std::string host;
  std::string port;
  std::string path;
};
Result<WebSocketUrl> parse_websocket_url(std::string_view url);

inline constexpr std::string_view websocket_protocol = "prytany.v1";
inline constexpr std::size_t upgrade_reply_bytes_max = 8192;

/// The opening request (section 4.1). `nonce`: fresh random bytes.
std::string upgrade_request(const WebSocketUrl& url, const std::array<std::uint8_t, 16>& nonce);

/// Looks for the whole opening reply at the start of `bytes`: how many bytes it took, 0 if more are
/// needed, or why this is not our server.
Result<std::size_t> check_upgrade_reply(std::string_view bytes,
                                        const std::array<std::uint8_t, 16>& nonce);

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// Appends one whole frame, masked as clients must (section 5.3).
void append_frame(std::string& out, Opcode opcode, std::string_view payload,
                  const std::array<std::uint8_t, 4>& mask);

/// Bytes from the server, in any pieces, to messages.
class FrameReader {
 public:
  struct Message {
    Opcode opcode = Opcode::text;  // text, close, ping or pong
    std::string payload;           // of a text: all its fragments
  };
  explicit FrameReader(std::size_t message_bytes_max) : max_(message_bytes_max) {}

  void append(std::string_view bytes);
  /// The next message, nothing if more bytes are needed, or why the connection must end (for good:
  /// the same error is returned ever after).
  Result<std::optional<Message>> next();

 private:
  struct Header {
    bool final = false;
    Opcode opcode = Opcode::continuation;
    std::size_t size = 0;  // of the header
    std::uint64_t payload = 0;
  };
  Result<std::optional<Header>> header() const;
  Result<void> check(const Header& header) const;
  [[nodiscard]] std::string_view rest() const { return std::string_view(bytes_).substr(at_); }

  std::size_t max_;
  std::string bytes_;
  std::size_t at_ = 0;
  std::string partial_;  // fragments of a text so far
  bool in_message_ = false;
  std::optional<Error> error_;
};

}  // namespace prytany::client
