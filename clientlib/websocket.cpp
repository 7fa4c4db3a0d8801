#include "clientlib/websocket.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>

#include "server/crypto/sha1.h"

namespace prytany::client {
namespace {

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3
constexpr std::size_t control_payload_max = 125;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The value of a header that must be there once.
std::optional<std::string> header_value(std::string_view head, std::string_view name) {
  std::optional<std::string> found;
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const std::size_t begin = at + 2;
    const std::size_t end = std::min(head.find("\r\n", begin), head.size());
    const std::string_view line = head.substr(begin, end - begin);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && lower(line.substr(0, colon)) == name) {
      if (found) return std::nullopt;
      found = std::string(trim(line.substr(colon + 1)));
    }
    at = head.find("\r\n", begin);
  }
  return found;
}

std::string accept_key(const std::array<std::uint8_t, 16>& nonce) {
  return to_base64(crypto::sha1(as_bytes(to_base64(nonce) + std::string(accept_guid))));
}

}  // namespace

Result<WebSocketUrl> parse_websocket_url(std::string_view url) {
  WebSocketUrl parsed;
  const auto refuse = [&](const char* why) {
    return Error{"not a WebSocket address: \"" + std::string(url) + "\" " + why};
  };
  if (url.starts_with("ws://")) {
    url.remove_prefix(5);
  } else if (url.starts_with("wss://")) {
    parsed.secure = true;
    url.remove_prefix(6);
  } else {
    return refuse("begins neither with ws:// nor with wss://");
  }
  const std::size_t slash = std::min(url.find('/'), url.size());
  parsed.path = slash == url.size() ? "/" : std::string(url.substr(slash));
  std::string_view authority = url.substr(0, slash);
  const std::size_t bracket = authority.find(']');  // of an IPv6 address
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    parsed.port = std::string(authority.substr(colon + 1));
    authority = authority.substr(0, colon);
  } else {
    parsed.port = parsed.secure ? "443" : "80";
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  parsed.host = std::string(authority);
  if (parsed.host.empty()) return refuse("names no host");
  const bool digits = std::ranges::all_of(parsed.port, [](char c) { return c >= '0' && c <= '9'; });
  if (parsed.port.empty() || parsed.port.size() > 5 || !digits) return refuse("has a bad port");
  // It goes into a request's first lines as it is.
  const std::string whole = parsed.host + parsed.path;
  if (std::ranges::any_of(whole, [](char c) { return c <= ' ' || c > '~'; }))
    return refuse("holds a character that may not stand in an address");
  return parsed;
}

std::string upgrade_request(const WebSocketUrl& url, const std::array<std::uint8_t, 16>& nonce) {
  const bool ipv6 = url.host.find(':') != std::string::npos;
  std::string request = "GET " + url.path + " HTTP/1.1\r\n";
  request += "Host: " + (ipv6 ? "[" + url.host + "]" : url.host) + ":" + url.port + "\r\n";
  request += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  request += "Sec-WebSocket-Key: " + to_base64(nonce) + "\r\n";
  request += "Sec-WebSocket-Protocol: " + std::string(websocket_protocol) + "\r\n\r\n";
  return request;
}

