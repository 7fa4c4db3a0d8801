// What stands between a node and the sockets: replies and frames out, what arrives in, pages and
// /status.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/net/gateway.h"
#include "server/net/links.h"
#include "server/net/upstream.h"
#include "server/node/node.h"

namespace prytany::cli {

/// The node's way out. Until bound, everything is dropped, as by a network that is not there yet.
class SocketTransport final : public node::Transport {
 public:
  void bind(net::Links& links, net::Gateway& gateway) {
    links_ = &links;
    gateway_ = &gateway;
  }
  void unbind() {
    links_ = nullptr;
    gateway_ = nullptr;
  }
  void send(ReplicaId to, Bytes frame) override {
    if (links_ != nullptr) links_->send(to, std::move(frame));
  }
  void reply(node::ConnectionId to, std::string text) override {
    if (gateway_ != nullptr) gateway_->reply(to, text);
  }
  void close(node::ConnectionId connection, std::string_view reason) override {
    if (gateway_ != nullptr) gateway_->close(connection, reason);
  }

  /// Writes the replies that are queued.
  void flush() const {
    if (gateway_ != nullptr) gateway_->flush();
  }

  [[nodiscard]] const net::Links* links() const { return links_; }
  [[nodiscard]] const net::Gateway* gateway() const { return gateway_; }

 private:
  net::Links* links_ = nullptr;
  net::Gateway* gateway_ = nullptr;
};

/// The journal, for a process that also has clients: what was promised to them before is on its way
/// before the disk makes us wait. (Replies are queued, and written together.)
class RepliesFirst final : public node::Journal {
 public:
  RepliesFirst(node::Journal& journal, const SocketTransport& transport)
      : journal_(journal), transport_(transport) {}
  void append(const pbft::JournalRecord& record) override { journal_.append(record); }
  Result<void> sync() override {
    transport_.flush();
    return journal_.sync();
  }
  [[nodiscard]] bool waits() const override { return journal_.waits(); }
  void discard(Seq seq) override { journal_.discard(seq); }

 private:
  node::Journal& journal_;
  const SocketTransport& transport_;
};

/// The sockets' way in.
class NodeUpstream final : public net::Upstream {
 public:
  NodeUpstream(node::Node& node, const SocketTransport& transport, const Digest& cluster,
               std::string genesis_json)
      : node_(node),
        transport_(transport),
        cluster_(cluster),
        genesis_json_(std::move(genesis_json)) {}

  void link_up(ReplicaId peer, wire::LinkKeys keys) override {
    node_.link_up(peer, std::move(keys));
  }
  void link_down(ReplicaId peer) override { node_.link_down(peer); }
  bool frame(ReplicaId peer, ByteView sealed) override { return node_.frame(peer, sealed); }
  std::uint64_t take_worked_us(ReplicaId peer) override { return node_.take_worked_us(peer); }
  void configurations(const wire::ConfigurationLinks& news) override { node_.configurations(news); }
  void client_connected(net::ConnectionId connection, std::string address) override {
    node_.client_connected(connection, std::move(address));
  }
  void client_text(net::ConnectionId connection, std::string_view text) override {
    node_.client_text(connection, text);
  }
  void client_closed(net::ConnectionId connection) override { node_.client_closed(connection); }
  std::optional<Page> page(std::string_view path) override;
  std::optional<std::string> read(net::ConnectionId asked, std::string host,
                                  std::string_view procedure,
                                  const std::vector<std::string>& arguments) override;

 private:
  [[nodiscard]] std::string status_json() const;

  node::Node& node_;
  const SocketTransport& transport_;
  Digest cluster_;
  std::string genesis_json_;
};

}  // namespace prytany::cli
