// The clients' door from the other side of a socket: browsers, strangers, and clients that do not
// read.
#include "server/net/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/recorder.h"

namespace prytany::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* good_origin = "http://127.0.0.1:7000";

/// A client's frame (RFC 6455 section 5.2), masked with zeros, which leaves the text readable.
std::string masked(std::string_view payload, unsigned first_byte = 0x81) {
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
/// Whole frames at the front of `bytes`, which are taken off it.
std::vector<ServerFrame> take_frames(RawSocket& socket) {
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
                StartsWith("HTTP/1.1 101"));
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

// ---- Messages in --------------------------------------------------------------------------------

TEST_F(GatewayTest, passes_on_messages_whole_and_in_order) {
  const auto socket = connected();
  const std::string large(300'000, 'x');
  const std::string all = masked("one") + masked(large) + masked("");
  std::size_t said = 0;
  ASSERT_TRUE(soon([&] {
    said += socket->say(std::string_view(all).substr(said));
    return upstream_.texts.size() == 3;
  }));
  EXPECT_EQ(upstream_.texts[0].second, "one");
  EXPECT_EQ(upstream_.texts[1].second, large);
  EXPECT_EQ(upstream_.texts[2].second, "");
  EXPECT_EQ(upstream_.texts[0].first, last_connection());
}

TEST_F(GatewayTest, joins_fragments_with_a_ping_in_between) {
  const auto socket = connected();
  socket->say(masked("one ", 0x01));
  socket->say(masked("?", 0x89));
  socket->say(masked("two ", 0x00));
  socket->say(masked("three", 0x80));
  ASSERT_TRUE(soon([&] { return upstream_.texts.size() == 1; }));
  EXPECT_EQ(upstream_.texts[0].second, "one two three");
  EXPECT_TRUE(soon([&] {
    const auto frames = take_frames(*socket);
    return frames.size() == 1 && frames[0].opcode == 0x8A && frames[0].payload == "?";
  }));
}

TEST_F(GatewayTest, joins_bytes_that_come_one_by_one) {
  const auto socket = connected();
  for (const char c : masked("slowly")) {
    socket->say(std::string_view(&c, 1));
    turn();
  }
  ASSERT_TRUE(soon([&] { return upstream_.texts.size() == 1; }));
  EXPECT_EQ(upstream_.texts[0].second, "slowly");
}

TEST_F(GatewayTest, takes_the_largest_legal_message_and_closes_with_1009_on_one_byte_more) {
  config_.message_bytes_max = 100'000;
  open();
  const auto good = connected();
  good->say(masked(std::string(100'000, 'x')));
  ASSERT_TRUE(soon([&] { return upstream_.texts.size() == 1; }));
  const auto bad = connected();
  bad->say(masked(std::string(100'001, 'x')));
  EXPECT_EQ(close_code(*bad), 1009U);
  bad->say(masked("\x03\xF1", 0x88));
  EXPECT_TRUE(soon([&] { return bad->closed(); }));
  EXPECT_THAT(upstream_.texts, SizeIs(1));
  EXPECT_EQ(gateway_->counters().oversized, 1U);
}

TEST_F(GatewayTest, closes_with_1009_when_fragments_add_up_to_too_much) {
  config_.message_bytes_max = 1'000;
  open();
  const auto socket = connected();
  socket->say(masked(std::string(600, 'x'), 0x01));
  socket->say(masked(std::string(600, 'x'), 0x00));
  EXPECT_EQ(close_code(*socket), 1009U);
}

TEST_F(GatewayTest, bounds_what_all_clients_together_leave_unfinished_and_closes_who_holds_most) {
  config_.held_bytes_max = 1 << 20;
  open();
  const auto honest = connected();
  std::vector<std::unique_ptr<RawSocket>> hoarders;
  const std::string most_of_a_frame = masked(std::string(300'000, 'x')).substr(0, 290'000);
  honest->say(masked("half a ", 0x01));
  for (int i = 0; i < 8; ++i) {
    hoarders.push_back(connected());
    std::string_view rest = most_of_a_frame;
    while (!rest.empty() && !hoarders.back()->closed()) {
      rest.remove_prefix(hoarders.back()->say(rest));
      turn();
    }
  }
  EXPECT_TRUE(soon([&] { return gateway_->counters().oversized >= 4; }));
  honest->say(masked("message", 0x80));
  EXPECT_TRUE(soon([&] { return !upstream_.texts.empty(); }));
  EXPECT_EQ(upstream_.texts.back().second, "half a message");
}

TEST_F(GatewayTest, who_sends_what_costs_much_waits_with_the_rest_while_another_host_has_its_turn) {
  const auto greedy = connected();
  const auto also_greedy = connected();
  auto modest = std::make_unique<RawSocket>(port_, "127.0.0.2");
  answer_to(*modest, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n"));
  ASSERT_TRUE(soon([&] { return upstream_.connected.size() == 3; }));
  upstream_.on_text = [&](ConnectionId, std::string_view text) {
    if (text.front() != 'm') take_time(1'000);
  };
  for (int i = 0; i < 100; ++i) {
    greedy->say(masked("g" + std::to_string(i)));
    also_greedy->say(masked("a" + std::to_string(i)));
  }
  ASSERT_TRUE(soon([&] { return !upstream_.texts.empty(); }));
  modest->say(masked("m"));
  ASSERT_TRUE(soon([&] { return upstream_.texts.size() == 201; }));
  std::vector<std::string> heard;
  for (const auto& [connection, text] : upstream_.texts) heard.push_back(text);
  const auto place = std::ranges::find(heard, "m") - heard.begin();
  EXPECT_LT(place, 20) << "of 201";
  EXPECT_GT(place, 0);
  // One host's connections take turns, each in its own order.
  std::erase_if(heard, [](const std::string& text) { return text.front() != 'g'; });
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(heard[static_cast<std::size_t>(i)], "g" + std::to_string(i));
}

TEST_F(GatewayTest, counts_what_waits_for_a_hosts_turn_as_held_and_forgets_it_with_its_connection) {
  config_.held_bytes_max = 256 << 10;
  open();
  const auto hoarder = connected();
  auto leaver = connected();
  upstream_.on_text = [&](ConnectionId, std::string_view) { take_time(3'000); };
  const std::string text = masked(std::string(50'000, 'x'));
  leaver->say(masked("first"));
  leaver->say(text);
  ASSERT_TRUE(soon([&] { return !upstream_.texts.empty(); }));
  std::string_view left;
  for (int i = 0; i < 60 && !hoarder->closed(); ++i) {
    left = text;
    while (!left.empty() && !hoarder->closed()) {
      left.remove_prefix(hoarder->say(left));
      if (!left.empty()) turn();
    }
  }
  leaver.reset();
  EXPECT_TRUE(soon([&] { return hoarder->closed(); }));
  EXPECT_EQ(gateway_->counters().oversized, 1U);
  EXPECT_TRUE(soon([&] { return upstream_.closed.size() == 2; }));
  // What they left counts no longer, and holds nobody up.
  const std::size_t before = upstream_.texts.size();
  const auto honest = connected();
  honest->say(masked("honest"));
  EXPECT_TRUE(soon([&] { return upstream_.texts.size() > before; }));
  EXPECT_EQ(upstream_.texts.back().second, "honest");
  EXPECT_EQ(gateway_->counters().oversized, 1U);
}

TEST_F(GatewayTest, one_host_cannot_take_the_places_of_all) {
  config_.connections_max = 8;
  config_.connections_per_host_max = 4;
  open();
  std::vector<std::unique_ptr<RawSocket>> greedy;
  for (int i = 0; i < 4; ++i) greedy.push_back(connected());
  RawSocket fifth(port_);
  EXPECT_TRUE(soon([&] { return fifth.closed(); }));
  RawSocket neighbour(port_, "127.0.0.2");
  EXPECT_THAT(answer_to(neighbour, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n")),
              StartsWith("HTTP/1.1 101"));
}

TEST_F(GatewayTest, closes_on_binary_frames) {
  const auto socket = connected();
  socket->say(masked("abc", 0x82));
  EXPECT_EQ(close_code(*socket), 1003U);
  EXPECT_TRUE(upstream_.texts.empty());
}

TEST_F(GatewayTest, survives_malformed_frames) {
  for (const std::string& bytes :
       {std::string("\x81\x03"
                    "abc"),                                                   // not masked
        std::string("\xF1\x80\0\0\0\0", 6),                                   // reserved bits
        std::string("\x83\x80\0\0\0\0", 6),                                   // unknown opcode
        std::string("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0", 14),  // absurd length
        std::string("\x80\x80\0\0\0\0", 6),   // continuation of nothing
        std::string("\x88\x81\0\0\0\0x", 7),  // close with half a code
        std::string(1000, '\xFF')}) {
    const auto socket = connected();
    socket->say(bytes);
    for_a_while(20'000);
  }
  EXPECT_NE(connected(), nullptr);
}

TEST_F(GatewayTest, survives_random_bytes_after_and_instead_of_the_handshake) {
  std::uint32_t state = 1;
  for (int round = 0; round < 200; ++round) {
    std::string noise;
    for (int i = 0; i < 200; ++i) {
      state = state * 1664525 + 1013904223;
      noise += static_cast<char>(state >> 24);
    }
    RawSocket socket(port_);
    if (round % 2 == 0) socket.say(upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n"));
    socket.say(noise);
    turn();
    turn();
  }
  EXPECT_NE(connected(), nullptr);
}

// ---- Messages out -------------------------------------------------------------------------------

TEST_F(GatewayTest, sends_replies_of_all_sizes_in_order) {
  const auto socket = connected();
  std::vector<std::string> sent;
  for (const std::size_t size : {0UL, 5UL, 125UL, 126UL, 65'535UL, 65'536UL, 1'500'000UL, 3UL}) {
    sent.emplace_back(size, static_cast<char>('a' + sent.size()));
    gateway_->reply(last_connection(), sent.back());
  }
  std::vector<ServerFrame> frames;
  ASSERT_TRUE(soon([&] {
    for (ServerFrame& frame : take_frames(*socket)) frames.push_back(std::move(frame));
    return frames.size() == sent.size();
  }));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(frames[i].opcode, 0x81U);
    EXPECT_EQ(frames[i].payload, sent[i]) << i;
  }
}

TEST_F(GatewayTest, keeps_pongs_and_replies_apart_under_load_both_ways) {
  const auto socket = connected();
  upstream_.on_text = [&](ConnectionId connection, std::string_view text) {
    gateway_->reply(connection, std::string(20'000, text[0]));
  };
  const std::string batch = masked("a") + masked("ping", 0x89) + masked("b");
  std::string pending;
  for (int i = 0; i < 100; ++i) pending += batch;
  std::size_t said = 0;
  std::vector<ServerFrame> frames;
  ASSERT_TRUE(soon([&] {
    said += socket->say(std::string_view(pending).substr(said));
    for (ServerFrame& frame : take_frames(*socket)) frames.push_back(std::move(frame));
    return std::ranges::count(frames, 0x81U, &ServerFrame::opcode) == 200;
  }));
  std::size_t texts = 0;
  for (const ServerFrame& frame : frames) {
    if (frame.opcode == 0x8A) {
      EXPECT_EQ(frame.payload, "ping");
    } else {
      ASSERT_EQ(frame.payload, std::string(20'000, texts % 2 == 0 ? 'a' : 'b'));
      ++texts;
    }
  }
}

TEST_F(GatewayTest, closes_a_client_that_does_not_read) {
  config_.queued_bytes_max = 1 << 20;
  open();
  const auto lazy = connected();
  const ConnectionId connection = last_connection();
  const std::string text(100'000, 'x');
  for (int i = 0; i < 1000; ++i) {
    gateway_->reply(connection, text);
    turn();
  }
  ASSERT_TRUE(soon([&] { return upstream_.closed.size() == 1; }));
  EXPECT_EQ(upstream_.closed[0], connection);
  EXPECT_EQ(gateway_->counters().not_reading, 1U);
}

TEST_F(GatewayTest, closes_with_a_reason_after_what_was_queued) {
  const auto socket = connected();
  gateway_->reply(last_connection(), "last words");
  gateway_->close(last_connection(), "because");
  gateway_->reply(last_connection(), "too late");
  std::vector<ServerFrame> frames;
  ASSERT_TRUE(soon([&] {
    for (ServerFrame& frame : take_frames(*socket)) frames.push_back(std::move(frame));
    return frames.size() == 2;
  }));
  EXPECT_EQ(frames[0].payload, "last words");
  EXPECT_EQ(frames[1].opcode, 0x88U);
  EXPECT_THAT(frames[1].payload, EndsWith("because"));
  socket->say(masked(frames[1].payload, 0x88));
  EXPECT_TRUE(soon([&] { return upstream_.closed.size() == 1; }));
}

TEST_F(GatewayTest, ignores_replies_to_those_who_left) {
  auto socket = connected();
  socket = nullptr;
  ASSERT_TRUE(soon([&] { return upstream_.closed.size() == 1; }));
  gateway_->reply(last_connection(), "hello?");
  gateway_->close(last_connection(), "bye");
  turn();
}

TEST_F(GatewayTest, does_not_use_a_number_twice) {
  for (int i = 0; i < 5; ++i) connected();
  std::set<std::uint64_t> numbers;
  for (const auto& [connection, address] : upstream_.connected) numbers.insert(connection.value);
  EXPECT_THAT(numbers, SizeIs(5));
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
