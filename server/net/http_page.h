// Plain HTTP on the clients' port: GET and HEAD of the application's pages, /status and
// /genesis.json; GET of what public procedures answer.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  /// JSON that came after the question, whose headers are still to be sent.
  static std::unique_ptr<HttpAnswer> late(std::string_view json);

  /// "/read/PROCEDURE": the procedure's name.
  static std::optional<std::string_view> procedure_of(std::string_view path);
  /// What stands behind the question mark, decoded: "name=value" each.
  static std::vector<std::string> arguments_of(lws* socket);
  /// Ends the transaction with an error for people.
  static Verdict refuse(lws* socket, unsigned status, const std::string& words);
  static bool is_get(lws* socket);
  /// A header of the question, empty if there is none; `token` is one of libwebsockets'.
  static std::string header(lws* socket, int token);

 private:
  std::string body_;  // headroom for libwebsockets, then the bytes
  std::size_t sent_;
  bool headers_due_ = false;
};

}  // namespace prytany::net
