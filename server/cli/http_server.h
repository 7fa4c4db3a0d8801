// The smallest HTTP server that a page on this machine can ask: for `prytany dev` alone. Replicas
// serve by net/gateway. One answer per connection; everything that a caller can make it remember is
// bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/result.h"
#include "server/net/poller.h"
#include "server/net/socket.h"

namespace prytany::cli {

struct HttpRequest {
  std::string method;
  std::string path;                            // without the query
  std::string query;                           // without the question mark
  std::map<std::string, std::string> headers;  // names in lower case; the first of each

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct HttpReply {
  unsigned status = 200;
  std::string media_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// The head of a request, up to and without the empty line.
Result<HttpRequest> http_request_from(std::string_view head);
/// The reply as it travels. `with_body`: not to HEAD.
std::string to_text(const HttpReply& reply, bool with_body);

class HttpServer {
 public:
  static constexpr std::size_t head_bytes_max = 16 << 10;
  static constexpr std::size_t connections_max = 64;
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  /// `poller` outlives this. Bodies of requests are not read.
  HttpServer(net::Poller& poller, net::Fd listener, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  struct Connection {
    net::Fd fd;
    std::string in;
    std::string out;
    std::size_t written = 0;
    bool answered = false;
  };
  void accept_waiting();
  void ready(std::uint64_t id);
  /// False: the connection is over.
  bool read(Connection& connection);
  bool write(Connection& connection);
  void close(std::uint64_t id);

  net::Poller& poller_;
  net::Fd listener_;
  Handler handler_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Connection> connections_;  // the oldest first
};

}  // namespace prytany::cli
