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

  // ---- out ----
  /// Appends a text message, framed (RFC 6455 section 5.2), so that many messages are one write.
  /// False: more than `bytes_max` wait already.
  bool queue(std::string_view text, std::size_t bytes_max);
  [[nodiscard]] bool has_queued() const { return !out_.empty(); }
  /// Writes until libwebsockets holds a rest. False: the connection is broken.
  bool write();

  // ---- the end ----
  void close_when_written(std::string_view reason) {
    closing_ = true;
    reason_ = reason.substr(0, 123);
  }
  [[nodiscard]] bool closing() const { return closing_; }
  [[nodiscard]] std::string& reason() { return reason_; }

  bool dirty = false;  // is in the gateway's list for flush()

 private:
  ConnectionId id_;
  lws* socket_;
  std::string in_;
  std::string out_;       // headroom for libwebsockets, then what waits
  std::size_t sent_ = 0;  // of out_
  bool closing_ = false;
  std::string reason_;
};

}  // namespace prytany::net
