// What Cluster and Client share behind their public faces.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include <prytany/client.h>

#include "clientlib/convert.h"
#include "clientlib/loop.h"
#include "server/wire/genesis.h"

namespace prytany {

inline std::uint64_t microseconds(std::chrono::milliseconds time) {
  return time.count() <= 0 ? 0 : static_cast<std::uint64_t>(time.count()) * 1000;
}

struct Cluster::Impl {
  Impl(wire::GenesisFile file, std::chrono::milliseconds observer_linger,
       const std::string& authorities);
  ~Impl();
  /// For what needs no session: public reads, status. Opened when first needed.
  client::Seat observer();
  /// Throws Usage on the loop's thread.
  void must_not_be_loop_thread() const;

  wire::Genesis genesis;
  std::chrono::milliseconds observer_linger;
  std::shared_ptr<const client::ClusterView> view;
  std::shared_ptr<const crypto::TlsTrust> trust;  // nothing if no address is wss
  std::unique_ptr<client::Loop> loop;
  std::mutex mutex;
  std::optional<client::Seat> observer_seat;
};

struct Client::Impl {
  std::shared_ptr<Cluster::Impl> cluster;
  client::Seat seat;
  std::atomic<std::uint64_t> timeout_us{0};
  bool fast_reads = false;
  std::uint64_t session = 0;
  std::string principal;
  std::string role;

  ~Impl() {
    if (cluster) cluster->loop->leave_and_close(seat);
  }
  void submit(wire::Operation operation, client::Loop::Done done) const {
    cluster->loop->submit(seat, std::move(operation), timeout_us, std::move(done));
  }
  /// Submits and waits.
  client::Completion ask(wire::Operation operation) const;
  /// The same for what only reads.
  client::Completion ask_to_read(wire::Operation operation) const;
};

/// For our own tools, which ask what the public API has no word for (install, null).
struct ClientAccess {
  static const Client::Impl& of(const Client& client) { return *client.impl_; }
  static Cluster::Impl& of(const Cluster& cluster) { return *cluster.impl_; }
};

/// Reads `genesis`: a path, or the text itself.
Expected<wire::GenesisFile> load_genesis(const std::string& genesis);

}  // namespace prytany
