// Node: one replica bound to ports. It owns the order "step, persist, one sync, speak, act", and
// nothing that touches a socket, a file or a clock. The server and the simulator run exactly this.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/app/executor.h"
#include "server/node/held.h"
#include "server/node/ports.h"
#include "server/node/state_fetch.h"
#include "server/node/state_server.h"
#include "server/pbft/replica.h"
#include "server/wire/client_messages.h"
#include "server/wire/handshake.h"
#include "server/wire/verify.h"
#include "vfs/page_store.h"

namespace prytany::node {

struct NodeConfig {
  pbft::Config pbft;            // number, first_view, ends_at and mute are filled in
  wire::Membership membership;  // of genesis
  /// Of those members; complete_chain() was called. Nothing: there was never another
  /// configuration.
  std::optional<wire::Chain> chain;
  /// How far a proposed time may be from ours before we hold (ahead) or doubt (behind) a
  /// PRE-PREPARE.
  std::int64_t clock_ahead_max_us = 500'000;
  std::int64_t clock_behind_max_us = 10'000'000;
  std::int64_t join_token_life_us = 60'000'000;
  StateServerOptions serving;  // what peers may read
};

/// Counters for people; never read by the protocol.
struct NodeCounters {
  std::uint64_t frames_refused = 0;  // bad tag, malformed, bad nested proof
  std::uint64_t requests_executed = 0;
  std::uint64_t batches_executed = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t state_transfers = 0;
  std::uint64_t divergences = 0;  // own state found to differ from a certified one
  std::uint64_t syncs = 0;
};

/// In which view a replica starts that holds the state of `image`: Recovery::finish() wants it.
View first_view(const app::Executor& executor, Seq image, const pbft::Group& group);
/// The process may have ended between state.db, which has come to a new configuration, and the
/// chain: then the journal has the proof. True if something was added. Refused: the chain is of
/// another time than state.db.
Result<bool> complete_chain(wire::Chain& chain, const app::Executor& executor,
                            const pbft::Recovered& recovered);

class Node {
 public:
  /// What ties a node to its world. All outlive the node.
  struct World {
    vfs::PageStore& store;
    vfs::PageSlots& fetched;  // where a state transfer puts what is not installed yet
    app::Executor& executor;
    app::Application* application = nullptr;  // for its two upcalls; may be null
    Transport& transport;
    Journal& journal;
    ChainFile& chain_file;
    const Clock& clock;
    std::function<void(std::span<std::uint8_t>)> random;  // nonces and ephemeral keys only
    /// What the core decided, and whether an operator should read it. May be empty.
    std::function<void(const std::string& note, bool important)> on_note;  // may be empty
  };

  /// The last checkpoint that state.db holds must be loaded in `world.store`, and `recovered`
  /// folded from the journal.
  Node(NodeConfig config, const crypto::Signer& signer, pbft::Recovered recovered, World world);
  ~Node();

  // ---- what the world tells; queued until turn() ----
  void link_up(ReplicaId peer, wire::LinkKeys keys);
  void link_down(ReplicaId peer);
  /// Looks at a part of it, for a millisecond about. True: there is more, so call again, with the
  /// same bytes, when others have had their turn. (They stay where they are until this says false,
  /// or the link is down.)
  bool frame(ReplicaId peer, ByteView sealed);
  /// What turn() spent on what this peer said, besides, since last asked.
  std::uint64_t take_worked_us(ReplicaId peer);
  /// What a peer says of newer configurations. Not checked.
  void configurations(const wire::ConfigurationLinks& news);
  void client_connected(ConnectionId connection, std::string address);
  void client_text(ConnectionId connection, std::string_view text);
  /// By plain HTTP: see Clients::read.
  void read(ConnectionId connection, std::string address, wire::Call call);
  void client_closed(ConnectionId connection);

  /// Handles what was queued, ticks when one is due, collects finished commits of state.db; repeats
  /// until nothing is left. One journal sync per round. An Error is a local fault: stop the
  /// process.
  Result<void> turn();
  /// When turn() is owed although nothing happens; `never` if nothing is waited for.
  [[nodiscard]] Time deadline() const;

  /// What is known of configurations; lives as long as the node.
  [[nodiscard]] const wire::Chain& chain() const;
  [[nodiscard]] wire::StatusReply status() const;
  [[nodiscard]] pbft::ReplicaStatus replica_status() const;
  [[nodiscard]] const NodeCounters& counters() const;
  /// Takes time in proportion to what is held.
  [[nodiscard]] Held held() const;
  [[nodiscard]] std::optional<app::Executor::Page> page(std::string_view path) const;
  /// While a state transfer runs.
  [[nodiscard]] std::optional<StateFetch::Progress> transfer() const;
  [[nodiscard]] const TransferCounters& transfer_counters() const;
  /// Sent to others that fetch state.
  [[nodiscard]] std::uint64_t state_bytes_served() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prytany::node