Result<std::size_t> check_upgrade_reply(std::string_view bytes,
                                        const std::array<std::uint8_t, 16>& nonce) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > upgrade_reply_bytes_max) return Error{"the opening reply is too long"};
    return std::size_t{0};
  }
  const std::string_view head = bytes.substr(0, end);
  if (!head.starts_with("HTTP/1.1 101"))
    return Error{"the server answers \"" +
                 std::string(head.substr(0, std::min(head.find('\r'), std::size_t{80}))) +
                 "\" instead of opening a WebSocket"};
  if (lower(header_value(head, "upgrade").value_or("")) != "websocket")
    return Error{"the opening reply does not upgrade to websocket"};
  if (lower(header_value(head, "connection").value_or("")).find("upgrade") == std::string::npos)
    return Error{"the opening reply does not upgrade the connection"};
  if (header_value(head, "sec-websocket-accept").value_or("") != accept_key(nonce))
    return Error{"the opening reply does not answer our key"};
  if (header_value(head, "sec-websocket-protocol").value_or("") != websocket_protocol)
    return Error{"the server does not speak prytany.v1"};
  if (header_value(head, "sec-websocket-extensions"))
    return Error{"the server uses an extension that nobody asked for"};
  return end + 4;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload,
                  const std::array<std::uint8_t, 4>& mask) {
  ENSURE(payload.size() <= control_payload_max || opcode == Opcode::text);
  const auto put = [&](std::uint64_t byte) { out.push_back(static_cast<char>(byte & 0xffU)); };
  put(0x80U | static_cast<unsigned>(opcode));
  const std::uint64_t size = payload.size();
  if (size <= 125) {
    put(0x80U | size);
  } else {
    const int bytes = size <= 0xffff ? 2 : 8;
    put(0x80U | (bytes == 2 ? 126U : 127U));
    for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8) put(size >> shift);
  }
  for (const std::uint8_t byte : mask) put(byte);
  const std::size_t begin = out.size();
  out.append(payload);
  // Eight bytes at a time: a frame is written once for every replica.
  const std::array<std::uint8_t, 8> twice = {mask[0], mask[1], mask[2], mask[3],
                                             mask[0], mask[1], mask[2], mask[3]};
  const auto mask_word = std::bit_cast<std::uint64_t>(twice);
  std::size_t i = 0;
  for (; i + 8 <= payload.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, out.data() + begin + i, sizeof word);
    word ^= mask_word;
    std::memcpy(out.data() + begin + i, &word, sizeof word);
  }
  for (; i < payload.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[begin + i]);
    out[begin + i] = static_cast<char>(byte ^ mask[i & 3U]);
  }
}

void FrameReader::append(std::string_view bytes) {
  if (error_) return;
  // What was read is dropped when it is the larger part: each byte moves once.
  if (at_ > bytes_.size() / 2) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  bytes_.append(bytes);
}

Result<std::optional<FrameReader::Header>> FrameReader::header() const {
  const std::string_view bytes = rest();
  if (bytes.size() < 2) return std::optional<Header>{};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  Header header;
  header.final = (byte(0) & 0x80U) != 0;
  header.opcode = static_cast<Opcode>(byte(0) & 0x0fU);
  if ((byte(0) & 0x70U) != 0) return Error{"a frame with reserved bits"};
  if ((byte(1) & 0x80U) != 0) return Error{"a masked frame from a server"};
  const unsigned small = byte(1) & 0x7fU;
  const std::size_t more = small == 126 ? 2 : small == 127 ? 8 : 0;
  header.size = 2 + more;
  if (bytes.size() < header.size) return std::optional<Header>{};
  header.payload = more == 0 ? small : 0;
  for (std::size_t i = 0; i < more; ++i) header.payload = (header.payload << 8) | byte(2 + i);
  if ((more == 2 && header.payload <= 125) || (more == 8 && header.payload <= 0xffff))
    return Error{"a frame whose length takes more bytes than it needs"};
  return std::optional<Header>(header);
}

Result<void> FrameReader::check(const Header& header) const {
  switch (header.opcode) {
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!header.final) return Error{"a control frame in fragments"};
      if (header.payload > control_payload_max) return Error{"a control frame over 125 bytes"};
      return {};
    case Opcode::text:
      if (in_message_) return Error{"a new message inside a fragmented one"};
      break;
    case Opcode::continuation:
      if (!in_message_) return Error{"a continuation of nothing"};
      break;
    case Opcode::binary: return Error{"a binary message"};
    default: return Error{"a frame of an unknown kind"};
  }
  if (header.payload > max_ - partial_.size()) return Error{"a message over the size limit"};
  return {};
}

Result<std::optional<FrameReader::Message>> FrameReader::next() {
  while (!error_) {
    const auto header = this->header();
    if (!header) {
      error_ = header.error();
      break;
    }
    if (!*header) return std::optional<Message>{};
    const Header& h = **header;
    // Refused by its header: a promise of too many bytes is not waited for.
    if (const auto checked = check(h); !checked) {
      error_ = checked.error();
      break;
    }
    if (rest().size() - h.size < h.payload) return std::optional<Message>{};
    const std::string_view payload = rest().substr(h.size, h.payload);
    at_ += h.size + payload.size();
    if (h.opcode != Opcode::text && h.opcode != Opcode::continuation)
      return std::optional<Message>(Message{h.opcode, std::string(payload)});
    partial_.append(payload);
    in_message_ = !h.final;
    if (!h.final) continue;
    Message message{Opcode::text, std::move(partial_)};
    partial_.clear();
    return std::optional<Message>(std::move(message));
  }
  return *error_;
}

}  // namespace prytany::client
