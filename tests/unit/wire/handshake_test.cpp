#include "server/wire/handshake.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/vectors/samples.h"

namespace prytany::wire {
namespace {

using vectors::membership;
using vectors::replica_signer;

const std::string engine(vectors::engine);

/// One end of a connection, with what it needs to live.
struct End {
  Membership group = membership();
  crypto::Signer signer;
  Handshake handshake;

  End(std::uint16_t id, std::optional<ReplicaId> peer, const Membership& in = membership(),
      std::string with_engine = engine)
      : group(in),
        signer(replica_signer(id)),
        handshake(group, signer, ReplicaId{id}, peer, std::move(with_engine),
                  vectors::link_entropy(id)) {}
  End(const End&) = delete;
  End& operator=(const End&) = delete;
};

struct Fed {
  Bytes sent;
  bool done = false;
  std::string refused;
  std::size_t left = 0;
};

Fed feed(Handshake& to, Bytes bytes) {
  Fed fed;
  std::size_t at = 0;
  for (;;) {
    const auto step = to.on_bytes(ByteView(bytes).subspan(at));
    if (!step) {
      fed.refused = step.error().reason;
      return fed;
    }
    fed.sent.insert(fed.sent.end(), step->send.begin(), step->send.end());
    at += step->consumed;
    fed.done = step->done;
    fed.left = bytes.size() - at;
    if (step->done || step->consumed == 0) return fed;
  }
}

/// The three flights of a connection from 0 to 1, with a chance to change each on its way.
using Change = std::function<void(Bytes&)>;
std::string outcome(End& dialler, End& acceptor, const Change& hello = nullptr,
                    const Change& answer = nullptr, const Change& proof = nullptr) {
  Bytes first = dialler.handshake.start();
  if (hello) hello(first);
  Fed accepted = feed(acceptor.handshake, first);
  if (!accepted.refused.empty()) return "acceptor: " + accepted.refused;
  if (answer) answer(accepted.sent);
  Fed answered = feed(dialler.handshake, accepted.sent);
  if (!answered.refused.empty()) return "dialler: " + answered.refused;
  if (!answered.done) return "dialler waits";
  if (proof) proof(answered.sent);
  const Fed last = feed(acceptor.handshake, answered.sent);
  if (!last.refused.empty()) return "acceptor: " + last.refused;
  return last.done ? "met" : "acceptor waits";
}

std::string outcome(const Change& hello, const Change& answer, const Change& proof) {
  End dialler(0, ReplicaId{1});
  End acceptor(1, std::nullopt);
  return outcome(dialler, acceptor, hello, answer, proof);
}

TEST(Handshake, lets_two_members_meet_and_gives_each_direction_its_key) {
  End dialler(0, ReplicaId{1});
  End acceptor(1, std::nullopt);
  ASSERT_EQ(outcome(dialler, acceptor), "met");
  EXPECT_EQ(dialler.handshake.peer(), ReplicaId{1});
  EXPECT_EQ(acceptor.handshake.peer(), ReplicaId{0});
  const LinkKeys theirs = acceptor.handshake.take_keys();
  const LinkKeys mine = dialler.handshake.take_keys();
  const Bytes data = {1, 2, 3};
  EXPECT_TRUE(theirs.receive.check(data, mine.send.tag(data)));
  EXPECT_TRUE(mine.receive.check(data, theirs.send.tag(data)));
  EXPECT_FALSE(mine.receive.check(data, mine.send.tag(data)));
}

TEST(Handshake, takes_its_bytes_one_at_a_time_and_leaves_what_follows) {
  End dialler(0, ReplicaId{1});
  End acceptor(1, std::nullopt);
  Bytes waiting;
  Bytes answer;
  const Bytes hello = dialler.handshake.start();
  for (const std::uint8_t byte : hello) {
    waiting.push_back(byte);
    const Fed fed = feed(acceptor.handshake, waiting);
    ASSERT_EQ(fed.refused, "");
    answer.insert(answer.end(), fed.sent.begin(), fed.sent.end());
    waiting.erase(waiting.begin(), waiting.end() - static_cast<std::ptrdiff_t>(fed.left));
  }
  answer.push_back(0xee);  // a frame begins at once
  const Fed fed = feed(dialler.handshake, answer);
  EXPECT_TRUE(fed.done);
  EXPECT_EQ(fed.left, 1U);
}

TEST(Handshake, with_any_bit_flipped_on_its_way_never_succeeds) {
  Bytes hello;
  Bytes answer;
  Bytes proof;
  ASSERT_EQ(outcome([&](Bytes& b) { hello = b; }, [&](Bytes& b) { answer = b; },
                    [&](Bytes& b) { proof = b; }),
            "met");
  const auto flipping = [](std::size_t bit) {
    return
        [bit](Bytes& b) { b[bit / 8] = static_cast<std::uint8_t>(b[bit / 8] ^ (1U << bit % 8)); };
  };
  for (std::size_t bit = 0; bit < hello.size() * 8; ++bit)
    EXPECT_NE(outcome(flipping(bit), nullptr, nullptr), "met") << "hello bit " << bit;
  for (std::size_t bit = 0; bit < answer.size() * 8; ++bit)
    EXPECT_NE(outcome(nullptr, flipping(bit), nullptr), "met") << "answer bit " << bit;
  for (std::size_t bit = 0; bit < proof.size() * 8; ++bit)
    EXPECT_NE(outcome(nullptr, nullptr, flipping(bit)), "met") << "proof bit " << bit;
}

TEST(Handshake, refuses_another_cluster_configuration_or_engine_by_name) {
  Membership other = membership();
  other.cluster.bytes[0] ^= 1;
  {
    End dialler(0, ReplicaId{1}, other);
    End acceptor(1, std::nullopt);
    EXPECT_EQ(outcome(dialler, acceptor), "acceptor: another cluster");
  }
  other = membership();
  other.config = ConfigNumber{1};
  {
    End dialler(0, ReplicaId{1}, other);
    End acceptor(1, std::nullopt);
    EXPECT_EQ(outcome(dialler, acceptor), "acceptor: another configuration");
  }
  {
    End dialler(0, ReplicaId{1}, membership(), "3.45.0");
    End acceptor(1, std::nullopt);
    EXPECT_EQ(outcome(dialler, acceptor), "acceptor: another SQLite engine");
  }
}

// docs/wire.md 7.1: whoever slept through a change is told of it by whoever did not.
TEST(Handshake, who_knows_less_is_told_of_the_newer_configuration_whoever_dials) {
  Chain older(membership());
  Chain newer(membership());
  ASSERT_EQ(newer.extend(vectors::configuration_link()), nullptr);
  const Membership old_group = membership();
  const Membership new_group = newer.membership(newer.newest());
  for (const bool dialler_knows : {false, true}) {
    const crypto::Signer of_zero = replica_signer(0);
    const crypto::Signer two = replica_signer(2);
    Handshake dialler(dialler_knows ? new_group : old_group, of_zero, ReplicaId{0}, ReplicaId{2},
                      engine, vectors::link_entropy(0), dialler_knows ? &newer : &older);
    Handshake acceptor(dialler_knows ? old_group : new_group, two, ReplicaId{2}, std::nullopt,
                       engine, vectors::link_entropy(2), dialler_knows ? &older : &newer);
    auto at_acceptor = acceptor.on_bytes(dialler.start());
    ASSERT_TRUE(at_acceptor);
    auto at_dialler = dialler.on_bytes(at_acceptor->send);
    ASSERT_TRUE(at_dialler);
    ConfigurationLinks news;
    if (dialler_knows) {
      EXPECT_EQ(at_acceptor->over, nullptr);
      EXPECT_NE(at_dialler->over, nullptr);
      const auto told = acceptor.on_bytes(at_dialler->send);
      ASSERT_TRUE(told);
      EXPECT_NE(told->over, nullptr);
      news = told->news;
    } else {
      EXPECT_NE(at_acceptor->over, nullptr);
      Bytes rest(at_acceptor->send.begin() + static_cast<std::ptrdiff_t>(at_dialler->consumed),
                 at_acceptor->send.end());
      const auto told = dialler.on_bytes(rest);
      ASSERT_TRUE(told);
      EXPECT_NE(told->over, nullptr);
      news = told->news;
    }
    ASSERT_EQ(news.size(), 1U);
    Chain learns(membership());
    EXPECT_EQ(learns.extend(news.items[0]), nullptr);
  }
}

TEST(Handshake, in_a_newer_configuration_an_older_key_is_nobodys) {
  Chain newer(membership());
  ASSERT_EQ(newer.extend(vectors::configuration_link()), nullptr);
  const Membership group = newer.membership(newer.newest());
  const crypto::Signer of_zero = replica_signer(0);
  const crypto::Signer older_one = replica_signer(1);
  Handshake dialler(group, of_zero, ReplicaId{0}, ReplicaId{1}, engine, vectors::link_entropy(0),
                    &newer);
  Handshake acceptor(group, older_one, ReplicaId{1}, std::nullopt, engine, vectors::link_entropy(1),
                     &newer);
  const Fed answer = feed(acceptor, dialler.start());
  EXPECT_EQ(feed(dialler, answer.sent).refused, "wrong signature of a handshake");
}

/// A hello as replica 0 might send it, in its length prefix.
Bytes framed(const LinkHello& hello) {
  Writer w;
  const Bytes encoded = encode(hello);
  w.number(static_cast<std::uint32_t>(encoded.size()));
  w.raw(encoded);
  return std::move(w).take();
}
LinkHello hello_of_zero() {
  LinkHello hello;
  hello.cluster = vectors::cluster();
  hello.from = ReplicaId{0};
  hello.to = ReplicaId{1};
  hello.key = crypto::DhSecret(vectors::link_entropy(0).dh_seed).public_key();
  hello.engine.text = engine;
  return hello;
}
std::string acceptors_verdict(const Bytes& bytes) {
  End acceptor(1, std::nullopt);
  const Fed fed = feed(acceptor.handshake, bytes);
  if (!fed.refused.empty()) return fed.refused;
  return fed.sent.empty() ? "waits" : "answers";
}

TEST(Handshake, refuses_who_is_not_a_member_or_claims_my_name_or_means_another) {
  EXPECT_EQ(acceptors_verdict(framed(hello_of_zero())), "answers");
  LinkHello hello = hello_of_zero();
  hello.from = ReplicaId{4};
  EXPECT_EQ(acceptors_verdict(framed(hello)), "not a member");
  hello = hello_of_zero();
  hello.from = ReplicaId{1};
  EXPECT_EQ(acceptors_verdict(framed(hello)), "my own name");
  hello = hello_of_zero();
  hello.to = ReplicaId{2};
  EXPECT_EQ(acceptors_verdict(framed(hello)), "meant for another replica");
  hello = hello_of_zero();
  hello.version = 2;
  EXPECT_EQ(acceptors_verdict(framed(hello)), "another wire version");
}

TEST(Handshake, refuses_an_ephemeral_key_of_small_order) {
  LinkHello hello = hello_of_zero();
  hello.key.fill(0);
  EXPECT_EQ(acceptors_verdict(framed(hello)), "ephemeral key of small order");
}

TEST(Handshake, refuses_wrong_lengths_without_waiting_for_them) {
  EXPECT_EQ(acceptors_verdict({0, 0, 0, 0}), "handshake message of a wrong length");
  EXPECT_EQ(acceptors_verdict({0, 0, 4, 1}), "handshake message of a wrong length");
  EXPECT_EQ(acceptors_verdict({0xff, 0xff, 0xff, 0xff}), "handshake message of a wrong length");
  EXPECT_EQ(acceptors_verdict({'G', 'E', 'T', ' ', '/'}), "handshake message of a wrong length");
  EXPECT_EQ(acceptors_verdict({0, 0}), "waits");
  EXPECT_EQ(acceptors_verdict({0, 0, 0, 2, wire_version, 0}), "truncated");
  Bytes longer = framed(hello_of_zero());
  longer.push_back(0);
  ++longer[3];
  EXPECT_EQ(acceptors_verdict(longer), "trailing bytes");
}

TEST(Handshake, a_dialler_refuses_an_answer_from_another_replica) {
  End dialler(0, ReplicaId{1});
  End wrong(2, std::nullopt);
  // What replica 2 would answer to a hello that it was meant to get.
  End to_two(0, ReplicaId{2});
  const Fed answer = feed(wrong.handshake, to_two.handshake.start());
  (void)dialler.handshake.start();
  EXPECT_EQ(feed(dialler.handshake, answer.sent).refused, "not the replica that was called");
}

TEST(Handshake, a_thief_of_no_key_cannot_speak_for_a_member) {
  End dialler(0, ReplicaId{1});
  Membership group = membership();
  const crypto::Signer thief = replica_signer(9);
  Handshake acceptor(group, thief, ReplicaId{1}, std::nullopt, engine, vectors::link_entropy(1));
  const Fed answer = feed(acceptor, dialler.handshake.start());
  EXPECT_EQ(feed(dialler.handshake, answer.sent).refused, "wrong signature of a handshake");
}

TEST(Handshake, a_proof_does_not_serve_in_another_connection_or_for_the_other_side) {
  Bytes proof_of_zero;
  ASSERT_EQ(outcome(nullptr, nullptr, [&](Bytes& b) { proof_of_zero = b; }), "met");
  // Replayed to an acceptor with fresh entropy.
  Membership group = membership();
  const crypto::Signer signer = replica_signer(1);
  auto entropy = vectors::link_entropy(1);
  entropy.nonce[0] ^= 1;
  Handshake fresh(group, signer, ReplicaId{1}, std::nullopt, engine, entropy);
  End dialler(0, ReplicaId{1});
  ASSERT_EQ(feed(fresh, dialler.handshake.start()).refused, "");
  EXPECT_EQ(feed(fresh, proof_of_zero).refused, "wrong signature of a handshake");
  // Reflected: the acceptor's own proof is not the dialler's.
  End again(0, ReplicaId{1});
  End acceptor(1, std::nullopt);
  const Fed answer = feed(acceptor.handshake, again.handshake.start());
  const std::size_t proof_size = 4 + 64;
  const Bytes reflected(answer.sent.end() - proof_size, answer.sent.end());
  EXPECT_EQ(feed(acceptor.handshake, reflected).refused, "wrong signature of a handshake");
}

TEST(HandshakeDeathTest, gives_no_keys_before_the_proof) {
  End acceptor(1, std::nullopt);
  End dialler(0, ReplicaId{1});
  (void)feed(acceptor.handshake, dialler.handshake.start());
  EXPECT_DEATH((void)acceptor.handshake.take_keys(), "ENSURE");
  EXPECT_DEATH((void)acceptor.handshake.peer(), "ENSURE");
}

}  // namespace
}  // namespace prytany::wire
