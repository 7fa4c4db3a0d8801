// One client's WebSocket as the gateway keeps it: the message coming in, the frames going out.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "server/net/upstream.h"

struct lws;

namespace prytany::net {

class GatewayClient {
 public:
  GatewayClient(ConnectionId id, lws* socket) : id_(id), socket_(socket) {}

  [[nodiscard]] ConnectionId id() const { return id_; }
  [[nodiscard]] lws* socket() const { return socket_; }

  // ---- in ----
  /// A fragment. False: the message is longer than `bytes_max`.
  bool add_fragment(std::string_view bytes, std::size_t bytes_max);
  /// The message whose last fragment was added.
  [[nodiscard]] std::string_view message() const { return in_; }
  void forget_message();
  /// Of a message that is not whole yet.
  [[nodiscard]] std::size_t held_bytes() const { return in_.size(); }

  // ---- out ----
  /// Appends a text message, framed (RFC 6455 section 5.2), so that many messages are one write.
  /// False: more than `bytes_max` wait already.
  bool queue(std::string_view text, std::size_t bytes_max);
  [[nodiscard]] bool has_queued() const { return !out_.empty(); }
  /// Writes what is queued, unless libwebsockets still holds a rest. False: the connection is
  /// broken.
  bool write();

  // ---- the end ----
  /// After what is queued, a close frame. (libwebsockets' own way ends the connection at once when
  /// used outside of RECEIVE: with libuv, Debian's build closes twice "to test that this works".)
  void queue_close(unsigned code, std::string_view reason);
  /// Neither reads nor queues any more.
  void give_up() { closing_ = true; }
  [[nodiscard]] bool closing() const { return closing_; }

  bool dirty = false;  // is in the gateway's list for flush()

 private:
  void append_frame(unsigned first_byte, std::string_view payload);

  ConnectionId id_;
  lws* socket_;
  std::string in_;
  std::string out_;  // headroom for libwebsockets, then what waits
  bool closing_ = false;
};

}  // namespace prytany::net
