// That it does lie: a liar that says the truth would show nothing.
#include "tests/liar/peer_liar.h"

#include <gtest/gtest.h>

#include "server/wire/codec.h"

namespace prytany::liar {
namespace {

class Sockets final : public node::Transport {
 public:
  void send(ReplicaId to, Bytes frame) override { sent.emplace_back(to, std::move(frame)); }
  void reply(node::ConnectionId, std::string) override {}
  void close(node::ConnectionId, std::string_view) override {}
  std::vector<std::pair<ReplicaId, Bytes>> sent;
};
class Node final : public net::Upstream {
 public:
  void link_up(ReplicaId, wire::LinkKeys) override {}
  void link_down(ReplicaId) override {}
  bool frame(ReplicaId, ByteView) override { return false; }
  void configurations(const wire::ConfigurationLinks&) override {}
  void client_connected(net::ConnectionId, std::string) override {}
  void client_text(net::ConnectionId, std::string_view) override {}
  void client_closed(net::ConnectionId) override {}
  std::optional<Page> page(std::string_view) override { return std::nullopt; }
};

struct PeerLies : testing::Test {
  void tell(std::set<PeerLie> lies) {
    liar = std::make_unique<PeerLiar>(
        PeerLiar::Setting{{4, 1}, ReplicaId{0}, Digest{}, signer, std::move(lies), 300'000, 1'000});
    (void)liar->before(sockets);
    (void)liar->before(node);
    for (std::uint16_t peer = 1; peer < 4; ++peer)
      liar->link_up(ReplicaId{peer}, {crypto::Mac(real), crypto::Mac(real)});
  }
  /// The node says this; what leaves, if anything.
  std::optional<wire::PeerMessage> said(std::uint16_t to, const wire::PeerMessage& message) {
    sockets.sent.clear();
    const std::vector<std::shared_ptr<const wire::EncodedMessage>> one{
        std::make_shared<const wire::EncodedMessage>(wire::encode_message(message))};
    liar->send(ReplicaId{to}, wire::seal(ConfigNumber{}, crypto::Mac(crypto::MacKey{}), one));
    if (sockets.sent.empty()) return std::nullopt;
    return first(sockets.sent.front().second);
  }
  static wire::PeerMessage first(const Bytes& frame) {
    wire::Reader reader(frame);
    reader.take(4 + wire::frame_header_bytes);
    return wire::decode<wire::PeerMessage>(reader.take(reader.number<std::uint32_t>())).value();
  }
  static wire::PrePrepare proposal() {
    wire::PrePrepare p;
    p.seq = Seq{2};
    p.batch.requests.items = {wire::ClientRequest{}};
    return p;
  }

  crypto::Signer signer = crypto::Signer::generate();
  crypto::MacKey real = [] {
    crypto::MacKey key{};
    key.front() = 7;
    return key;
  }();
  Sockets sockets;
  Node node;
  std::unique_ptr<PeerLiar> liar;
};

TEST_F(PeerLies, two_proposals_for_one_number_and_votes_that_fit_each) {
  tell({PeerLie::equivocate});
  const auto true_one = std::get<wire::PrePrepare>(*said(2, proposal()));
  const auto other = std::get<wire::PrePrepare>(*said(1, proposal()));
  EXPECT_EQ(true_one, proposal());
  EXPECT_TRUE(other.batch.requests.empty());
  const Digest truth = wire::batch_digest(true_one.batch, true_one.agreed);
  const wire::Prepare vote{View{0}, Seq{2}, truth};
  EXPECT_EQ(std::get<wire::Prepare>(*said(2, vote)).digest, truth);
  EXPECT_EQ(std::get<wire::Prepare>(*said(1, vote)).digest,
            wire::batch_digest(other.batch, other.agreed));
}

TEST_F(PeerLies, proposals_are_kept_from_one_and_late_for_all) {
  tell({PeerLie::withhold});
  EXPECT_FALSE(said(1, proposal()));
  EXPECT_TRUE(said(2, proposal()));
  tell({PeerLie::slow});
  EXPECT_FALSE(said(2, proposal()));
  const Time due = liar->deadline();
  EXPECT_NE(due, never);
  liar->tick(due);
  ASSERT_EQ(sockets.sent.size(), 1U);
  EXPECT_EQ(first(sockets.sent.front().second), wire::PeerMessage{proposal()});
}

TEST_F(PeerLies, parts_of_states_are_not_what_they_were) {
  tell({PeerLie::poison});
  wire::StatePages pages;
  pages.bytes.bytes.resize(4096);
  const wire::StatePart part{Seq{128}, 1, pages};
  int lies = 0;
  for (int i = 0; i < 4; ++i) {
    const auto left = said(2, part);
    if (!left || *left != wire::PeerMessage{part}) ++lies;
  }
  EXPECT_EQ(lies, 2);
}

TEST_F(PeerLies, it_speaks_unasked_to_all) {
  for (const PeerLie lie : {PeerLie::view_changes, PeerLie::flood, PeerLie::fetches}) {
    tell({lie});
    sockets.sent.clear();
    liar->tick(Time{1'000'000});
    EXPECT_EQ(sockets.sent.size(), 3U);
    EXPECT_GE(liar->told(), 3U);
  }
  tell({PeerLie::checkpoints});
  said(2, wire::Signed<wire::Checkpoint>{});
  sockets.sent.clear();
  liar->tick(Time{1'000'000});
  EXPECT_EQ(sockets.sent.size(), 3U) << "nothing before it has heard one, then to all";
  EXPECT_GE(liar->told(), 60U);
  tell({PeerLie::view_changes});
  sockets.sent.clear();
  liar->tick(Time{1'000'000});
  EXPECT_TRUE(
      std::holds_alternative<wire::Signed<wire::ViewChange>>(first(sockets.sent.front().second)));
}

TEST_F(PeerLies, one_replica_gets_frames_that_take_long_and_no_other_any) {
  tell({PeerLie::heavy});
  said(2, wire::Signed<wire::Checkpoint>{});
  sockets.sent.clear();
  liar->tick(Time{1'000'000});
  ASSERT_EQ(sockets.sent.size(), 2U);
  for (const auto& [to, frame] : sockets.sent) EXPECT_EQ(to, ReplicaId{1});
  const auto greetings = std::get<wire::Relay>(first(sockets.sent.front().second));
  EXPECT_EQ(greetings.items.size(), limits::relayed_max);
}

TEST_F(PeerLies, votes_are_kept) {
  tell({PeerLie::abstain});
  EXPECT_FALSE(said(2, proposal()));
  EXPECT_FALSE(said(1, wire::Commit{}));
  EXPECT_TRUE(said(1, wire::Status{}));
}

}  // namespace
}  // namespace prytany::liar
