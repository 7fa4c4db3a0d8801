// One frame per peer and turn; every message encoded once.
#include "server/node/outbox.h"

#include <gtest/gtest.h>

#include "server/wire/verify.h"

namespace prytany::node {
namespace {

class Recording : public Transport {
 public:
  void send(ReplicaId to, Bytes frame) override { sent.emplace_back(to, std::move(frame)); }
  void reply(ConnectionId, std::string) override {}
  void close(ConnectionId, std::string_view) override {}
  std::vector<std::pair<ReplicaId, Bytes>> sent;
};

wire::LinkKeys keys(std::uint8_t send, std::uint8_t receive) {
  crypto::MacKey a{};
  crypto::MacKey b{};
  a.fill(send);
  b.fill(receive);
  return {crypto::Mac(a), crypto::Mac(b)};
}

struct Sending : testing::Test {
  Recording transport;
  Outbox outbox{ConfigNumber{0}, transport};
  wire::Prepare prepare{View{1}, Seq{2}, {}};
};

TEST_F(Sending, puts_all_messages_of_a_turn_in_one_frame_per_peer) {
  outbox.up(ReplicaId{1}, keys(1, 2));
  outbox.up(ReplicaId{2}, keys(3, 4));
  outbox.add(std::nullopt, prepare);
  outbox.add(std::nullopt, prepare);
  outbox.add(ReplicaId{2}, prepare);
  outbox.flush();
  ASSERT_EQ(transport.sent.size(), 2u);
  wire::Membership group;
  group.replica_keys.resize(4);
  wire::Verifier verifier(group);
  const auto at_2 = verifier.open(ReplicaId{0}, keys(4, 3), transport.sent[1].second);
  ASSERT_TRUE(at_2.ok());
  EXPECT_EQ(at_2->size(), 3u);
}

TEST_F(Sending, drops_what_is_for_a_peer_without_a_link) {
  outbox.add(ReplicaId{1}, prepare);
  outbox.add(std::nullopt, prepare);
  outbox.up(ReplicaId{1}, keys(1, 2));
  outbox.flush();
  EXPECT_TRUE(transport.sent.empty());
}

TEST_F(Sending, splits_what_is_too_much_for_one_frame) {
  outbox.up(ReplicaId{1}, keys(1, 2));
  wire::StatePages pages;
  pages.bytes.bytes.resize(limits::state_part_bytes_max);
  for (int i = 0; i < 64; ++i) outbox.add(ReplicaId{1}, wire::StatePart{Seq{1}, 1, pages});
  outbox.flush();
  EXPECT_GT(transport.sent.size(), 1u);
  for (const auto& [to, frame] : transport.sent) EXPECT_LE(frame.size(), limits::frame_bytes_max);
}

TEST_F(Sending, puts_no_more_signatures_in_a_frame_than_its_receiver_checks_at_once) {
  outbox.up(ReplicaId{1}, keys(1, 2));
  wire::ClientRequest signed_request;
  signed_request.proof.signature.emplace();
  wire::PrePrepare half;
  for (std::size_t i = 0; i < limits::frame_signatures_max / 2; ++i)
    half.batch.requests.items.push_back(signed_request);
  for (int i = 0; i < 5; ++i) outbox.add(ReplicaId{1}, half);
  for (std::size_t i = 0; i <= limits::frame_signatures_max; ++i)
    outbox.add(ReplicaId{1}, wire::Signed<wire::Checkpoint>{});
  outbox.add(ReplicaId{1}, prepare);
  outbox.flush();
  EXPECT_EQ(transport.sent.size(), 4u) << "two halves, two, one with 512 more, and the rest";
}

TEST_F(Sending, forgets_what_waited_when_a_link_is_made_anew) {
  outbox.up(ReplicaId{1}, keys(1, 2));
  outbox.add(ReplicaId{1}, prepare);
  outbox.up(ReplicaId{1}, keys(5, 6));
  outbox.flush();
  EXPECT_TRUE(transport.sent.empty());
}

}  // namespace
}  // namespace prytany::node
