// The mouth of a Byzantine replica: between its honest process and the world. It holds the real
// keys of its links and of its clients' connections; the process is given a key that nobody else
// has.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/crypto/agree.h"
#include "server/wire/handshake.h"
#include "server/wire/signing.h"
#include "tests/sim/byzantine/plot.h"
#include "tests/sim/byzantine/strategy.h"
#include "tests/sim/sim_ports.h"

namespace prytany::sim {

class Mouth {
 public:
  /// All outlive the mouth.
  Mouth(Run run, Machine& machine, Outside& outside, Plot& plot, const Liar& liar, Rng rng);

  // ---- what its process has and does ----
  /// Keeps the real key for sending, and leaves the process another.
  void link_up(ReplicaId peer, wire::LinkKeys& keys);
  void link_down(ReplicaId peer);
  void died();
  /// What its process drew from the operating system.
  void drew(ByteView random);
  void frame(ReplicaId to, Time departs, ByteView sealed);
  void text(node::ConnectionId to, Time departs, std::string text);

  // ---- what it is told ----
  void heard(ReplicaId from, ByteView frame);
  void client_text(node::ConnectionId from, std::string_view text);
  /// The same, of a client in league with it.
  void confided(std::string_view text);
  void tick();

  /// Messages that its process did not say so, or then, or at all.
  [[nodiscard]] std::uint64_t lies_told() const { return lies_told_; }

  // ---- for strategies ----
  [[nodiscard]] ReplicaId self() const { return machine_.id; }
  [[nodiscard]] Time now() const { return run_.queue.now(); }
  void later(std::uint64_t microseconds, std::function<void()> what);
  /// On everybody, when this turn is over; and calls them again.
  void hang_up();
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] const Plot& plot() const { return plot_; }
  /// Of the latest that it heard or said.
  [[nodiscard]] View view() const { return view_; }
  [[nodiscard]] Seq seq() const { return seq_; }
  [[nodiscard]] bool leads(View view) const { return plot_.group.primary_of(view) == self(); }
  template <class M>
  [[nodiscard]] wire::Signed<M> sign(M message) const {
    return wire::sign(membership(), self(), machine_.signer, std::move(message));
  }
  [[nodiscard]] crypto::Signature sign_bytes(ByteView said) const {
    return machine_.signer.sign(said);
  }
  /// A signature of its own over what a signed message says now.
  void sign_anew(wire::PeerMessage& message) const;
  /// Now, in a frame of its own.
  void say(ReplicaId to, const wire::PeerMessage& message);
  void say_to_all(const wire::PeerMessage& message);
  /// The same with bytes that need not be a message.
  void say_bytes(ReplicaId to, Bytes message);
  [[nodiscard]] std::vector<ReplicaId> peers() const;
  /// To a client, now.
  void tell(node::ConnectionId to, const wire::ToClient& message);
  [[nodiscard]] std::vector<node::ConnectionId> clients() const;

 private:
  struct Client {
    std::optional<wire::ClientHello> hello;
    std::optional<crypto::Mac> key;
  };
  [[nodiscard]] wire::Membership membership() const;
  void utter(ReplicaId to, Time departs, const Words& words);
  void seal(ReplicaId to, Time departs,
            const std::vector<std::shared_ptr<const wire::EncodedMessage>>& messages,
            bool mistagged = false);
  void learn(const wire::PeerMessage& message);
  void greeted(Client& client, const wire::ServerHello& hello);
  void leave(node::ConnectionId to, Time departs, Client& client, const wire::ToClient& message);

  Run run_;
  Machine& machine_;
  Outside& outside_;
  Plot& plot_;
  Rng rng_;
  std::vector<std::unique_ptr<Strategy>> strategies_;
  std::map<ReplicaId, crypto::Mac> keys_;
  std::map<node::ConnectionId, Client> clients_;
  std::deque<crypto::DhSecret::Seed> seeds_;
  ConfigNumber config_;
  View view_;
  Seq seq_;
  std::uint64_t lies_told_ = 0;
};

/// The Byzantine replicas of a run.
class Mouths {
 public:
  Mouths(Run run, std::deque<Machine>& machines, Outside& outside, const Plot& plot);
  /// From now on they speak unasked.
  void start();
  [[nodiscard]] std::uint64_t lies_told() const;
  /// A hostile client gives them this, and nobody sees it.
  void confide(const wire::ClientRequest& request);
  [[nodiscard]] bool was_confided(const Digest& request) const {
    return confided_.contains(request);
  }

 private:
  void tick_later(Mouth& mouth, std::uint64_t every_us);

  Run run_;
  Rng rng_;
  Plot plot_;
  std::deque<Mouth> mouths_;
  std::set<Digest> confided_;
};

}  // namespace prytany::sim
