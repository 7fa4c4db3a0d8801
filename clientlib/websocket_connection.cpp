#include "clientlib/websocket_connection.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/crypto/agree.h"

namespace prytany::client {
namespace {

constexpr unsigned unacknowledged_max_ms = 15'000;

Error system_error(const char* doing, int number) {
  return Error{std::string(doing) + ": " + std::strerror(number)};
}

}  // namespace

WebSocketConnection::WebSocketConnection(WebSocketUrl url, const Address& address,
                                         std::shared_ptr<const crypto::TlsTrust> trust)
    : url_(std::move(url)), address_(address) {
  if (!url_.secure) return;
  ENSURE(trust != nullptr);
  tls_.emplace(std::move(trust), url_.host);
}

WebSocketConnection::~WebSocketConnection() {
  if (fd_ < 0) return;
  if (state_ == State::open && out_.empty()) {
    // A goodbye, if it fits: 1000, "normal closure". Nobody waits for the answer.
    put_frame(Opcode::close, std::string_view("\x03\xe8", 2));
    (void)::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  }
  ::close(fd_);
}

Result<int> WebSocketConnection::start() {
  fd_ = ::socket(address_.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return system_error("cannot open a socket", errno);
  const int on = 1;
  (void)::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A host that vanished acknowledges nothing: notice it, and connect again.
  (void)::setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_max_ms,
                     sizeof unacknowledged_max_ms);
  const auto* address = reinterpret_cast<const sockaddr*>(&address_.bytes);
  if (::connect(fd_, address, address_.size) != 0 && errno != EINPROGRESS)
    return system_error("cannot connect", errno);
  state_ = State::connecting;
  return fd_;
}

Result<void> WebSocketConnection::connect_finished() {
  int problem = 0;
  socklen_t size = sizeof problem;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &problem, &size) != 0) problem = errno;
  if (problem != 0) return system_error("cannot connect", problem);
  crypto::random_bytes(nonce_);
  put(upgrade_request(url_, nonce_));
  state_ = State::upgrading;
  return flush();
}

Result<WebSocketConnection::Heard> WebSocketConnection::ready(bool readable, bool writable) {
  Heard heard;
  if (state_ == State::connecting) {
    if (!writable && !readable) return heard;
    if (const auto connected = connect_finished(); !connected) return connected.error();
    return heard;
  }
  if (writable) {
    if (const auto flushed = flush(); !flushed) return flushed.error();
  }
  if (readable) {
    if (const auto done = read(heard); !done) return done.error();
  }
  return heard;
}

Result<void> WebSocketConnection::read(Heard& heard) {
  // One read per turn, as large as it may be: what is left makes the descriptor ready again.
  static thread_local std::array<char, std::size_t{256} << 10> buffer;
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got == 0) return Error{"the replica closed the connection"};
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    return system_error("cannot read", errno);
  }
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (!tls_) return take(bytes, heard);
  std::string plain;
  if (const auto received = tls_->receive(bytes, plain); !received) return received.error();
  if (tls_->ended()) return Error{"the replica closed the connection"};
  put({});  // what TLS itself has to say
  if (const auto flushed = flush(); !flushed) return flushed.error();
  return take(plain, heard);
}

Result<void> WebSocketConnection::take(std::string_view bytes, Heard& heard) {
  if (state_ == State::upgrading) {
    head_ += bytes;
    const auto used = check_upgrade_reply(head_, nonce_);
    if (!used) return used.error();
    if (*used == 0) return {};
    state_ = State::open;
    heard.opened = true;
    reader_.append(std::string_view(head_).substr(*used));
    head_.clear();
  } else {
    reader_.append(bytes);
  }
  return take_messages(heard);
}

Result<void> WebSocketConnection::take_messages(Heard& heard) {
  while (true) {
    auto next = reader_.next();
    if (!next) return Error{"the replica sent " + next.error().message};
    if (!*next) return {};
    FrameReader::Message& message = **next;
    switch (message.opcode) {
      case Opcode::text: heard.texts.push_back(std::move(message.payload)); break;
      case Opcode::ping:
        put_frame(Opcode::pong, message.payload);
        if (const auto flushed = flush(); !flushed) return flushed.error();
        break;
      case Opcode::close: return Error{"the replica closed the connection"};
      default: break;  // an unasked pong
    }
  }
}

void WebSocketConnection::send(std::string_view text) {
  ENSURE(opened());
  put_frame(Opcode::text, text);
}

void WebSocketConnection::put(std::string_view bytes) {
  if (tls_) {
    tls_->send(bytes);
    out_ += tls_->outgoing();
  } else {
    out_ += bytes;
  }
}

void WebSocketConnection::put_frame(Opcode opcode, std::string_view payload) {
  if (!tls_) return append_frame(out_, opcode, payload, next_mask());
  std::string frame;
  append_frame(frame, opcode, payload, next_mask());
  put(frame);
}

Result<void> WebSocketConnection::flush() {
  blocked_ = false;
  while (written_ < out_.size()) {
    const ssize_t sent = ::send(fd_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (sent >= 0) {
      written_ += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return system_error("cannot write", errno);
    blocked_ = true;
    break;
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  } else if (written_ > out_.size() / 2) {
    out_.erase(0, written_);
    written_ = 0;
  }
  // It does not read: its slowness must not become our memory.
  if (out_.size() > waiting_bytes_max) return Error{"the replica does not read"};
  return {};
}

std::array<std::uint8_t, 4> WebSocketConnection::next_mask() {
  if (masks_used_ + 4 > masks_.size()) {
    crypto::random_bytes(masks_);
    masks_used_ = 0;
  }
  std::array<std::uint8_t, 4> mask{};
  std::memcpy(mask.data(), masks_.data() + masks_used_, mask.size());
  masks_used_ += mask.size();
  return mask;
}

}  // namespace prytany::client
