// The clients' door: WebSocket JSON (subprotocol prytany.v1) and plain HTTP GET, by libwebsockets.
// Its libuv loop is nested in our poller, and it adopts sockets that we accepted. That loop serves
// handshakes, pages and sending. When a WebSocket is read is ours to say, one after the other: in
// one of its turns libuv would read all that have something. Of libwebsockets' own limits none is
// relied on: message size, Origin, subprotocol and queue bounds are checked here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "server/net/poller.h"
#include "server/net/slice.h"
#include "server/net/upstream.h"
#include "server/wire/limits.h"

namespace prytany::net {

/// The operator's certificate for https and wss, PEM files.
struct TlsFiles {
  std::string certificate_chain;
  std::string private_key;
};

struct GatewayConfig {
  /// Exact origins ("https://vote.example") of pages that may open a WebSocket. A client that sends
  /// no Origin is no browser and may. "null" allows pages opened from a file.
  std::set<std::string> origins;
  std::optional<TlsFiles> tls;
  std::size_t connections_max = limits::client_connections_max;
  /// Of one host: in all, and so many that are not (yet) WebSockets. A host is an IPv4 address or
  /// an IPv6 /64.
  std::size_t connections_per_host_max = limits::client_connections_max / 2;
  std::size_t http_per_host_max = 128;
  std::size_t message_bytes_max = limits::json_bytes_max;
  /// Of messages that are not whole yet, or wait for their host's turn, of all clients together:
  /// who holds most of it is closed.
  std::size_t held_bytes_max = 64 << 20;
  /// To listen to clients, all together; they are read, and what they say is looked at, by turns of
  /// hosts. (Hosts behind one proxy are one.)
  Slice::Rule slice = {.turn_us = 500, .burst_us = 50'000, .percent = 67};
  /// Of the clock, at most, while other hosts have something to say, too.
  Slice::Rule slice_of_host = {.turn_us = 500, .burst_us = 25'000, .percent = 25};
  std::size_t queued_bytes_max = limits::client_send_queue_bytes_max;  // of one client
  /// Of what clients have not read yet, all together: the host that leaves most of it is closed.
  std::size_t queued_bytes_of_all_max = 256 << 20;
};

struct GatewayCounters {
  std::uint64_t connections = 0;  // open WebSockets
  std::uint64_t sockets = 0;      // open connections, HTTP included
  std::uint64_t refused = 0;  // wrong origin, subprotocol, method; too many, of one host or in all
  std::uint64_t oversized = 0;  // closed with 1009, or for what of theirs was unfinished or waited
  std::uint64_t not_reading = 0;  // closed because their queue was full, or that of all
};

class Gateway {
 public:
  /// `listener` is listening. All outlive the gateway.
  static Result<std::unique_ptr<Gateway>> create(GatewayConfig config, Poller& poller, Fd listener,
                                                 Upstream& upstream);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Queued; written by flush(), all that waits for one connection in one system call. A client
  /// that does not read is closed. To a read by HTTP: its answer, which ends it.
  void reply(ConnectionId to, std::string_view text);
  /// After what is queued. `reason` travels in the close frame (at most 123 bytes of it).
  void close(ConnectionId connection, std::string_view reason);

  /// Once per turn of the loop, after the node's turn.
  void flush();
  /// Once per turn, after the poller: runs what libwebsockets owes.
  void run();
  /// When run() is owed although nothing happens.
  [[nodiscard]] Time deadline() const;

  [[nodiscard]] const GatewayCounters& counters() const;

 private:
  class Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace prytany::net
