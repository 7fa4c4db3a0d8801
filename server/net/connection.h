// One non-blocking stream with a buffer in and a bounded queue out. Knows bytes, not frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/net/socket.h"

namespace prytany::net {

class Connection {
 public:
  explicit Connection(Fd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// errno of the connect that ended, 0 when it stands.
  [[nodiscard]] int connect_error() const { return net::connect_error(fd_); }
  void set_link_options() const { net::set_link_options(fd_); }

  /// Takes what has arrived, until `held_max` bytes are held or the socket is empty. The Error says
  /// why the stream has ended. Memory grows with the bytes received, never with the bytes promised.
  Result<void> receive(std::size_t held_max);
  /// Received and not yet consumed.
  [[nodiscard]] ByteView received() const { return ByteView(in_).subspan(consumed_, held()); }
  void consume(std::size_t bytes);

  /// Writes what the socket takes and queues the rest. False: the queue holds more than
  /// `queued_max` bytes, and this was dropped.
  bool send(Bytes bytes, std::size_t queued_max);
  /// Writes more of the queue, many pieces per system call.
  Result<void> flush();
  [[nodiscard]] bool wants_write() const { return !out_.empty(); }
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }

 private:
  [[nodiscard]] std::size_t held() const { return filled_ - consumed_; }
  void make_room(std::size_t held_max);

  Fd fd_;
  Bytes in_;  // [consumed_, filled_) is received data; beyond is room
  std::size_t consumed_ = 0;
  std::size_t filled_ = 0;
  std::deque<Bytes> out_;
  std::size_t front_sent_ = 0;  // bytes of out_.front() already written
  std::size_t queued_bytes_ = 0;
  bool broken_ = false;  // a write failed; reading will say so too
};

}  // namespace prytany::net
