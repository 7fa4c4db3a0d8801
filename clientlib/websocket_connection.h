// One non-blocking socket that speaks WebSocket to one replica. Owned and driven by the loop's
// thread.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clientlib/websocket.h"
#include "server/crypto/tls.h"
#include "server/wire/limits.h"

namespace prytany::client {

class WebSocketConnection {
 public:
  /// The most that one message from a replica may take, and the most that may wait to be written.
  static constexpr std::size_t message_bytes_max = limits::json_reply_bytes_max;
  static constexpr std::size_t waiting_bytes_max = std::size_t{128} << 20;

  struct Address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
  };

  /// `trust` is for wss alone, and then required.
  WebSocketConnection(WebSocketUrl url, const Address& address,
                      std::shared_ptr<const crypto::TlsTrust> trust = nullptr);
  ~WebSocketConnection();
  WebSocketConnection(const WebSocketConnection&) = delete;
  WebSocketConnection& operator=(const WebSocketConnection&) = delete;

  /// Begins to connect. The descriptor to poll, or why there is none.
  Result<int> start();

  struct Heard {
    bool opened = false;             // the WebSocket stands since this call
    std::vector<std::string> texts;  // whole messages
  };
  /// The descriptor is readable or writable. An Error means: over, destroy it.
  Result<Heard> ready(bool readable, bool writable);
  /// Queues one message. Requires: opened.
  void send(std::string_view text);
  /// Writes what is queued as far as the kernel takes it.
  Result<void> flush();

  [[nodiscard]] bool opened() const { return state_ == State::open; }
  [[nodiscard]] int fd() const { return fd_; }
  /// Whether writability is waited for.
  [[nodiscard]] bool wants_write() const { return state_ == State::connecting || blocked_; }

 private:
  enum class State { idle, connecting, upgrading, open };
  Result<void> connect_finished();
  Result<void> read(Heard& heard);
  /// Queues bytes, encrypted if they have to be.
  void put(std::string_view bytes);
  void put_frame(Opcode opcode, std::string_view payload);
  Result<void> take(std::string_view bytes, Heard& heard);
  Result<void> take_messages(Heard& heard);
  std::array<std::uint8_t, 4> next_mask();

  WebSocketUrl url_;
  Address address_;
  std::optional<crypto::Tls> tls_;
  int fd_ = -1;
  State state_ = State::idle;
  std::array<std::uint8_t, 16> nonce_{};
  std::string head_;  // of the opening reply
  FrameReader reader_{message_bytes_max};
  std::string out_;
  std::size_t written_ = 0;
  bool blocked_ = false;
  /// Masks only keep scripts in browsers from speaking to proxies (RFC 6455 section 10.3); they are
  /// drawn in bulk, since asking the kernel for each would cost more than the frame.
  std::array<std::uint8_t, 1024> masks_{};
  std::size_t masks_used_ = masks_.size();
};

}  // namespace prytany::client
