// Between a replica's node and its sockets: lies to the other replicas, sealed and signed with the
// real keys. (Between clients and the replica: relay.h.)
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/cli/interposer.h"
#include "server/crypto/sign.h"
#include "server/net/poller.h"
#include "server/pbft/config.h"
#include "server/wire/frame.h"
#include "server/wire/messages.h"

namespace prytany::liar {

enum class PeerLie {
  equivocate,    // as a primary: two proposals for one number, and votes that fit each
  withhold,      // proposals and batches for all but one replica, which never gets any
  slow,          // as a primary: each proposal almost as late as others have patience
  poison,        // parts of states with another byte, or none
  view_changes,  // VIEW-CHANGEs unasked, another for each peer
  flood,         // what is cheap to say, without end
  fetches,       // questions whose answers are large
  checkpoints,   // what takes many signatures to check, over and over
  abstain,       // no proposals and no votes
  heavy,         // one replica gets frames that cost as much to look at as a frame can
};

class PeerLiar final : public cli::Interposer, public node::Transport, public net::Upstream {
 public:
  struct Setting {
    pbft::Group group;
    ReplicaId self;
    Digest cluster;
    const crypto::Signer& signer;
    std::set<PeerLie> lies;
    std::uint64_t delay_us = 350'000;  // of `slow`
    std::uint64_t per_second = 4'000;  // of `flood` and `checkpoints`, to each peer
  };
  explicit PeerLiar(Setting setting);

  // cli::Interposer
  node::Transport& before(node::Transport& sockets) override;
  net::Upstream& before(net::Upstream& node) override;
  [[nodiscard]] Time deadline() const override;
  void tick(Time now) override;

  // node::Transport: what the node says
  void send(ReplicaId to, Bytes frame) override;
  void reply(node::ConnectionId to, std::string text) override {
    sockets_->reply(to, std::move(text));
  }
  void close(node::ConnectionId connection, std::string_view reason) override {
    sockets_->close(connection, reason);
  }

  // net::Upstream: what the sockets say
  void link_up(ReplicaId peer, wire::LinkKeys keys) override;
  void link_down(ReplicaId peer) override;
  bool frame(ReplicaId peer, ByteView sealed) override { return node_->frame(peer, sealed); }
  std::uint64_t take_worked_us(ReplicaId peer) override { return node_->take_worked_us(peer); }
  void configurations(const wire::ConfigurationLinks& news) override {
    node_->configurations(news);
  }
  void client_connected(net::ConnectionId connection, std::string address) override {
    node_->client_connected(connection, std::move(address));
  }
  void client_text(net::ConnectionId connection, std::string_view text) override {
    node_->client_text(connection, text);
  }
  void client_closed(net::ConnectionId connection) override { node_->client_closed(connection); }
  std::optional<Page> page(std::string_view path) override { return node_->page(path); }
  std::optional<std::string> read(net::ConnectionId asked, std::string host,
                                  std::string_view procedure,
                                  const std::vector<std::string>& arguments) override {
    return node_->read(asked, std::move(host), procedure, arguments);
  }

  /// Messages that the node did not say so, or then, or at all.
  [[nodiscard]] std::uint64_t told() const { return told_; }

 private:
  struct Late {
    ReplicaId to;
    wire::PeerMessage message;
  };
  [[nodiscard]] bool tells(PeerLie lie) const { return setting_.lies.contains(lie); }
  /// False: it does not leave now.
  bool alter(ReplicaId to, wire::PeerMessage& message);
  void learn(const wire::PeerMessage& message);
  void equivocate(ReplicaId to, wire::PeerMessage& message);
  bool poison(wire::PeerMessage& message);
  void say(ReplicaId to, const wire::PeerMessage& message);
  void seal(ReplicaId to, const std::vector<wire::PeerMessage>& messages);
  void spam_view_changes();
  void flood();
  void fetch();
  void spam_checkpoints();
  void weigh_down();
  [[nodiscard]] ReplicaId forsaken() const {
    return ReplicaId{static_cast<std::uint16_t>((setting_.self.value + 1) % setting_.group.n)};
  }

  Setting setting_;
  node::Transport* sockets_ = nullptr;
  net::Upstream* node_ = nullptr;
  net::SystemClock clock_;
  std::map<ReplicaId, crypto::Mac> keys_;
  std::map<Digest, Digest> stories_;  // what stands for it, on the other side
  std::multimap<Time, Late> late_;
  Time next_ = Time{0};  // when it speaks unasked
  ConfigNumber config_;
  View view_;
  Seq seq_;
  std::optional<wire::PeerMessage> checkpoint_;  // the last one that its node said, or its proof
  std::uint64_t told_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace prytany::liar
