#include "server/cli/http_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

namespace prytany::cli {
namespace {

constexpr std::string_view line_end = "\r\n";

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find(line_end), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + line_end.size(), text.size()));
  return line;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

const char* words_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 303: return "See Other";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Error";
  }
}

/// What "content-length" says; nothing if that is no length.
std::optional<std::size_t> length_from(const std::string& digits) {
  constexpr std::size_t digits_max = 12;
  const bool number = !digits.empty() && digits.size() <= digits_max &&
                      std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::optional<std::size_t>(std::stoull(digits)) : std::nullopt;
}

}  // namespace

Result<HttpRequest> http_request_from(std::string_view head) {
  std::string_view line = take_line(head);
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end ||
      !line.substr(target_end + 1).starts_with("HTTP/1."))
    return Error{"this is not an HTTP request"};
  HttpRequest request;
  request.method = line.substr(0, method_end);
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  if (!target.starts_with('/')) return Error{"a request names a path"};
  const std::size_t question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  if (question < target.size()) request.query = target.substr(question + 1);
  const auto twice = [&](const std::string& name, std::string_view value) {
    return name == "content-length" && request.headers.contains(name) &&
           request.header(name) != value;
  };
  while (!head.empty()) {
    line = take_line(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return Error{"a header has no name"};
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    if (twice(name, trimmed(line.substr(colon + 1))))
      return Error{"content-length says two things"};
    request.headers.emplace(std::move(name), trimmed(line.substr(colon + 1)));
  }
  return request;
}

std::string to_text(const HttpReply& reply, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " + words_of(reply.status);
  text += "\r\ncontent-type: " + reply.media_type;
  text += "\r\ncontent-length: " + std::to_string(reply.body.size());
  for (const auto& [name, value] : reply.headers)
    text.append("\r\n").append(name).append(": ").append(value);
  text +=
      "\r\ncache-control: no-cache\r\nx-content-type-options: nosniff"
      "\r\nreferrer-policy: no-referrer\r\ncontent-security-policy: frame-ancestors 'self'"
      "\r\nx-frame-options: SAMEORIGIN\r\nconnection: close\r\n\r\n";
  return with_body ? text + reply.body : text;
}

HttpServer::HttpServer(net::Poller& poller, net::Fd listener, Handler handler, Setting setting)
    : poller_(poller),
      listener_(std::move(listener)),
      handler_(std::move(handler)),
      setting_(std::move(setting)) {
  poller_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_waiting(); });
}

HttpServer::~HttpServer() {
  poller_.forget(listener_.get());
  while (!connections_.empty()) close(connections_.begin()->first);
}

void HttpServer::accept_waiting() {
  if (connections_.size() >= connections_max && !make_room()) {
    // They wait in the system's queue, until somebody is answered.
    full_ = true;
    poller_.change(listener_.get(), 0);
    return;
  }
  net::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return;
  const std::uint64_t id = ++last_id_;
  poller_.watch(fd.get(), EPOLLIN, [this, id](std::uint32_t) { ready(id); });
  connections_[id].fd = std::move(fd);
}

bool HttpServer::make_room() {
  // The oldest of those who owe us something, then of those who are slow to take their answer.
  // Whoever waits for us may have changed the world.
  const auto over = [](const auto& entry) {
    const Connection& c = entry.second;
    return !c.asked || (!c.out.empty() && c.written == c.out.size());
  };
  auto found = std::ranges::find_if(connections_, over);
  if (found == connections_.end())
    found = std::ranges::find_if(connections_, [](const auto& e) { return !e.second.out.empty(); });
  if (found == connections_.end()) return false;
  close(found->first);
  return true;
}

void HttpServer::let_in() {
  if (std::exchange(full_, false)) poller_.change(listener_.get(), EPOLLIN);
}

void HttpServer::close(std::uint64_t id) {
  poller_.forget(connections_.at(id).fd.get());
  connections_.erase(id);
  let_in();
}

