// A gateway on a port of its own, as its tests see it: requests, frames and closed connections.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/net/gateway.h"
#include "tests/unit/net/recorder.h"

namespace prytany::net {

inline constexpr const char* good_origin = "http://127.0.0.1:7000";

/// A client's frame (RFC 6455 section 5.2), masked with zeros, which leaves the text readable.
inline std::string masked(std::string_view payload, unsigned first_byte = 0x81) {
  std::string frame(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xFF);
  } else {
    frame += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame += static_cast<char>((payload.size() >> shift) & 0xFF);
  }
  return frame + std::string(4, '\0') + std::string(payload);
}

struct ServerFrame {
  unsigned opcode = 0;
  std::string payload;
};
/// Whole frames at the front of what was heard, which are taken off it.
inline std::vector<ServerFrame> take_frames(RawSocket& socket) {
  std::vector<ServerFrame> frames;
  while (true) {
    const std::string& bytes = socket.hear();
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.size() < 2) return frames;
    std::size_t length = at(1) & 0x7F;
    std::size_t header = 2;
    const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (bytes.size() < header + more) return frames;
    if (more > 0) length = 0;
    for (std::size_t i = 0; i < more; ++i) length = length << 8 | at(header + i);
    header += more;
    if (bytes.size() < header + length) return frames;
    frames.push_back({at(0), bytes.substr(header, length)});
    socket.forget(header + length);
  }
}

class GatewayTest : public testing::Test {
 protected:
  GatewayTest() : poller_(std::move(*Poller::create())) {
    config_.origins = {good_origin};
    upstream_.pages["/index.html"] = {"text/html", to_bytes(as_bytes("<p>hello</p>"))};
  }
  void SetUp() override { open(); }

  void open() {
    gateway_.reset();
    auto listener = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(listener.ok());
    port_ = local_port(*listener);
    auto created = Gateway::create(config_, poller_, std::move(*listener), upstream_);
    ASSERT_TRUE(created.ok()) << created.error().message;
    gateway_ = std::move(*created);
  }

  void turn() {
    gateway_->flush();
    poller_.wait(std::min(gateway_->deadline(), SystemClock().now() + 2'000));
    gateway_->run();
  }
  bool soon(const std::function<bool()>& done) {
    return eventually([this] { turn(); }, done);
  }
  void for_a_while(std::uint64_t us) {
    const Time end = SystemClock().now() + us;
    while (SystemClock().now() < end) turn();
  }

  static std::string upgrade(const std::string& more) {
    return "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           more + "\r\n";
  }
  /// The status line and headers of the answer; empty if the connection was closed without one.
  std::string answer_to(RawSocket& socket, const std::string& request) {
    socket.say(request);
    const auto complete = [&] { return socket.hear().find("\r\n\r\n") != std::string::npos; };
    soon([&] { return complete() || socket.closed(); });
    if (!complete()) return {};
    const std::string head = socket.hear().substr(0, socket.hear().find("\r\n\r\n") + 4);
    socket.forget(head.size());
    return head;
  }
  std::unique_ptr<RawSocket> connected() {
    auto socket = std::make_unique<RawSocket>(port_);
    const std::size_t before = upstream_.connected.size();
    EXPECT_THAT(answer_to(*socket, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n")),
                testing::StartsWith("HTTP/1.1 101"));
    EXPECT_TRUE(soon([&] { return upstream_.connected.size() == before + 1; }));
    return socket;
  }
  ConnectionId last_connection() const { return upstream_.connected.back().first; }
  /// The code of the close frame with which the server ended the connection, 0 if it sent none.
  unsigned close_code(RawSocket& socket) {
    std::vector<ServerFrame> frames;
    soon([&] {
      for (ServerFrame& frame : take_frames(socket)) frames.push_back(std::move(frame));
      return socket.closed() || (!frames.empty() && frames.back().opcode == 0x88);
    });
    if (frames.empty() || frames.back().opcode != 0x88 || frames.back().payload.size() < 2)
      return 0;
    const auto at = [&](std::size_t i) {
      return static_cast<unsigned>(static_cast<unsigned char>(frames.back().payload[i]));
    };
    return at(0) << 8 | at(1);
  }

  Poller poller_;
  GatewayConfig config_;
  Recorder upstream_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Gateway> gateway_;
};

}  // namespace prytany::net
