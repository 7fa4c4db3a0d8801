// The clients' door from the other side of a socket: who may come in, and the pages that are served
// there.
#include "tests/unit/net/gateway_fixture.h"

namespace prytany::net {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

// ---- Who may come in ----------------------------------------------------------------------------

TEST_F(GatewayTest, lets_in_who_asks_for_the_subprotocol_and_tells_the_address) {
  const auto socket = connected();
  EXPECT_EQ(upstream_.connected[0].second, "127.0.0.1");
  EXPECT_EQ(gateway_->counters().connections, 1U);
}

TEST_F(GatewayTest, names_the_subprotocol_in_its_answer_also_out_of_several) {
  RawSocket socket(port_);
  EXPECT_THAT(answer_to(socket, upgrade("Sec-WebSocket-Protocol: chat, prytany.v1\r\n")),
              testing::AllOf(StartsWith("HTTP/1.1 101"), HasSubstr("prytany.v1")));
}

TEST_F(GatewayTest, refuses_who_asks_for_no_subprotocol_or_another) {
  for (const char* asked :
       {"", "Sec-WebSocket-Protocol: chat\r\n", "Sec-WebSocket-Protocol: prytany.v10\r\n",
        "Sec-WebSocket-Protocol: http\r\n"}) {
    RawSocket socket(port_);
    EXPECT_THAT(answer_to(socket, upgrade(asked)), HasSubstr(" 400 Bad Request")) << asked;
  }
  EXPECT_TRUE(upstream_.connected.empty());
  EXPECT_EQ(gateway_->counters().refused, 4U);
}

TEST_F(GatewayTest, lets_in_pages_of_listed_origins_only) {
  RawSocket good(port_);
  EXPECT_THAT(
      answer_to(good, upgrade(std::string("Sec-WebSocket-Protocol: prytany.v1\r\nOrigin: ") +
                              good_origin + "\r\n")),
      StartsWith("HTTP/1.1 101"));
  for (const char* origin : {"http://evil.example", "null", "http://127.0.0.1:70001",
                             "https://127.0.0.1:7000", "http://127.0.0.1"}) {
    RawSocket bad(port_);
    EXPECT_THAT(
        answer_to(bad, upgrade(std::string("Sec-WebSocket-Protocol: prytany.v1\r\nOrigin: ") +
                               origin + "\r\n")),
        HasSubstr(" 403 Forbidden"))
        << origin;
  }
  EXPECT_THAT(upstream_.connected, SizeIs(1));
}

TEST_F(GatewayTest, does_not_upgrade_to_http2) {
  RawSocket socket(port_);
  const std::string answer = answer_to(
      socket,
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
  EXPECT_THAT(answer, testing::Not(StartsWith("HTTP/1.1 101")));
}

TEST_F(GatewayTest, takes_no_more_connections_than_configured_and_recovers) {
  config_.connections_max = 5;
  open();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 5; ++i) sockets.push_back(connected());
  RawSocket sixth(port_);
  EXPECT_TRUE(soon([&] { return sixth.closed(); }));
  sockets.pop_back();
  ASSERT_TRUE(soon([&] { return gateway_->counters().sockets == 4; }));
  EXPECT_NE(connected(), nullptr);
}

TEST_F(GatewayTest, one_host_that_opens_many_and_says_nothing_shuts_nobody_out) {
  std::vector<std::unique_ptr<RawSocket>> silent;
  for (int i = 0; i < 600; ++i) {
    silent.push_back(std::make_unique<RawSocket>(port_));
    silent.back()->say("GET / HTTP/1.1\r\nHost:");  // takes room for headers, and keeps it
    turn();
  }
  ASSERT_TRUE(soon([&] { return gateway_->counters().refused > 0; }));
  EXPECT_LE(gateway_->counters().sockets, config_.http_per_host_max);
  RawSocket neighbour(port_, "127.0.0.2");
  EXPECT_THAT(answer_to(neighbour, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n")),
              StartsWith("HTTP/1.1 101"));
  // Who has become a WebSocket does not count: others of the same host may come.
  silent.clear();
  ASSERT_TRUE(soon([&] { return gateway_->counters().sockets == 1; }));
  std::vector<std::unique_ptr<RawSocket>> open;
  for (std::size_t i = 0; i <= config_.http_per_host_max; ++i) open.push_back(connected());
}

TEST_F(GatewayTest, serves_hundreds_at_once) {
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 300; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(port_));
    sockets.back()->say(upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n"));
    turn();
  }
  ASSERT_TRUE(soon([&] { return gateway_->counters().connections == 300; }));
  for (const auto& [connection, address] : upstream_.connected) gateway_->reply(connection, "hi");
  for (const auto& socket : sockets)
    EXPECT_TRUE(soon([&] { return socket->hear().ends_with("hi"); }));
  sockets.clear();
  EXPECT_TRUE(soon([&] { return gateway_->counters().sockets == 0; }));
  EXPECT_THAT(upstream_.closed, SizeIs(300));
}

// ---- Pages --------------------------------------------------------------------------------------

TEST_F(GatewayTest, serves_pages_with_their_type) {
  RawSocket socket(port_);
  const std::string head = answer_to(socket, "GET /index.html?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(head, HasSubstr("content-type: text/html"));
  EXPECT_THAT(head, HasSubstr("content-length: 12"));
  EXPECT_TRUE(soon([&] { return socket.hear() == "<p>hello</p>"; }));
  // The connection serves another.
  socket.forget(12);
  EXPECT_THAT(answer_to(socket, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 404"));
}

TEST_F(GatewayTest, serves_a_page_larger_than_every_buffer) {
  Bytes large;
  for (std::size_t i = 0; i < 900'000; ++i) large.push_back(static_cast<std::uint8_t>(i % 251));
  upstream_.pages["/large.bin"] = {"application/octet-stream", large};
  RawSocket socket(port_);
  const std::string head = answer_to(socket, "GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("content-length: 900000"));
  ASSERT_TRUE(soon([&] { return socket.hear().size() == large.size(); }));
  EXPECT_TRUE(socket.hear() == as_text(large));
}

TEST_F(GatewayTest, answers_not_modified_to_who_has_the_page) {
  RawSocket socket(port_);
  const std::string head = answer_to(socket, "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::size_t start = head.find("etag: ") + 6;
  const std::string tag = head.substr(start, head.find("\r\n", start) - start);
  ASSERT_TRUE(soon([&] { return socket.hear().size() == 12; }));
  socket.forget(12);
  EXPECT_THAT(answer_to(socket, "GET /index.html HTTP/1.1\r\nHost: x\r\nIf-None-Match: " + tag +
                                    "\r\n\r\n"),
              StartsWith("HTTP/1.1 304"));
}

TEST_F(GatewayTest, lets_no_other_site_put_a_page_in_a_frame) {
  RawSocket socket(port_);
  const std::string head = answer_to(socket, "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("content-security-policy: frame-ancestors 'self'\r\n"));
  EXPECT_THAT(head, HasSubstr("x-frame-options: SAMEORIGIN\r\n"));
}

TEST_F(GatewayTest, serves_only_get_and_head) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    RawSocket socket(port_);
    const std::string head = answer_to(socket, std::string(method) +
                                                   " /index.html HTTP/1.1\r\nHost: x\r\n"
                                                   "Content-Length: 0\r\n\r\n");
    EXPECT_THAT(head, testing::Not(StartsWith("HTTP/1.1 200"))) << method;
  }
  RawSocket socket(port_);
  EXPECT_THAT(answer_to(socket, "HEAD /index.html HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(GatewayTest, ends_a_request_whose_headers_are_too_long) {
  RawSocket socket(port_);
  socket.say("GET / HTTP/1.1\r\nHost: x\r\nCookie: " + std::string(100'000, 'c') + "\r\n\r\n");
  EXPECT_TRUE(soon([&] { return socket.closed(); }));
  EXPECT_NE(connected(), nullptr);
}

TEST_F(GatewayTest, can_be_closed_with_clients_connected_and_opened_again) {
  auto socket = connected();
  gateway_->reply(last_connection(), std::string(1'000'000, 'x'));
  turn();
  open();
  EXPECT_NE(connected(), nullptr);
}

}  // namespace
}  // namespace prytany::net
