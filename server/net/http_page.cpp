#include "server/net/http_page.h"

#include <libwebsockets.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/crypto/digest.h"
#include "server/net/gateway_limits.h"

namespace prytany::net {
namespace {

/// Headers being written; fails once and stays failed, as libwebsockets' calls do.
class Headers {
 public:
  explicit Headers(lws* socket) : socket_(socket) {}

  Headers& status(unsigned code, const char* media_type, std::size_t length) {
    if (lws_add_http_common_headers(socket_, code, media_type, length, &at_, end_) != 0) fail();
    return *this;
  }
  Headers& add(const char* name, std::string_view value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
    if (failed_) return *this;
    if (lws_add_http_header_by_name(socket_, reinterpret_cast<const unsigned char*>(name), bytes,
                                    static_cast<int>(value.size()), &at_, end_) != 0) {
      fail();
    }
    return *this;
  }
  bool send() {
    return !failed_ && lws_finalize_write_http_header(socket_, start(), &at_, end_) == 0;
  }

 private:
  unsigned char* start() { return buffer_.data() + LWS_PRE; }
  void fail() { failed_ = true; }

  lws* socket_;
  std::array<unsigned char, LWS_PRE + 2048> buffer_{};
  unsigned char* at_ = start();
  unsigned char* end_ = buffer_.data() + buffer_.size() - 1;
  bool failed_ = false;
};

/// Ends the transaction: 0 keeps the connection for the next.
int completed(lws* socket) { return lws_http_transaction_completed(socket) != 0 ? -1 : 0; }

int refuse(lws* socket, unsigned status, const char* words) {
  if (lws_return_http_status(socket, status, words) != 0) return -1;
  return completed(socket);
}

}  // namespace

std::unique_ptr<HttpAnswer> HttpAnswer::late(std::string_view json) {
  auto answer = std::make_unique<HttpAnswer>(as_bytes(json));
  answer->headers_due_ = true;
  return answer;
}

std::optional<std::string_view> HttpAnswer::procedure_of(std::string_view path) {
  constexpr std::string_view reads = "/read/";
  if (!path.starts_with(reads)) return std::nullopt;
  return path.substr(reads.size());
}

std::vector<std::string> HttpAnswer::arguments_of(lws* socket) {
  std::vector<std::string> all;
  std::string one(http_header_bytes_max, '\0');
  for (int i = 0;; ++i) {
    const int n = lws_hdr_copy_fragment(socket, one.data(), static_cast<int>(one.size()),
                                        WSI_TOKEN_HTTP_URI_ARGS, i);
    if (n < 0) return all;
    all.emplace_back(one.data(), static_cast<std::size_t>(n));
  }
}

HttpAnswer::Verdict HttpAnswer::refuse(lws* socket, unsigned status, const std::string& words) {
  return net::refuse(socket, status, words.c_str());
}

std::string HttpAnswer::header(lws* socket, int token) {
  const auto which = static_cast<lws_token_indexes>(token);
  std::string value(static_cast<std::size_t>(lws_hdr_total_length(socket, which)) + 1, '\0');
  const int n = lws_hdr_copy(socket, value.data(), static_cast<int>(value.size()), which);
  value.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return value;
}

bool HttpAnswer::is_get(lws* socket) { return lws_hdr_total_length(socket, WSI_TOKEN_GET_URI) > 0; }

HttpAnswer::HttpAnswer(ByteView body) : body_(LWS_PRE, '\0'), sent_(LWS_PRE) {
  body_.append(as_text(body));
}

HttpAnswer::Verdict HttpAnswer::start(lws* socket, std::string_view path, Upstream& upstream,
                                      std::unique_ptr<HttpAnswer>& answer) {
  const bool head = lws_hdr_total_length(socket, WSI_TOKEN_HEAD_URI) > 0;
  if (!head && lws_hdr_total_length(socket, WSI_TOKEN_GET_URI) <= 0) {
    return refuse(socket, HTTP_STATUS_METHOD_NOT_ALLOWED, "only GET and HEAD are served");
  }
  const auto page = upstream.page(path);
  if (!page) return refuse(socket, HTTP_STATUS_NOT_FOUND, "no such page");

  const std::string tag = "\"" + crypto::sha256(page->content).hex().substr(0, 32) + "\"";
  const bool known = header(socket, WSI_TOKEN_HTTP_IF_NONE_MATCH) == tag;
  const unsigned code = known ? HTTP_STATUS_NOT_MODIFIED : HTTP_STATUS_OK;
  // Pages come from the replicated database and change with it, so they are asked for anew each
  // time; all that is served here is public, and a page of one replica compares what the others
  // serve.
  const bool sent = Headers(socket)
                        .status(code, page->media_type.c_str(), known ? 0 : page->content.size())
                        .add("etag:", tag)
                        .add("cache-control:", "no-cache")
                        .add("access-control-allow-origin:", "*")
                        .add("x-content-type-options:", "nosniff")
                        .add("referrer-policy:", "no-referrer")
                        // No other site may put a page in a frame and have people click blindly.
                        .add("content-security-policy:", "frame-ancestors 'self'")
                        .add("x-frame-options:", "SAMEORIGIN")
                        .send();
  if (!sent) return -1;
  if (head || known || page->content.empty()) return completed(socket);
  answer = std::make_unique<HttpAnswer>(page->content);
  lws_callback_on_writable(socket);
  return 0;
}

HttpAnswer::Verdict HttpAnswer::write(lws* socket, std::unique_ptr<HttpAnswer>& answer) {
  HttpAnswer& a = *answer;
  if (std::exchange(a.headers_due_, false)) {
    // Who is refused may come again; a procedure's error is its answer, signed like others.
    const std::string_view json = std::string_view(a.body_).substr(LWS_PRE);
    const bool refused = json.starts_with("{\"type\":\"refused\"");
    const bool sent = Headers(socket)
                          .status(refused ? HTTP_STATUS_SERVICE_UNAVAILABLE : HTTP_STATUS_OK,
                                  "application/json", json.size())
                          .add("cache-control:", "no-cache")
                          .add("access-control-allow-origin:", "*")
                          .add("x-content-type-options:", "nosniff")
                          .send();
    if (!sent) return -1;
    lws_callback_on_writable(socket);
    return 0;
  }
  const std::size_t size = std::min(a.body_.size() - a.sent_, http_piece_bytes);
  const bool last = a.sent_ + size == a.body_.size();
  auto* bytes = reinterpret_cast<unsigned char*>(a.body_.data() + a.sent_);
  if (lws_write(socket, bytes, size, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) return -1;
  a.sent_ += size;
  if (!last) {
    lws_callback_on_writable(socket);
    return 0;
  }
  answer = nullptr;
  return completed(socket);
}

}  // namespace prytany::net
