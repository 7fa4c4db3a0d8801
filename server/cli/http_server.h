// The smallest HTTP server that pages and programs on this machine can ask: for `prytany dev` and
// `prytany gateway`. Replicas serve by net/gateway. One answer per connection; everything that a
// caller can make it remember is bounded.
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
  std::string body = {};

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
  /// Answers, or keeps the number, by which answer() is told later what there is to say.
  using Handler =
      std::function<std::optional<HttpReply>(const HttpRequest& request, std::uint64_t question)>;
  struct Setting {
    std::size_t body_bytes_max = 0;  // longer bodies are refused; 0: none is read
    /// What is said to those whom the handler never sees; empty: the words, as text.
    std::function<HttpReply(unsigned status, const std::string& words)> refusal = {};
  };

  /// `poller` outlives this.
  HttpServer(net::Poller& poller, net::Fd listener, Handler handler)
      : HttpServer(poller, std::move(listener), std::move(handler), Setting()) {}
  HttpServer(net::Poller& poller, net::Fd listener, Handler handler, Setting setting);
  ~HttpServer();
  /// Not from within the handler. Nothing happens if whoever asked has gone.
  void answer(std::uint64_t question, const HttpReply& reply);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  struct Connection {
    net::Fd fd;
    std::string in;                      // the head, then the body
    std::optional<HttpRequest> request;  // once its head is there
    std::size_t body_bytes = 0;          // that the request says it has
    bool asked = false;                  // the handler, or it was refused: nothing more is read
    std::string out;
    std::size_t written = 0;
  };
  void accept_waiting();
  /// Makes room for one more; false if everybody waits for an answer.
  bool make_room();
  /// Those who come, again.
  void let_in();
  void ready(std::uint64_t id);
  /// False: the connection is over.
  bool read(std::uint64_t id, Connection& connection);
  bool write(Connection& connection);
  /// Takes the head from what came, if it is there; what is said where the handler is not asked.
  std::optional<HttpReply> take_head(Connection& connection) const;
  void take(std::uint64_t id, Connection& connection);
  static void say(Connection& connection, const HttpReply& reply);
  [[nodiscard]] HttpReply refusal(unsigned status, const std::string& words) const;
  void close(std::uint64_t id);

  net::Poller& poller_;
  net::Fd listener_;
  Handler handler_;
  Setting setting_;
  bool full_ = false;  // of those who wait for answers: nobody else is let in
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Connection> connections_;  // the oldest first
};

}  // namespace prytany::cli
