// The chain of configurations: what proves a link, and what does not (docs/wire.md, 7.4).
#include "server/wire/configuration.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/wire/configuration_json.h"
#include "tests/vectors/samples.h"

namespace prytany::wire {
namespace {

using vectors::cluster;
using vectors::configuration_link;
using vectors::replica_signer;

Digest digest_of(const std::string& name) { return crypto::sha256(as_bytes(name)); }

Membership genesis() {
  Membership group = vectors::membership();
  group.config = ConfigNumber{0};
  return group;
}

/// Signed by these, in the configuration before.
ConfigurationLink link_after(const Chain& chain, const Configuration& next,
                             const std::vector<std::uint16_t>& signers) {
  const Membership before = chain.membership(chain.newest());
  const Checkpoint end{next.since, digest_of("state"), configuration_digest(cluster(), next)};
  CheckpointProof proof{end, {}};
  for (const std::uint16_t i : signers)
    proof.signatures.items.push_back(
        {ReplicaId{i}, sign(before, ReplicaId{i}, replica_signer(i), end).signature});
  return {next, proof};
}

/// Another key for member 1.
Configuration next_of(const Chain& chain, std::uint64_t since) {
  Configuration next = chain.newest();
  ++next.number;
  next.since = Seq{since};
  next.keys.items[1] = vectors::session_signer().public_key();
  return next;
}

TEST(Chain, believes_what_a_quorum_of_the_configuration_before_signed) {
  Chain chain(genesis());
  EXPECT_EQ(chain.extend(configuration_link()), nullptr);
  EXPECT_EQ(chain.newest().number, ConfigNumber{1});
  EXPECT_EQ(chain.extend(configuration_link()), nullptr) << "known already";
}

TEST(Chain, refuses_what_fewer_signed_or_others_or_twice) {
  const Chain known(genesis());
  for (const auto& signers :
       std::vector<std::vector<std::uint16_t>>{{0, 2}, {0, 0, 2}, {2, 0, 3}}) {
    Chain chain = known;
    EXPECT_STREQ(chain.extend(link_after(known, next_of(known, 384), signers)),
                 "not a proof of a configuration");
  }
}

TEST(Chain, refuses_another_configuration_than_the_one_proven) {
  Chain chain(genesis());
  for (const auto& change : std::vector<std::function<void(ConfigurationLink&)>>{
           [](auto& link) { link.configuration.keys.items[2] = link.configuration.keys.items[1]; },
           [](auto& link) { link.configuration.since = Seq{385}; },
           [](auto& link) { link.proof.checkpoint.seq = Seq{512}; },
           [](auto& link) { link.proof.checkpoint.configuration = {}; },
           [](auto& link) { ++link.configuration.number; },
           [](auto& link) { link.configuration.keys.items.pop_back(); },
           [](auto& link) { link.configuration.since = Seq{0}; }}) {
    ConfigurationLink link = configuration_link();
    change(link);
    EXPECT_NE(chain.extend(link), nullptr);
  }
  EXPECT_EQ(chain.newest().number, ConfigNumber{0});
}

TEST(Chain, does_not_count_a_key_that_was_replaced) {
  Chain chain(genesis());
  ASSERT_EQ(chain.extend(configuration_link()), nullptr);
  Configuration next = chain.newest();
  ++next.number;
  next.since = Seq{1000};
  next.keys.items[3] = replica_signer(9).public_key();
  EXPECT_NE(chain.extend(link_after(chain, next, {0, 1, 2})), nullptr);
  EXPECT_EQ(chain.extend(link_after(chain, next, {0, 2, 3})), nullptr);
}

TEST(Chain, checks_a_proof_by_the_configuration_that_governs_its_number) {
  Chain chain(genesis());
  ASSERT_EQ(chain.extend(configuration_link()), nullptr);
  const auto proof_in = [&](ConfigNumber number, std::uint64_t seq) {
    const Membership group = chain.membership(chain.at(number));
    const Checkpoint checkpoint{Seq{seq}, digest_of("state"), {}};
    CheckpointProof proof{checkpoint, {}};
    for (const std::uint16_t i : std::vector<std::uint16_t>{0, 2, 3})
      proof.signatures.items.push_back(
          {ReplicaId{i}, sign(group, ReplicaId{i}, replica_signer(i), checkpoint).signature});
    return proof;
  };
  EXPECT_TRUE(chain.check(proof_in(ConfigNumber{0}, 384)));
  EXPECT_FALSE(chain.check(proof_in(ConfigNumber{1}, 384)));
  EXPECT_TRUE(chain.check(proof_in(ConfigNumber{1}, 385)));
  EXPECT_FALSE(chain.check(proof_in(ConfigNumber{0}, 385)));
}

TEST(Chain, survives_its_file) {
  Chain chain(genesis());
  ASSERT_EQ(chain.extend(configuration_link()), nullptr);
  const std::string text = to_json(chain);
  Chain again(genesis());
  ASSERT_TRUE(extend_from_json(again, text));
  EXPECT_EQ(again.links(), chain.links());
  Membership other = genesis();
  other.cluster = digest_of("another");
  Chain stranger(other);
  EXPECT_FALSE(extend_from_json(stranger, text));
  std::string changed = text;
  changed.replace(changed.find("384"), 3, "385");
  Chain third(genesis());
  EXPECT_FALSE(extend_from_json(third, changed));
}

TEST(Reincarnation, requests_survive_their_file_and_are_for_one_cluster) {
  const Reconfigure change{ConfigNumber{0}, ReplicaId{2}, replica_signer(9).public_key(), {}};
  const std::string text = to_json(change, cluster());
  const auto read = reconfigure_from_json(text, cluster());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, change);
  EXPECT_FALSE(reconfigure_from_json(text, digest_of("another")));
}

}  // namespace
}  // namespace prytany::wire
