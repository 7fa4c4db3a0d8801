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
    case 503: return "Service Unavailable";
    default: return "Error";
  }
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
  while (!head.empty()) {
    line = take_line(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return Error{"a header has no name"};
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
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

HttpServer::HttpServer(net::Poller& poller, net::Fd listener, Handler handler)
    : poller_(poller), listener_(std::move(listener)), handler_(std::move(handler)) {
  poller_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_waiting(); });
}

HttpServer::~HttpServer() {
  poller_.forget(listener_.get());
  while (!connections_.empty()) close(connections_.begin()->first);
}

void HttpServer::accept_waiting() {
  net::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return;
  if (connections_.size() >= connections_max) close(connections_.begin()->first);
  const std::uint64_t id = ++last_id_;
  poller_.watch(fd.get(), EPOLLIN, [this, id](std::uint32_t) { ready(id); });
  connections_[id].fd = std::move(fd);
}

void HttpServer::close(std::uint64_t id) {
  poller_.forget(connections_.at(id).fd.get());
  connections_.erase(id);
}

void HttpServer::ready(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if (!read(connection) || !write(connection)) close(id);
}

bool HttpServer::read(Connection& connection) {
  std::array<char, 4096> piece;
  while (true) {
    const ssize_t n = ::recv(connection.fd.get(), piece.data(), piece.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    if (connection.answered) continue;  // a body, which says nothing to us
    connection.in.append(piece.data(), static_cast<std::size_t>(n));
    const std::size_t end = connection.in.find("\r\n\r\n");
    if (end == std::string::npos && connection.in.size() < head_bytes_max) continue;
    connection.answered = true;
    auto request = end == std::string::npos
                       ? Result<HttpRequest>(Error{"the request's head is too long"})
                       : http_request_from(std::string_view(connection.in).substr(0, end));
    const HttpReply reply =
        request ? handler_(*request)
                : HttpReply{400, "text/plain; charset=utf-8", request.error().message + "\n"};
    connection.out = to_text(reply, !request || request->method != "HEAD");
  }
}

bool HttpServer::write(Connection& connection) {
  if (!connection.answered) return true;
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
