// RFC 6455, the client's side: what we write, and what we refuse to read.
#include "clientlib/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::client {
namespace {

using testing::HasSubstr;

/// A server's frame: unmasked.
std::string frame(unsigned first_byte, const std::string& payload) {
  std::string out(1, static_cast<char>(first_byte));
  if (payload.size() <= 125) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    out += static_cast<char>(126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  } else {
    out += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8)
      out += static_cast<char>((payload.size() >> shift) & 0xff);
  }
  return out + payload;
}
constexpr unsigned final_text = 0x81, first_text = 0x01, middle = 0x00, final_continuation = 0x80;

/// All texts in `bytes`, given in pieces of `step`; or "error: ..." at the end.
std::vector<std::string> read(const std::string& bytes, std::size_t step, std::size_t max = 1000) {
  FrameReader reader(max);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader.append(std::string_view(bytes).substr(at, step));
    while (true) {
      auto next = reader.next();
      if (!next) {
        out.push_back("error: " + next.error().message);
        return out;
      }
      if (!*next) break;
      out.push_back((**next).payload);
    }
  }
  return out;
}

TEST(WebSocketFrames, texts_of_every_length_form_survive_any_cutting) {
  std::string bytes;
  std::vector<std::string> expected;
  for (const std::size_t size : {0U, 1U, 125U, 126U, 300U, 65535U, 65536U}) {
    expected.push_back(std::string(size, static_cast<char>('a' + size % 26)));
    bytes += frame(final_text, expected.back());
  }
  for (const std::size_t step : {1U, 2U, 7U, 1000U, 200'000U})
    EXPECT_EQ(read(bytes, step, 70'000), expected) << step;
}

TEST(WebSocketFrames, fragments_make_one_message_and_a_ping_may_come_between) {
  const std::string bytes = frame(first_text, "one ") + frame(0x89, "ping") +
                            frame(middle, "two ") + frame(final_continuation, "three");
  for (const std::size_t step : {1U, 3U, 100U})
    EXPECT_THAT(read(bytes, step), testing::ElementsAre("ping", "one two three"));
}

TEST(WebSocketFrames, what_breaks_the_rules_is_refused_with_its_reason) {
  const std::vector<std::pair<std::string, std::string>> broken = {
      {frame(0xC1, "x"), "reserved bits"},
      {frame(0x82, "x"), "binary"},
      {frame(0x83, "x"), "unknown kind"},
      {frame(0x8B, "x"), "unknown kind"},
      {frame(0x09, "x"), "control frame in fragments"},
      {frame(0x89, std::string(126, 'x')), "over 125 bytes"},
      {frame(final_continuation, "x"), "continuation of nothing"},
      {frame(first_text, "x") + frame(final_text, "y"), "inside a fragmented one"},
      {std::string("\x81\x81") + "mask" + "x", "masked"},
      {std::string("\x81\x7e\x00\x05", 4) + "hello", "more bytes than it needs"},
      {std::string("\x81\x7f\x00\x00\x00\x00\x00\x00\x01\x00", 10), "more bytes than it needs"}};
  for (const auto& [bytes, reason] : broken) {
    for (const std::size_t step : {1U, 1000U}) {
      const auto got = read(bytes, step);
      ASSERT_FALSE(got.empty()) << reason;
      EXPECT_THAT(got.back(), HasSubstr(reason));
    }
  }
}

TEST(WebSocketFrames, a_message_over_the_limit_is_refused_by_its_header_alone) {
  std::string header("\x81\x7f\x00\x00\x00\x7f\xff\xff\xff\xff", 10);  // half a terabyte
  EXPECT_THAT(read(header, 1).back(), HasSubstr("over the size limit"));
  // Also when it comes in pieces that are each small enough.
  std::string pieces =
      frame(first_text, std::string(600, 'x')) + frame(middle, std::string(401, 'x'));
  EXPECT_THAT(read(pieces, 1000).back(), HasSubstr("over the size limit"));
  EXPECT_THAT(read(frame(final_text, std::string(1000, 'x')), 1000),
              testing::ElementsAre(std::string(1000, 'x')));
}

TEST(WebSocketFrames, after_an_error_nothing_more_is_read) {
  FrameReader reader(1000);
  reader.append(frame(0x82, "x"));
  EXPECT_FALSE(reader.next());
  reader.append(frame(final_text, "fine"));
  EXPECT_FALSE(reader.next());
}

TEST(WebSocketFrames, any_bytes_give_messages_or_a_reason_and_never_more_than_came) {
  std::uint64_t state = 12345;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (int i = 0; i < 64; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      bytes += static_cast<char>(state >> 56);
    }
    std::size_t total = 0;
    for (const std::string& text : read(bytes, 5, 100)) {
      if (!text.starts_with("error: ")) total += text.size();
    }
    EXPECT_LE(total, bytes.size());
  }
}

TEST(WebSocketFrames, what_we_write_is_masked_and_reads_back) {
  for (const std::size_t size : {0U, 5U, 125U, 126U, 65535U, 65536U}) {
    const std::string text(size, 'q');
    std::string out;
    append_frame(out, Opcode::text, text, {1, 2, 3, 200});
    EXPECT_EQ(static_cast<unsigned char>(out[0]), 0x81);
    EXPECT_EQ(static_cast<unsigned char>(out[1]) & 0x80U, 0x80U) << "clients mask";
    const std::size_t header = size <= 125 ? 2 : size <= 65535 ? 4 : 10;
    ASSERT_EQ(out.size(), header + 4 + size);
    for (std::size_t i = 0; i < size; ++i) {
      const unsigned mask = static_cast<unsigned char>(out[header + i % 4]);
      ASSERT_EQ(static_cast<unsigned char>(out[header + 4 + i]) ^ mask, unsigned{'q'});
    }
  }
}

// ---- the opening handshake (section 4) -------------------------------------------------------

std::array<std::uint8_t, 16> sample_nonce() {
  // The example of RFC 6455 section 1.3: "the sample nonce".
  std::array<std::uint8_t, 16> nonce{};
  const std::string text = "the sample nonce";
  std::copy(text.begin(), text.end(), nonce.begin());
  return nonce;
}
std::string reply(const std::string& accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                  const std::string& more = "Sec-WebSocket-Protocol: prytany.v1\r\n") {
  return "HTTP/1.1 101 Switching Protocols\r\nUPGRADE: WebSocket\r\nconnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         accept + "\r\n" + more + "\r\n";
}

TEST(WebSocketOpening, accepts_the_reply_of_the_rfcs_example_and_leaves_what_follows) {
  const auto used = check_upgrade_reply(reply() + "frame", sample_nonce());
  ASSERT_TRUE(used.ok()) << used.error().message;
  EXPECT_EQ(*used, reply().size());
  for (std::size_t cut = 0; cut < reply().size(); ++cut)
    EXPECT_EQ(*check_upgrade_reply(reply().substr(0, cut), sample_nonce()), 0U);
}

TEST(WebSocketOpening, refuses_what_is_not_our_server) {
  const auto why = [](const std::string& text) {
    const auto used = check_upgrade_reply(text, sample_nonce());
    return used ? "accepted " + std::to_string(*used) : used.error().message;
  };
  EXPECT_THAT(why("HTTP/1.1 404 Not Found\r\n\r\n"), HasSubstr("404 Not Found"));
  EXPECT_THAT(why(reply("bm9wZQ==")), HasSubstr("does not answer our key"));
  EXPECT_THAT(why(reply("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "")), HasSubstr("prytany.v1"));
  EXPECT_THAT(why(reply("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol: chat\r\n")),
              HasSubstr("prytany.v1"));
  EXPECT_THAT(why(reply("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                        "Sec-WebSocket-Protocol: prytany.v1\r\n"
                        "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
              HasSubstr("extension"));
  EXPECT_THAT(why(std::string(9000, 'x')), HasSubstr("too long"));
}

TEST(WebSocketOpening, asks_for_our_protocol_with_a_key_of_16_bytes) {
  const std::string request = upgrade_request(*parse_websocket_url("ws://h:81/p"), sample_nonce());
  EXPECT_THAT(request, HasSubstr("GET /p HTTP/1.1\r\nHost: h:81\r\n"));
  EXPECT_THAT(request, HasSubstr("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  EXPECT_THAT(request, HasSubstr("Sec-WebSocket-Protocol: prytany.v1\r\n"));
  EXPECT_TRUE(request.ends_with("\r\n\r\n"));
}

TEST(WebSocketUrls, are_taken_apart_or_refused) {
  const auto plain = parse_websocket_url("ws://replica.example:7001");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->host + " " + plain->port + " " + plain->path, "replica.example 7001 /");
  const auto six = parse_websocket_url("wss://[::1]:7001/x");
  ASSERT_TRUE(six.ok());
  EXPECT_TRUE(six->secure);
  EXPECT_EQ(six->host + " " + six->port, "::1 7001");
  EXPECT_EQ(parse_websocket_url("wss://h")->port, "443");
  for (const char* bad : {"", "http://h", "ws://", "ws://h:", "ws://h:x", "ws://h:123456",
                          "ws://h:1/\r\nX: y", "ws://h h:1"})
    EXPECT_FALSE(parse_websocket_url(bad).ok()) << bad;
}

}  // namespace
}  // namespace prytany::client
