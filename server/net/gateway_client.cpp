#include "server/net/gateway_client.h"

#include <libwebsockets.h>

#include <algorithm>

#include "server/net/gateway_limits.h"

namespace prytany::net {
namespace {

constexpr std::size_t kept_bytes = 256 << 10;  // a buffer that one large message grew is given back
constexpr std::size_t compact_bytes =
    64 << 10;  // written bytes that are kept at most, or as many as wait

void give_back(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kept_bytes) std::string().swap(buffer);
}

/// A final text frame's header; servers do not mask.
void put_frame_header(std::string& out, std::size_t size) {
  out.push_back(static_cast<char>(0x81));
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

bool GatewayClient::queue(std::string_view text, std::size_t bytes_max) {
  const std::size_t waiting = out_.size() - sent_;
  // One message always fits: a client that reads must get a reply of any legal size.
  if (waiting > LWS_PRE && waiting + text.size() > bytes_max) return false;
  if (out_.empty()) {
    out_.assign(LWS_PRE, '\0');
    sent_ = LWS_PRE;
  }
  if (sent_ - LWS_PRE > compact_bytes && sent_ > waiting) {
    out_.erase(LWS_PRE, sent_ - LWS_PRE);
    sent_ = LWS_PRE;
  }
  put_frame_header(out_, text.size());
  out_.append(text);
  return true;
}

bool GatewayClient::write() {
  // libwebsockets sends at most its buffer size per write and copies the rest: giving it no more
  // than that keeps the copy small. Once it holds a rest nothing may be written before that is
  // gone.
  while (has_queued() && lws_partial_buffered(socket_) == 0) {
    const std::size_t size = std::min(out_.size() - sent_, socket_write_bytes);
    auto* bytes = reinterpret_cast<unsigned char*>(out_.data() + sent_);
    if (lws_write(socket_, bytes, size, LWS_WRITE_RAW) < 0) return false;
    sent_ += size;
    if (sent_ < out_.size()) continue;
    sent_ = 0;
    give_back(out_);
  }
  return true;
}

}  // namespace prytany::net
