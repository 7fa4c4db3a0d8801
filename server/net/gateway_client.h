// One client's WebSocket as the gateway keeps it: the message coming in, the frames going out.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "server/net/upstream.h"

struct lws;

namespace prytany::net {

class GatewayClient {
 public:
  GatewayClient(ConnectionId id, lws* socket, int fd, std::string host)
      : id_(id), socket_(socket), fd_(fd), host_(std::move(host)) {}

  [[nodiscard]] ConnectionId id() const { return id_; }
  [[nodiscard]] lws* socket() const { return socket_; }
  [[nodiscard]] int fd() const { return fd_; }
  /// As Arrivals has it.
  [[nodiscard]] const std::string& host() const { return host_; }

  // ---- in ----
  /// A fragment. False: the message is longer than `bytes_max`.
  bool add_fragment(std::string_view bytes, std::size_t bytes_max);
  /// The message whose last fragment was added.
  [[nodiscard]] std::string_view message() const { return in_; }
  void forget_message();
  /// The message waits until it is the host's turn, behind others of this connection.
  void keep_message();
  [[nodiscard]] bool has_kept() const { return !kept_.empty(); }
  /// The oldest that waits. Requires: has_kept().
  std::string take_kept();
  void forget_kept();
  /// Of a message that is not whole yet, and of those that wait, with what it takes to keep each.
  [[nodiscard]] std::size_t held_bytes() const { return in_.size() + kept_bytes_; }

  // ---- out ----
  /// Appends a text message, framed (RFC 6455 section 5.2), so that many messages are one write.
  /// False: more than `bytes_max` wait already.
  bool queue(std::string_view text, std::size_t bytes_max);
  [[nodiscard]] bool has_queued() const { return !out_.empty(); }
  /// Not taken by the kernel yet, here and in libwebsockets, as far as is known.
  [[nodiscard]] std::size_t unread_bytes() const { return out_.size() + rest_bytes_; }
  void forget_queued();
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
  bool waits = false;  // in its host's line, and is not listened to until it is its turn
  bool over = false;   // nothing is read any more: libwebsockets only writes what it still holds

 private:
  void append_frame(unsigned first_byte, std::string_view payload);

  ConnectionId id_;
  lws* socket_;
  int fd_;
  std::string host_;
  std::string in_;
  std::deque<std::string> kept_;
  std::size_t kept_bytes_ = 0;
  std::string out_;             // headroom for libwebsockets, then what waits
  std::size_t rest_bytes_ = 0;  // at most, of what libwebsockets holds
  bool closing_ = false;
};

}  // namespace prytany::net
