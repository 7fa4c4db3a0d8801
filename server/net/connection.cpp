#include "server/net/connection.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace prytany::net {
namespace {

constexpr std::size_t room_first_bytes = 16 << 10;
/// A buffer that one large frame made larger than this is given back when it is empty.
constexpr std::size_t room_kept_bytes = 1 << 20;
constexpr std::size_t pieces_per_write = 64;

}  // namespace

void Connection::make_room(std::size_t held_max) {
  if (consumed_ > 0) {
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(consumed_),
              in_.begin() + static_cast<std::ptrdiff_t>(filled_), in_.begin());
    filled_ -= consumed_;
    consumed_ = 0;
  }
  // Doubles only when full: the size promised in a header never makes it grow.
  if (filled_ == in_.size()) {
    in_.resize(std::min(std::max(2 * in_.size(), room_first_bytes), held_max));
  }
}

Result<void> Connection::receive(std::size_t held_max) {
  while (held() < held_max) {
    if (filled_ == in_.size()) make_room(held_max);
    const std::size_t room = std::min(in_.size() - filled_, held_max - held());
    const ssize_t n = ::recv(fd_.get(), in_.data() + filled_, room, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return {};
    if (n < 0) return Error{std::strerror(errno)};
    if (n == 0) return Error{"closed by the other side"};
    filled_ += static_cast<std::size_t>(n);
    if (static_cast<std::size_t>(n) < room) return {};
  }
  return {};
}

void Connection::consume(std::size_t bytes) {
  ENSURE(bytes <= held());
  consumed_ += bytes;
  if (consumed_ < filled_) return;
  consumed_ = filled_ = 0;
  if (in_.size() > room_kept_bytes) Bytes().swap(in_);
}

bool Connection::send(Bytes bytes, std::size_t queued_max) {
  if (broken_ || bytes.empty()) return !broken_;
  // The first always fits, so that a frame larger than the bound is not undeliverable for ever.
  if (queued_bytes_ > 0 && queued_bytes_ + bytes.size() > queued_max) return false;
  const bool idle = out_.empty();
  queued_bytes_ += bytes.size();
  out_.push_back(std::move(bytes));
  if (idle) static_cast<void>(flush());  // an error is remembered, and said by the next flush
  return true;
}

Result<void> Connection::flush() {
  while (!out_.empty() && !broken_) {
    std::array<iovec, pieces_per_write> pieces;
    const std::size_t count = std::min(out_.size(), pieces.size());
    std::size_t skip = front_sent_;
    for (std::size_t i = 0; i < count; ++i) {
      pieces[i] = {out_[i].data() + skip, out_[i].size() - skip};
      skip = 0;
    }
    msghdr message = {};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return {};
    if (n < 0) {
      broken_ = true;
      break;
    }
    auto sent = static_cast<std::size_t>(n);
    queued_bytes_ -= sent;
    while (!out_.empty() && sent >= out_.front().size() - front_sent_) {
      sent -= out_.front().size() - front_sent_;
      front_sent_ = 0;
      out_.pop_front();
    }
    front_sent_ += sent;
  }
  if (broken_) return Error{"cannot write to the other side"};
  return {};
}

}  // namespace prytany::net
