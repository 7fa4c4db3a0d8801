// An upstream that remembers what it was told, and a socket without manners.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/net/poller.h"
#include "server/net/socket.h"
#include "server/net/upstream.h"

namespace prytany::net {

class Recorder final : public Upstream {
 public:
  void link_up(ReplicaId peer, wire::LinkKeys fresh) override {
    events.push_back("up " + std::to_string(peer.value));
    keys.insert_or_assign(peer, std::move(fresh));
  }
  void link_down(ReplicaId peer) override {
    events.push_back("down " + std::to_string(peer.value));
    keys.erase(peer);
  }
  bool frame(ReplicaId peer, ByteView sealed) override {
    whose = peer;
    if (on_frame && on_frame()) return true;
    frames.emplace_back(peer, to_bytes(sealed));
    return false;
  }
  std::uint64_t take_worked_us(ReplicaId peer) override {
    return std::exchange(worked_us[peer], 0);
  }
  void configurations(const wire::ConfigurationLinks& links) override { news = links; }
  void client_connected(ConnectionId connection, std::string address) override {
    connected.emplace_back(connection, std::move(address));
  }
  void client_text(ConnectionId connection, std::string_view text) override {
    texts.emplace_back(connection, text);
    if (on_text) on_text(connection, text);
  }
  void client_closed(ConnectionId connection) override { closed.push_back(connection); }
  std::optional<Page> page(std::string_view path) override {
    const auto found = pages.find(std::string(path));
    return found == pages.end() ? std::nullopt : std::optional(found->second);
  }

  std::optional<std::string> read(ConnectionId asked, std::string host, std::string_view procedure,
                                  const std::vector<std::string>& arguments) override {
    reads.push_back({asked, std::move(host), std::string(procedure), arguments});
    return read_complaint;
  }

  struct Read {
    ConnectionId asked;
    std::string host;
    std::string procedure;
    std::vector<std::string> arguments;
  };
  std::vector<Read> reads;  // by HTTP
  std::optional<std::string> read_complaint;
  std::vector<std::string> events;
  wire::ConfigurationLinks news;
  std::map<ReplicaId, wire::LinkKeys> keys;
  std::vector<std::pair<ReplicaId, Bytes>> frames;
  std::vector<std::pair<ConnectionId, std::string>> connected;
  std::vector<std::pair<ConnectionId, std::string>> texts;
  std::vector<ConnectionId> closed;
  std::map<std::string, Page> pages;
  std::function<void(ConnectionId, std::string_view)> on_text;
  ReplicaId whose;  // the last frame, or a part of it
  std::map<ReplicaId, std::uint64_t> worked_us;
  std::function<bool()> on_frame;  // true: there is more of it
};

/// Turns `once` until `done` or five seconds have passed: then false.
inline bool eventually(const std::function<void()>& once, const std::function<bool()>& done) {
  const Time deadline = SystemClock().now() + 5'000'000;
  while (!done()) {
    if (SystemClock().now() >= deadline) return false;
    once();
  }
  return true;
}

/// What costs so much to look at.
inline void take_time(std::uint64_t us) {
  const Time end = SystemClock().now() + us;
  while (SystemClock().now() < end) continue;
}

/// A connection that says what it likes and never waits.
class RawSocket {
 public:
  /// `from`: an address of this machine, to be another host in the eyes of the server.
  explicit RawSocket(std::uint16_t port, const std::string& from = "127.0.0.1") {
    const auto address = numeric_address("127.0.0.1", port);
    const auto own = numeric_address(from, 0);
    EXPECT_TRUE(address.ok());
    EXPECT_TRUE(own.ok());
    fd_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&own->storage), own->length), 0);
    EXPECT_EQ(
        ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->length),
        0);
    ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  }

  /// What the socket took of it.
  std::size_t say(ByteView bytes) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  std::size_t say(std::string_view text) { return say(as_bytes(text)); }

  /// All that was heard so far.
  const std::string& hear() {
    char piece[65536];
    while (true) {
      const ssize_t n = ::recv(fd_.get(), piece, sizeof piece, 0);
      if (n == 0 || (n < 0 && errno != EAGAIN)) closed_ = true;
      if (n <= 0) return heard_;
      heard_.append(piece, static_cast<std::size_t>(n));
    }
  }
  bool closed() {
    hear();
    return closed_;
  }
  void forget(std::size_t bytes) { heard_.erase(0, bytes); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  std::string heard_;
  bool closed_ = false;
};

}  // namespace prytany::net
