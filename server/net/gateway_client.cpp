#include "server/net/gateway_client.h"

#include <libwebsockets.h>

namespace prytany::net {
namespace {

constexpr std::size_t kept_capacity = 256 << 10;  // what one large message grew is given back
/// To keep a text costs more than its bytes.
constexpr std::size_t text_overhead_bytes = 64;

void give_back(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kept_capacity) std::string().swap(buffer);
}

constexpr unsigned text_frame = 0x81;  // final
constexpr unsigned close_frame = 0x88;

/// Servers do not mask.
void put_frame_header(std::string& out, unsigned first_byte, std::size_t size) {
  out.push_back(static_cast<char>(first_byte));
  int length_bytes = 0;
  if (size < 126) {
    out.push_back(static_cast<char>(size));
  } else if (size < 65536) {
    out.push_back(static_cast<char>(126));
    length_bytes = 2;
  } else {
    out.push_back(static_cast<char>(127));
    length_bytes = 8;
  }
  for (int shift = 8 * length_bytes - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((size >> shift) & 0xFF));
  }
}

}  // namespace

bool GatewayClient::add_fragment(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max - in_.size()) return false;
  in_.append(bytes);
  return true;
}

void GatewayClient::forget_message() { give_back(in_); }

void GatewayClient::keep_message() {
  kept_bytes_ += in_.size() + text_overhead_bytes;
  kept_.push_back(std::exchange(in_, {}));
}

std::string GatewayClient::take_kept() {
  std::string text = std::move(kept_.front());
  kept_.pop_front();
  kept_bytes_ -= text.size() + text_overhead_bytes;
  return text;
}

void GatewayClient::forget_kept() {
  std::deque<std::string>().swap(kept_);
  kept_bytes_ = 0;
}

bool GatewayClient::queue(std::string_view text, std::size_t bytes_max) {
  // One message always fits: a client that reads must get a reply of any legal size.
  if (has_queued() && out_.size() + text.size() > bytes_max) return false;
  append_frame(text_frame, text);
  return true;
}

void GatewayClient::queue_close(unsigned code, std::string_view reason) {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  payload += reason.substr(0, 123);
  append_frame(close_frame, payload);
  closing_ = true;
}

void GatewayClient::append_frame(unsigned first_byte, std::string_view payload) {
  if (out_.empty()) out_.assign(LWS_PRE, '\0');
  put_frame_header(out_, first_byte, payload.size());
  out_.append(payload);
}

bool GatewayClient::write() {
  // All at once: what the kernel does not take libwebsockets copies, and nothing may be written
  // until that is gone. In pieces, it would put its pongs between two pieces, and so into the
  // middle of a frame.
  if (lws_partial_buffered(socket_) != 0) return true;
  rest_bytes_ = 0;
  if (!has_queued()) return true;
  auto* bytes = reinterpret_cast<unsigned char*>(out_.data() + LWS_PRE);
  if (lws_write(socket_, bytes, out_.size() - LWS_PRE, LWS_WRITE_RAW) < 0) return false;
  if (lws_partial_buffered(socket_) != 0) rest_bytes_ = out_.size();
  give_back(out_);
  return true;
}

void GatewayClient::forget_queued() {
  std::string().swap(out_);
  rest_bytes_ = 0;
}

}  // namespace prytany::net
