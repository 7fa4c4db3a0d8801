// What clients send and are sent through their door, also those that keep no rules, and those that
// do not read.
#include <set>

#include "tests/unit/net/gateway_fixture.h"

namespace prytany::net {
namespace {

using testing::EndsWith;
using testing::SizeIs;
using testing::StartsWith;

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
  config_.held_bytes_max = 48'000;
  config_.slice.turn_us = 1;
  open();
  std::vector<std::unique_ptr<RawSocket>> hoarders;
  for (int i = 0; i < 8; ++i) hoarders.push_back(connected());
  auto leaver = connected();
  upstream_.on_text = [&](ConnectionId, std::string_view) { take_time(3'000); };
  const std::string many = [] {
    std::string all;
    for (int i = 0; i < 200; ++i) all += masked(std::string(60, 'x'));
    return all;
  }();
  leaver->say(many);
  for (const auto& hoarder : hoarders) hoarder->say(many);
  EXPECT_TRUE(soon([&] { return gateway_->counters().oversized > 0; }));
  upstream_.on_text = nullptr;
  leaver.reset();
  hoarders.clear();
  EXPECT_TRUE(soon([&] { return upstream_.closed.size() == 9; }));
  // What they left counts no longer, and holds nobody up.
  const std::uint64_t closed = gateway_->counters().oversized;
  const std::size_t before = upstream_.texts.size();
  const auto honest = connected();
  honest->say(masked(std::string(40'000, 'h')));
  EXPECT_TRUE(soon([&] { return upstream_.texts.size() > before; }));
  EXPECT_EQ(upstream_.texts.back().second.front(), 'h');
  EXPECT_EQ(gateway_->counters().oversized, closed);
}

/// Nothing of it reaches us: libwebsockets answers by itself, once for each time it reads.
TEST_F(GatewayTest,
       who_sends_nothing_but_pings_waits_with_the_rest_while_another_host_has_its_turn) {
  config_.slice = {.turn_us = 1, .burst_us = 1'000'000, .percent = 100};
  open();
  std::vector<std::unique_ptr<RawSocket>> greedy;
  for (int i = 0; i < 40; ++i) greedy.push_back(connected());
  RawSocket modest(port_, "127.0.0.2");
  answer_to(modest, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n"));
  ASSERT_TRUE(soon([&] { return upstream_.connected.size() == 41; }));
  std::string pings;
  for (int i = 0; i < 4'000; ++i) pings += masked("ping", 0x89);
  for (const auto& socket : greedy) socket->say(pings);
  modest.say(masked("m"));
  int turns = 0;
  while (upstream_.texts.empty() && turns < 1'000) {
    turn();
    ++turns;
  }
  EXPECT_EQ(upstream_.texts.size(), 1U);
  std::vector<std::size_t> pongs(greedy.size());
  const auto answered = [&] {
    for (std::size_t i = 0; i < greedy.size(); ++i) pongs[i] += take_frames(*greedy[i]).size();
    return std::ranges::count_if(pongs, [](std::size_t n) { return n > 0; });
  };
  EXPECT_LT(answered(), 20) << "of 40, in " << turns << " turns";
  EXPECT_TRUE(soon([&] { return answered() == 40; }));
}

TEST_F(GatewayTest, hears_what_came_in_one_piece_with_the_handshake) {
  RawSocket socket(port_);
  answer_to(socket, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n") + masked("one") +
                        masked("ping", 0x89) + masked("two"));
  EXPECT_TRUE(soon([&] { return upstream_.texts.size() == 2; }));
  EXPECT_EQ(upstream_.texts.back().second, "two");
}

TEST_F(GatewayTest, lets_others_in_while_clients_use_up_all_of_their_time) {
  config_.slice = {.turn_us = 500, .burst_us = 2'000, .percent = 50};
  open();
  const auto greedy = connected();
  upstream_.on_text = [&](ConnectionId, std::string_view) { take_time(5'000); };
  for (int i = 0; i < 500; ++i) greedy->say(masked("g"));
  ASSERT_TRUE(soon([&] { return upstream_.texts.size() > 10; }));
  RawSocket late(port_, "127.0.0.2");
  answer_to(late, upgrade("Sec-WebSocket-Protocol: prytany.v1\r\n"));
  EXPECT_TRUE(soon([&] { return upstream_.connected.size() == 2; }));
  EXPECT_LT(upstream_.texts.size(), 100U);
}

TEST_F(GatewayTest, does_not_read_on_from_who_sends_more_than_it_is_its_turn_for) {
  config_.held_bytes_max = 256 << 10;
  open();
  const auto greedy = connected();
  upstream_.on_text = [&](ConnectionId, std::string_view) { take_time(100); };
  std::string all;
  for (int i = 0; i < 4'000; ++i) all += masked(std::string(1'000, 'x'));
  std::string_view left = all;
  EXPECT_TRUE(soon([&] {
    left.remove_prefix(greedy->say(left));
    return upstream_.texts.size() == 4'000;
  })) << upstream_.texts.size();
  EXPECT_EQ(gateway_->counters().oversized, 0U) << "4 MB, of which 256 KiB may wait here";
  EXPECT_FALSE(greedy->closed());
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

TEST_F(GatewayTest, rests_while_who_hung_up_has_not_read_what_it_was_sent_and_ends_it_in_the_end) {
  for (const bool by_its_own_fault : {false, true}) {
    const auto lazy = connected();
    const std::size_t closed = upstream_.closed.size();
    gateway_->reply(last_connection(), std::string(8'000'000, 'x'));
    for_a_while(20'000);
    if (by_its_own_fault) {
      lazy->say(masked("binary", 0x82) + masked("more") + masked("more"));
      for_a_while(5'000);
      lazy->say(masked("and more"));
    } else {
      ::shutdown(lazy->fd(), SHUT_WR);
    }
    for_a_while(5'000);
    int turns = 0;
    for (const Time end = SystemClock().now() + 100'000; SystemClock().now() < end; ++turns) turn();
    EXPECT_LT(turns, 100) << "of 2 ms each";
    const Time long_after = SystemClock().now() + 8'000'000;
    while (upstream_.closed.size() == closed && SystemClock().now() < long_after) turn();
    EXPECT_EQ(upstream_.closed.size(), closed + 1);
  }
}

TEST_F(GatewayTest, keeps_no_more_than_so_much_for_clients_that_do_not_read) {
  config_.queued_bytes_of_all_max = 8 << 20;
  open();
  std::vector<std::unique_ptr<RawSocket>> lazy;
  std::vector<ConnectionId> connections;
  for (int i = 0; i < 40; ++i) {
    lazy.push_back(connected());
    connections.push_back(last_connection());
  }
  const std::string text(500'000, 'x');
  for (int round = 0; round < 12; ++round) {
    for (const ConnectionId connection : connections) gateway_->reply(connection, text);
    turn();
  }
  // 240 MB were said. The kernel takes some megabytes for each connection.
  EXPECT_GT(gateway_->counters().not_reading, 5U);
  ASSERT_TRUE(soon([&] { return upstream_.closed.size() == gateway_->counters().not_reading; }));
  const auto reader = connected();
  gateway_->reply(last_connection(), "hello");
  EXPECT_TRUE(soon([&] { return !take_frames(*reader).empty(); }));
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

}  // namespace
}  // namespace prytany::net