void HttpServer::ready(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if (!read(id, connection) || !write(connection)) close(id);
}

bool HttpServer::read(std::uint64_t id, Connection& connection) {
  std::array<char, 4096> piece;
  while (true) {
    const ssize_t n = ::recv(connection.fd.get(), piece.data(), piece.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    if (connection.asked) continue;  // what follows says nothing to us
    connection.in.append(piece.data(), static_cast<std::size_t>(n));
    take(id, connection);
  }
}

std::optional<HttpReply> HttpServer::take_head(Connection& connection) const {
  const std::size_t end = connection.in.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (connection.in.size() < head_bytes_max) return std::nullopt;
    return refusal(400, "the request's head is too long");
  }
  auto request = http_request_from(std::string_view(connection.in).substr(0, end));
  if (!request) return refusal(400, request.error().message);
  connection.request = std::move(*request);
  connection.in.erase(0, end + 4);
  if (setting_.body_bytes_max == 0) return std::nullopt;
  const std::string length = connection.request->header("content-length");
  const bool asks_with_body = length.empty() && connection.request->method == "POST";
  if (asks_with_body || !connection.request->header("transfer-encoding").empty())
    return refusal(411, "say how long the body is: content-length");
  if (length.empty()) return std::nullopt;
  const auto bytes = length_from(length);
  if (!bytes) return refusal(400, "content-length is no length");
  if (*bytes > setting_.body_bytes_max)
    return refusal(413, "a body may have " + std::to_string(setting_.body_bytes_max) + " bytes");
  connection.body_bytes = *bytes;
  // Some programs wait a while for this before they send a body. If it gets lost, they send it all
  // the same.
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  if (connection.request->header("expect") == "100-continue" && connection.in.size() < *bytes)
    (void)::send(connection.fd.get(), go_on.data(), go_on.size(), MSG_NOSIGNAL);
  return std::nullopt;
}

void HttpServer::take(std::uint64_t id, Connection& connection) {
  if (!connection.request) {
    if (const auto refused = take_head(connection)) return say(connection, *refused);
    if (!connection.request) return;
  }
  if (connection.in.size() < connection.body_bytes) return;
  connection.in.resize(connection.body_bytes);
  connection.request->body = std::move(connection.in);
  connection.asked = true;
  if (const auto reply = handler_(*connection.request, id)) say(connection, *reply);
}

void HttpServer::say(Connection& connection, const HttpReply& reply) {
  connection.asked = true;
  const bool head = connection.request && connection.request->method == "HEAD";
  connection.out = to_text(reply, !head);
}

void HttpServer::answer(std::uint64_t question, const HttpReply& reply) {
  const auto found = connections_.find(question);
  if (found == connections_.end()) return;
  say(found->second, reply);
  if (!write(found->second)) close(question);
  let_in();  // now somebody can make room
}

HttpReply HttpServer::refusal(unsigned status, const std::string& words) const {
  if (setting_.refusal) return setting_.refusal(status, words);
  return {status, "text/plain; charset=utf-8", words + "\n"};
}

bool HttpServer::write(Connection& connection) {
  if (connection.out.empty()) return true;
  while (connection.written < connection.out.size()) {
    const ssize_t n = ::send(connection.fd.get(), connection.out.data() + connection.written,
                             connection.out.size() - connection.written, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      poller_.change(connection.fd.get(), EPOLLIN | EPOLLOUT);
      return true;
    }
    if (n < 0) return false;
    connection.written += static_cast<std::size_t>(n);
  }
  if (connection.written == connection.out.size() && connection.written > 0) {
    // The end of what we say; the caller closes. What it may still be sending would else make the
    // system throw away our answer.
    ::shutdown(connection.fd.get(), SHUT_WR);
    poller_.change(connection.fd.get(), EPOLLIN);
  }
  return true;
}

}  // namespace prytany::cli
