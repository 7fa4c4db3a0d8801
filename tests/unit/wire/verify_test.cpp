#include "server/wire/verify.h"

#include <gtest/gtest.h>

#include "server/crypto/counts.h"
#include "tests/vectors/samples.h"

namespace prytany::wire {
namespace {

using vectors::keys_of_one;
using vectors::keys_of_zero;
using vectors::membership;
using vectors::peer_sender;
using vectors::replica_signer;

// "Did we check the sender?" is a question for the compiler: nothing makes an Authentic from a
// message, and a Verifier is what has the right to.
static_assert(!std::is_default_constructible_v<AuthenticPeerMessage>);
static_assert(!std::is_constructible_v<AuthenticPeerMessage, ReplicaId, PeerMessage>);
static_assert(!std::is_constructible_v<AuthenticPeerMessage, PeerMessage>);
static_assert(!std::is_convertible_v<PeerMessage, AuthenticPeerMessage>);
static_assert(!std::is_aggregate_v<AuthenticPeerMessage>);
static_assert(!std::is_default_constructible_v<AuthenticRequest>);
static_assert(!std::is_constructible_v<AuthenticRequest, Digest, ClientRequest>);
static_assert(!std::is_constructible_v<AuthenticRequest, ClientRequest>);
static_assert(!std::is_convertible_v<ClientRequest, AuthenticRequest>);
static_assert(!std::is_aggregate_v<AuthenticRequest>);
static_assert(std::is_copy_constructible_v<AuthenticPeerMessage>);

template <class A>
concept ChangeableInside = requires(A a) { *a = PeerMessage{}; };
static_assert(!ChangeableInside<AuthenticPeerMessage&>);

/// `message` in a frame with a right tag, as replica 1 receives it from `sender`.
std::string verdict(const PeerMessage& message, ReplicaId sender = peer_sender,
                    bool mac_requests = false) {
  const auto encoded = std::make_shared<const EncodedMessage>(encode_message(message));
  const Bytes frame = seal(ConfigNumber{0}, keys_of_zero().send, {&encoded, 1});
  Membership group = membership();
  group.mac_requests = mac_requests;
  Verifier verifier(group);
  const auto opened = verifier.open(sender, keys_of_one(), frame);
  return opened.ok() ? "accepted" : opened.error().reason;
}

void flip(crypto::Signature& signature) { signature.bytes[0] ^= 1; }

template <class M>
M sample() {
  for (const auto& [name, message] : vectors::peer_messages())
    if (const M* found = std::get_if<M>(&message)) return *found;
  ADD_FAILURE() << "no sample";
  return {};
}

// docs/wire.md 7.2: nothing that is a vote crosses configurations.
TEST(Verifier, lets_only_questions_pages_and_proofs_come_from_another_configuration) {
  const Chain chain(membership());
  for (const auto& [name, message] : vectors::peer_messages()) {
    const auto encoded = std::make_shared<const EncodedMessage>(encode_message(message));
    const Bytes frame = seal(ConfigNumber{7}, keys_of_zero().send, {&encoded, 1});
    Verifier verifier(membership(), &chain);
    ConfigNumber config;
    const auto opened = verifier.open(peer_sender, keys_of_one(), frame, &config);
    ASSERT_TRUE(opened.ok()) << name;
    EXPECT_EQ(config, ConfigNumber{7});
    const bool crosses = name.starts_with("fetch-part") || name.starts_with("state-part") ||
                         name.starts_with("status") || name.starts_with("checkpoint-proof");
    EXPECT_EQ(opened->size(), crosses ? 1U : 0U) << name;
  }
}

TEST(Verifier, accepts_every_sample_from_its_sender) {
  for (const auto& [name, message] : vectors::peer_messages())
    EXPECT_EQ(verdict(message), "accepted") << name;
}

TEST(Verifier, refuses_what_is_signed_by_another_than_the_links_peer) {
  for (const auto& [name, message] : vectors::peer_messages()) {
    // A new-view is its primary's, whoever brings it.
    const bool sender_signs = std::holds_alternative<Signed<Checkpoint>>(message) ||
                              std::holds_alternative<Signed<Prepare>>(message) ||
                              std::holds_alternative<Signed<Commit>>(message) ||
                              std::holds_alternative<Signed<ViewChange>>(message);
    EXPECT_EQ(verdict(message, ReplicaId{2}) == "accepted", !sender_signs) << name;
    if (sender_signs) {
      // Of a sender that is no member, too.
      EXPECT_NE(verdict(message, ReplicaId{4}), "accepted") << name;
    }
  }
}

TEST(Verifier, lets_requests_without_a_signature_travel_only_where_genesis_says_so) {
  auto pre_prepare = sample<PrePrepare>();
  auto requests = std::vector<ClientRequest>(pre_prepare.batch.requests.begin(),
                                             pre_prepare.batch.requests.end());
  std::erase_if(requests, [](const auto& r) { return r.body.session == SessionId{0}; });
  for (ClientRequest& request : requests) request.proof.signature.reset();
  pre_prepare.batch.requests.items = requests;
  EXPECT_EQ(verdict(pre_prepare), "wrong signature of a request in a batch");
  EXPECT_EQ(verdict(pre_prepare, peer_sender, true), "accepted");
  EXPECT_EQ(verdict(Forward{requests.front()}), "wrong signature of a forwarded request");
  EXPECT_EQ(verdict(Forward{requests.front()}, peer_sender, true), "accepted");
  requests.front().body.session = SessionId{0};
  EXPECT_EQ(verdict(Forward{requests.front()}, peer_sender, true),
            "wrong signature of a forwarded request")
      << "a join is signed";
}

TEST(Verifier, hands_on_a_signed_vote_as_a_vote_and_refuses_unsigned_ones_where_genesis_says_so) {
  const auto encoded = std::make_shared<const EncodedMessage>(encode_message(sample<Prepare>()));
  const auto with_signature =
      std::make_shared<const EncodedMessage>(encode_message(sample<Signed<Prepare>>()));
  Membership group = membership();
  group.signed_votes = true;
  Verifier verifier(group);
  const auto plain = verifier.open(peer_sender, keys_of_one(),
                                   seal(ConfigNumber{0}, keys_of_zero().send, {&encoded, 1}));
  ASSERT_FALSE(plain.ok());
  EXPECT_STREQ(plain.error().reason, "a vote without a signature");
  const auto opened = verifier.open(
      peer_sender, keys_of_one(), seal(ConfigNumber{0}, keys_of_zero().send, {&with_signature, 1}));
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(std::holds_alternative<Prepare>(*opened->front()));
}

// Or a liar's frame of 8 MiB would keep a replica busy for seconds.
TEST(Verifier, checks_a_bounded_number_of_signatures_in_one_frame) {
  const auto one =
      std::make_shared<const EncodedMessage>(encode_message(sample<Signed<Checkpoint>>()));
  const auto three =
      std::make_shared<const EncodedMessage>(encode_message(sample<CheckpointProof>()));
  for (const bool too_many : {false, true}) {
    std::vector all(limits::frame_signatures_max, one);
    if (too_many) all.back() = three;
    const Bytes frame = seal(ConfigNumber{0}, keys_of_zero().send, all);
    const auto opened = Verifier(membership()).open(peer_sender, keys_of_one(), frame);
    ASSERT_EQ(opened.ok(), !too_many);
    if (too_many) EXPECT_EQ(opened.error().text(), "too many signatures in a frame");
  }
}

// Nobody else has a turn meanwhile.
TEST(Verifier, looks_at_a_frame_in_parts) {
  const auto checkpoint =
      std::make_shared<const EncodedMessage>(encode_message(sample<Signed<Checkpoint>>()));
  const auto new_view =
      std::make_shared<const EncodedMessage>(encode_message(sample<Signed<NewView>>()));
  const auto vote = std::make_shared<const EncodedMessage>(encode_message(sample<Prepare>()));
  const auto batch = std::make_shared<const EncodedMessage>(encode_message(sample<PrePrepare>()));
  const std::vector all = {checkpoint, new_view, vote, batch};
  const Bytes frame = seal(ConfigNumber{0}, keys_of_zero().send, all);
  Verifier verifier(membership());
  const auto whole = verifier.open(peer_sender, keys_of_one(), frame);
  ASSERT_TRUE(whole.ok());
  auto opening = verifier.begin(peer_sender, keys_of_one(), frame);
  ASSERT_TRUE(opening.ok());
  std::size_t parts = 1;
  for (;; ++parts) {
    const auto done = verifier.go_on(*opening, 1);
    ASSERT_TRUE(done.ok());
    if (*done) break;
  }
  const auto& quoted = sample<Signed<NewView>>().message.view_changes;
  EXPECT_EQ(parts, 1 + (1 + quoted.size()) + 1 + sample<PrePrepare>().batch.requests.size());
  const auto opened = opening->take();
  ASSERT_EQ(opened.size(), whole->size());
  for (std::size_t i = 0; i < opened.size(); ++i) EXPECT_EQ(*opened[i], *(*whole)[i]);
}

TEST(Verifier, refuses_a_frame_at_the_first_part_that_is_wrong) {
  auto proposal = sample<PrePrepare>();
  auto requests =
      std::vector<ClientRequest>(proposal.batch.requests.begin(), proposal.batch.requests.end());
  ASSERT_GE(requests.size(), 2U);
  flip(*requests[1].proof.signature);
  proposal.batch.requests.items = requests;
  const auto encoded = std::make_shared<const EncodedMessage>(encode_message(proposal));
  const Bytes frame = seal(ConfigNumber{0}, keys_of_zero().send, {&encoded, 1});
  Verifier verifier(membership());
  auto opening = verifier.begin(peer_sender, keys_of_one(), frame);
  ASSERT_TRUE(opening.ok());
  const auto first = verifier.go_on(*opening, 1);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(*first) << "there is more";
  EXPECT_FALSE(verifier.go_on(*opening, 1).ok());
}

TEST(Verifier, checks_no_more_view_changes_of_a_new_view_than_there_are_replicas) {
  auto message = sample<Signed<NewView>>().message;
  const SignedViewChange first = message.view_changes.items[0];
  while (message.view_changes.size() < membership().replica_keys.size())
    message.view_changes.items.push_back(first);
  const auto said = [&] {
    return verdict(sign(membership(), peer_sender, replica_signer(peer_sender.value), message));
  };
  EXPECT_EQ(said(), "accepted") << "what follows from them is the core's matter";
  message.view_changes.items.push_back(first);
  EXPECT_EQ(said(), "more view-changes in a new-view than replicas");
}

TEST(SignaturesIn, are_those_that_the_verifier_checks) {
  EXPECT_EQ(signatures_in(sample<Signed<Checkpoint>>()), 1U);
  EXPECT_EQ(signatures_in(sample<Signed<Prepare>>()), 1U);
  EXPECT_EQ(signatures_in(sample<Prepare>()), 0U);
  EXPECT_EQ(signatures_in(sample<Status>()), 0U);
  EXPECT_EQ(signatures_in(sample<Relay>()), 2U + 4U) << "a hello costs two";
  EXPECT_EQ(signatures_in(sample<RelayBack>()), sample<RelayBack>().items.size());
  EXPECT_EQ(signatures_in(sample<CheckpointProof>()), 3U);
  EXPECT_EQ(signatures_in(sample<Signed<ViewChange>>()), 1U + 3U);
  const Signed<NewView> new_view = sample<Signed<NewView>>();
  std::size_t inside = 0;
  for (const SignedViewChange& each : new_view.message.view_changes)
    inside += signatures_in(each.content);
  EXPECT_GE(inside, new_view.message.view_changes.size());
  EXPECT_EQ(signatures_in(new_view), 1U + inside);
  Forward forward = sample<Forward>();
  EXPECT_EQ(signatures_in(forward), 1U);
  forward.request.proof.signature.reset();
  EXPECT_EQ(signatures_in(forward), 0U);
  Batch batch;
  batch.requests.items =
      std::vector<ClientRequest>(limits::batch_requests_max, sample<Forward>().request);
  batch.requests.items.push_back(forward.request);
  PrePrepare proposal = sample<PrePrepare>();
  proposal.batch = batch;
  EXPECT_EQ(signatures_in(proposal), limits::batch_requests_max);
}

TEST(Verifier, refuses_a_batch_with_one_wrong_signature) {
  auto pre_prepare = sample<PrePrepare>();
  auto requests = std::vector<ClientRequest>(pre_prepare.batch.requests.begin(),
                                             pre_prepare.batch.requests.end());
  flip(*requests.back().proof.signature);
  pre_prepare.batch.requests.items = requests;
  EXPECT_EQ(verdict(pre_prepare), "wrong signature of a request in a batch");
  EXPECT_EQ(verdict(BatchBody{Seq{1}, pre_prepare.batch, pre_prepare.agreed}),
            "wrong signature of a request in a batch");
}

TEST(Verifier, refuses_a_forwarded_request_with_anything_changed) {
  const auto good = sample<Forward>();
  auto bad = good;
  bad.request.body.session = SessionId{6};
  EXPECT_EQ(verdict(bad), "wrong signature of a forwarded request");
  bad = good;
  ++bad.request.body.number;
  EXPECT_EQ(verdict(bad), "wrong signature of a forwarded request");
  bad = good;
  bad.request.body.operation.bytes[0] ^= 1;
  EXPECT_EQ(verdict(bad), "wrong signature of a forwarded request");
  bad = good;
  bad.request.body.signer = replica_signer(0).public_key();
  EXPECT_EQ(verdict(bad), "wrong signature of a forwarded request");
  EXPECT_EQ(verdict(good), "accepted");
}

TEST(Verifier, refuses_signed_messages_with_anything_changed) {
  auto checkpoint = sample<Signed<Checkpoint>>();
  ++checkpoint.message.seq;
  EXPECT_EQ(verdict(checkpoint), "wrong signature of a checkpoint");
  auto view_change = sample<Signed<ViewChange>>();
  view_change.message.prepared.items.clear();
  EXPECT_EQ(verdict(view_change), "wrong signature of a view-change");
  auto new_view = sample<Signed<NewView>>();
  new_view.message.choices.items.clear();
  EXPECT_EQ(verdict(new_view), "wrong signature of a new-view");
}

TEST(Verifier, refuses_a_new_view_that_quotes_what_was_not_said) {
  const auto good = sample<Signed<NewView>>().message;
  const auto resigned = [](NewView message) {
    return sign(membership(), peer_sender, replica_signer(peer_sender.value), std::move(message));
  };
  EXPECT_EQ(verdict(resigned(good)), "accepted");
  auto bad = good;
  bad.view_changes.items[1].content.message.view = View{6};
  EXPECT_EQ(verdict(resigned(bad)), "wrong signature of a view-change in a new-view");
  bad = good;
  bad.view_changes.items[2].sender = ReplicaId{2};
  EXPECT_EQ(verdict(resigned(bad)), "wrong signature of a view-change in a new-view");
  bad = good;
  bad.view_changes.items[2].sender = ReplicaId{9};
  EXPECT_EQ(verdict(resigned(bad)), "wrong signature of a view-change in a new-view");
}

TEST(Verifier, refuses_a_new_view_that_another_than_its_primary_signed) {
  auto message = sample<Signed<NewView>>().message;
  const ReplicaId r2{2};
  EXPECT_EQ(verdict(sign(membership(), r2, replica_signer(2), message), r2),
            "wrong signature of a new-view");
}

TEST(Verifier, refuses_a_view_change_whose_checkpoint_is_not_proven) {
  auto message = sample<Signed<ViewChange>>().message;
  message.stable->signatures.items.pop_back();
  const auto unproven = sign(membership(), peer_sender, replica_signer(peer_sender.value), message);
  EXPECT_EQ(verdict(unproven), "no proof of a view-change's checkpoint");
  auto quoting = sample<Signed<NewView>>().message;
  auto& inner = quoting.view_changes.items[0];
  inner.content = sign(membership(), inner.sender, replica_signer(inner.sender.value), message);
  EXPECT_EQ(verdict(sign(membership(), peer_sender, replica_signer(peer_sender.value), quoting)),
            "no proof of a view-change's checkpoint in a new-view");
}

TEST(Signing, binds_cluster_configuration_sender_and_kind) {
  const Checkpoint checkpoint{Seq{128}, vectors::cluster()};
  const Membership group = membership();
  const auto content = sign(group, ReplicaId{1}, replica_signer(1), checkpoint);
  const auto verified = [&](const Membership& g, ReplicaId by) {
    return verify_signed(g, by, checkpoint, content.signature);
  };
  EXPECT_TRUE(verified(group, ReplicaId{1}));
  EXPECT_FALSE(verified(group, ReplicaId{0}));
  EXPECT_FALSE(verified(group, ReplicaId{4}));
  EXPECT_FALSE(verified(group, ReplicaId{0xffff}));
  Membership other = group;
  other.cluster.bytes[0] ^= 1;
  EXPECT_FALSE(verified(other, ReplicaId{1}));
  other = group;
  ++other.config;
  EXPECT_FALSE(verified(other, ReplicaId{1}));
  // The same key may hold two places; the places are still told apart.
  other = group;
  other.replica_keys[0] = other.replica_keys[1];
  EXPECT_FALSE(verified(other, ReplicaId{0}));
  EXPECT_NE(signed_bytes(group, ReplicaId{1}, ViewChange{}),
            signed_bytes(group, ReplicaId{1}, NewView{}));
}

// ---- proofs of checkpoints
// -----------------------------------------------------------------------

const Checkpoint stable{Seq{128}, vectors::cluster()};

bool proves(const CheckpointProof& proof) { return Verifier(membership()).check(proof); }
bool proves(const std::vector<std::uint16_t>& signers) {
  return proves(vectors::checkpoint_proof(stable, signers));
}

TEST(CheckpointProof, needs_a_quorum_of_distinct_members) {
  EXPECT_TRUE(proves({0, 1, 2}));
  EXPECT_TRUE(proves({1, 2, 3}));
  EXPECT_TRUE(proves({0, 1, 2, 3}));
  EXPECT_FALSE(proves(std::vector<std::uint16_t>{}));
  EXPECT_FALSE(proves({0, 1}));
}

TEST(CheckpointProof, with_a_member_twice_or_out_of_order_is_refused) {
  EXPECT_FALSE(proves({0, 1, 1}));
  EXPECT_FALSE(proves({0, 0, 0}));
  EXPECT_FALSE(proves({0, 1, 2, 2}));
  EXPECT_FALSE(proves({2, 1, 0}));
}

TEST(CheckpointProof, with_one_who_is_no_member_is_refused) {
  auto proof = vectors::checkpoint_proof(stable, {0, 1, 2});
  proof.signatures.items[2].signer = ReplicaId{4};
  EXPECT_FALSE(proves(proof));
  proof = vectors::checkpoint_proof(stable, {0, 1, 2});
  proof.signatures.items.push_back({ReplicaId{4}, proof.signatures.items[0].signature});
  EXPECT_FALSE(proves(proof));
}

TEST(CheckpointProof, with_one_wrong_signature_is_refused_even_beyond_the_quorum) {
  for (std::size_t i = 0; i < 4; ++i) {
    auto proof = vectors::checkpoint_proof(stable, {0, 1, 2, 3});
    flip(proof.signatures.items[i].signature);
    EXPECT_FALSE(proves(proof)) << i;
  }
  auto proof = vectors::checkpoint_proof(stable, {0, 1, 2});
  ++proof.checkpoint.seq;
  EXPECT_FALSE(proves(proof));
  EXPECT_EQ(verdict(proof), "not a proof of a checkpoint");
}

// ---- requests
// ------------------------------------------------------------------------------------

TEST(Verifier, gives_a_checked_request_its_digest) {
  Verifier verifier(membership());
  const ClientRequest request = vectors::requests()[1].second;
  const auto checked = verifier.check(request);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->digest(), request_digest(request.body));
  EXPECT_EQ(**checked, request);
}

TEST(Verifier, remembers_only_the_very_signature_that_verified) {
  Verifier verifier(membership());
  const ClientRequest good = vectors::requests()[1].second;
  ClientRequest bad = good;
  flip(*bad.proof.signature);
  EXPECT_FALSE(verifier.check(bad).ok());
  EXPECT_TRUE(verifier.check(good).ok());
  EXPECT_TRUE(verifier.check(good).ok());
  EXPECT_FALSE(verifier.check(bad).ok());
  EXPECT_TRUE(verifier.check(good).ok());
}

TEST(Verifier, takes_each_of_those_that_are_signed_together_and_checks_their_signature_once) {
  for (std::size_t count = 1; count <= 16; ++count) {
    std::vector<ClientRequest> all;
    std::vector<Digest> digests;
    for (std::uint64_t i = 0; i < count; ++i) {
      ClientRequest request = vectors::requests()[1].second;
      request.body.number = RequestNumber{i + 1};
      digests.push_back(request_digest(request.body));
      all.push_back(request);
    }
    const auto signatures = sign_requests(vectors::cluster(), vectors::session_signer(), digests);
    Verifier verifier(membership());
    const std::uint64_t before = crypto::counted().signatures_checked;
    for (std::size_t i = 0; i < count; ++i) {
      all[i].proof.signature = signatures[i];
      EXPECT_TRUE(verifier.check(all[i]).ok()) << i << " of " << count;
      EXPECT_EQ(decode<ClientRequest>(encode(all[i])).value(), all[i]);
    }
    EXPECT_EQ(crypto::counted().signatures_checked, before + 1);
  }
}

TEST(Verifier, refuses_a_branch_that_leads_elsewhere_though_the_root_is_known) {
  Verifier verifier(membership());
  for (const ClientRequest& good : vectors::signed_together()) {
    ASSERT_TRUE(verifier.check(good).ok());
    const auto refuses = [&](auto spoil) {
      ClientRequest bad = good;
      spoil(bad);
      return !verifier.check(bad).ok() && !verify_request(membership().cluster, bad);
    };
    EXPECT_TRUE(refuses([](auto& r) { r.body.number = RequestNumber{99}; }));
    EXPECT_TRUE(refuses([](auto& r) { r.proof.signature->branch.items[1].bytes[0] ^= 1; }));
    EXPECT_TRUE(refuses([](auto& r) { r.proof.signature->place ^= 4; }));
    EXPECT_TRUE(refuses([](auto& r) { r.proof.signature->place |= 8; })) << "beyond the branch";
    EXPECT_TRUE(refuses([](auto& r) { r.proof.signature->branch.items.pop_back(); }));
    EXPECT_TRUE(refuses([](auto& r) { r.proof.signature->branch.items.clear(); }));
    EXPECT_TRUE(refuses([](auto& r) { flip(*r.proof.signature); }));
    EXPECT_TRUE(refuses([](auto& r) { r.body.signer = vectors::replica_signer(1).public_key(); }));
  }
}

TEST(Verifier, refuses_anothers_request_under_a_root_that_its_owner_did_not_sign) {
  std::vector<ClientRequest> two(2, vectors::requests()[1].second);
  two[1].body.signer = vectors::replica_signer(1).public_key();
  std::vector<Digest> digests;
  for (const ClientRequest& request : two) digests.push_back(request_digest(request.body));
  const auto signatures = sign_requests(vectors::cluster(), vectors::session_signer(), digests);
  for (std::size_t i = 0; i < 2; ++i) two[i].proof.signature = signatures[i];
  Verifier verifier(membership());
  EXPECT_TRUE(verifier.check(two[0]).ok());
  EXPECT_FALSE(verifier.check(two[1]).ok());
}

TEST(Verifier, does_not_take_the_root_of_others_for_a_request) {
  const ClientRequest one = vectors::signed_together()[0];
  const Digest root = *signed_root(request_digest(one.body), *one.proof.signature);
  EXPECT_TRUE(verify_root(vectors::cluster(), one.body.signer, root, *one.proof.signature));
  RequestSignature alone = *one.proof.signature;
  alone.branch.items.clear();
  EXPECT_FALSE(verify_root(vectors::cluster(), one.body.signer, root, alone));
}

TEST(Verifier, of_another_cluster_refuses_the_same_request) {
  Membership other = membership();
  other.cluster.bytes[31] ^= 1;
  Verifier verifier(other);
  EXPECT_FALSE(verifier.check(vectors::requests()[1].second).ok());
  EXPECT_FALSE(verify_request(other.cluster, vectors::requests()[1].second));
  EXPECT_TRUE(verify_request(membership().cluster, vectors::requests()[1].second));
}

TEST(BatchDigest, covers_order_requests_time_and_choice_but_not_signatures) {
  const auto sampled = sample<PrePrepare>();
  const Digest digest = batch_digest(sampled.batch, sampled.agreed);
  const std::vector<ClientRequest> requests(sampled.batch.requests.begin(),
                                            sampled.batch.requests.end());
  const auto of = [&](std::vector<ClientRequest> items) {
    Batch batch;
    batch.requests.items = std::move(items);
    return batch_digest(batch, sampled.agreed);
  };
  EXPECT_EQ(of(requests), digest);
  EXPECT_NE(of({requests[1], requests[0]}), digest);
  EXPECT_NE(of({requests[0]}), digest);
  auto other_proof = requests;
  flip(*other_proof[0].proof.signature);
  EXPECT_EQ(of(other_proof), digest);
  Agreed agreed = sampled.agreed;
  agreed.time = agreed.time + 1;
  EXPECT_NE(batch_digest(sampled.batch, agreed), digest);
  agreed = sampled.agreed;
  agreed.choice.bytes.push_back(0);
  EXPECT_NE(batch_digest(sampled.batch, agreed), digest);
  const std::vector<Digest> digests = {request_digest(requests[0].body),
                                       request_digest(requests[1].body)};
  EXPECT_EQ(batch_digest(digests, sampled.agreed), digest);
}

}  // namespace
}  // namespace prytany::wire
