// Between clients and the true replica: each client's connection has one of its own to the replica,
// greeted as a client greets. What comes back is proven to be the replica's, altered, and tagged
// anew with the key that the client shares with us, who hold the replica's identity.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clientlib/channel.h"
#include "clientlib/websocket_connection.h"
#include "server/net/gateway.h"
#include "server/net/poller.h"
#include "server/net/upstream.h"
#include "tests/liar/forged_pages.h"
#include "tests/liar/forger.h"

namespace prytany::liar {

class Relay final : public net::Upstream {
 public:
  struct Setting {
    ReplicaId self;
    crypto::Signer signer;
    wire::GenesisFile genesis;
    wire::HostPort truth;  // where the true replica serves clients
    Lies lies;
  };
  Relay(Setting setting, net::Poller& poller);
  ~Relay() override;

  void bind(net::Gateway& gateway) { gateway_ = &gateway; }
  void unbind() { gateway_ = nullptr; }

  void link_up(ReplicaId, wire::LinkKeys) override {}
  void link_down(ReplicaId) override {}
  /// It stands before one replica, in the configuration of genesis.
  void configurations(const wire::ConfigurationLinks&) override {}
  bool frame(ReplicaId, ByteView) override { return false; }
  void client_connected(net::ConnectionId connection, std::string address) override;
  void client_text(net::ConnectionId connection, std::string_view text) override;
  void client_closed(net::ConnectionId connection) override;
  std::optional<Page> page(std::string_view path) override { return pages_.page(path); }

 private:
  struct Asked {
    Question question;
    std::optional<ReplicaId> designated;
    Digest operation;  // what was asked, whoever asked it
    bool lie = false;
  };
  struct Conversation {
    explicit Conversation(client::Channel c) : channel(std::move(c)) {}
    std::optional<crypto::Mac> key;  // with the client
    client::Channel channel;         // with the true replica
    std::unique_ptr<client::WebSocketConnection> socket;
    int fd = -1;
    std::vector<std::string> waiting;  // for the replica's hello
    std::map<Digest, Asked> requests;
    std::map<std::uint64_t, Asked> reads;
  };

  // what the client says
  void greet(net::ConnectionId id, Conversation& c, const wire::ClientHello& hello);
  void on_request(net::ConnectionId id, Conversation& c, wire::SubmitRequest submit);
  void on_bundle_request(net::ConnectionId id, Conversation& c, const wire::BundleRequest& request);
  void on_read(net::ConnectionId id, Conversation& c, const wire::PublicRead& read);
  bool decides_to_lie(const Question& question);
  [[nodiscard]] std::optional<wire::Outcome> prompt(const Asked& asked) const;

  // what the true replica says
  void on_upstream(net::ConnectionId id, std::uint32_t events);
  void heard(net::ConnectionId id, Conversation& c, wire::ToClient message);
  void pass_on(net::ConnectionId id, Conversation& c, wire::Reply reply);
  void pass_on(net::ConnectionId id, Conversation& c, wire::PublicReadReply reply);
  void pass_on(net::ConnectionId id, Conversation& c, wire::JoinTokenReply reply);
  std::optional<wire::Outcome> altered(const Asked& asked, const wire::Outcome& truth);

  void send_up(net::ConnectionId id, Conversation& c, std::string text);
  bool flush_up(net::ConnectionId id, Conversation& c);
  void send_down(net::ConnectionId id, Conversation& c, const wire::ToClient& message);
  void hang_up(net::ConnectionId id, std::string_view why);
  void forget(Conversation& c);

  Setting setting_;
  net::Poller& poller_;
  net::Gateway* gateway_ = nullptr;
  std::shared_ptr<const client::ClusterView> cluster_;
  ForgedPages pages_;
  std::map<net::ConnectionId, Conversation> conversations_;
  std::map<Digest, wire::Outcome> remembered_;  // true outcomes, by what was asked
  std::uint64_t questions_ = 0;
  std::uint64_t bundles_ = 0;
  Seq last_seq_;
};

}  // namespace prytany::liar
