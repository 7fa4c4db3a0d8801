// Plain HTTP on the clients' port: GET and HEAD of the application's pages, /status and
// /genesis.json.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "server/net/upstream.h"

struct lws;

namespace prytany::net {

/// A body on its way out; belongs to one transaction.
class HttpAnswer {
 public:
  /// What libwebsockets' callback must return: 0 goes on, other values end the connection.
  using Verdict = int;

  /// Answers the request for `path`: headers now, the body in later write() calls. `answer` is set
  /// while there is a body to send.
  static Verdict start(lws* socket, std::string_view path, Upstream& upstream,
                       std::unique_ptr<HttpAnswer>& answer);
  /// The next piece. `answer` is reset when the last is written.
  static Verdict write(lws* socket, std::unique_ptr<HttpAnswer>& answer);

  explicit HttpAnswer(ByteView body);

 private:
  std::string body_;  // headroom for libwebsockets, then the bytes
  std::size_t sent_;
};

}  // namespace prytany::net
