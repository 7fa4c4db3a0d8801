// A replica must prove itself, and keep proving itself.
#include <gmock/gmock.h>

#include "server/wire/configuration.h"
#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

TEST(Channel, a_replica_that_does_not_hold_genesis_key_is_never_asked_anything) {
  Host host;
  host.group[2].impostor = true;
  host.start();
  EXPECT_EQ(host.session->ready(), replicas({0, 1, 3}));
  EXPECT_TRUE(host.noted("replica 2: does not hold the key that genesis names"));
  (void)host.begin_join();
  EXPECT_TRUE(host.group[2].heard.empty());
  EXPECT_EQ(host.session->standing(ReplicaId{2}).untrusted, 1U);
  host.group[2].impostor = false;
  host.advance_to(host.now + 1'000'000);
  EXPECT_EQ(host.session->ready(), replicas({0, 1, 2, 3})) << "it is tried again";
}

/// Replica 2 has another key above n8, if the signatures are those of a quorum.
wire::ConfigurationLink newer_incarnation(const Host& host, const crypto::Signer& key,
                                          const std::vector<std::uint16_t>& signers) {
  wire::Membership genesis;
  genesis.cluster = host.cluster->cluster;
  wire::Configuration next{ConfigNumber{1}, Seq{8}, {}};
  for (const FakeReplica& replica : host.group) {
    genesis.replica_keys.push_back(replica.signer().public_key());
    next.keys.items.push_back(replica.signer().public_key());
  }
  next.keys.items[2] = key.public_key();
  const wire::Checkpoint end{next.since, {}, wire::configuration_digest(genesis.cluster, next)};
  wire::CheckpointProof proof{end, {}};
  for (const std::uint16_t i : signers)
    proof.signatures.items.push_back(
        {ReplicaId{i}, wire::sign(genesis, ReplicaId{i}, host.group[i].signer(), end).signature});
  return {next, proof};
}

TEST(Channel, a_newer_incarnation_is_believed_that_a_quorum_of_the_older_configuration_proves) {
  Host host;
  const crypto::Signer key = crypto::Signer::generate();
  const auto link = newer_incarnation(host, key, {0, 1, 3});
  host.group[2].be(key);
  for (FakeReplica& replica : host.group) {
    replica.configuration = ConfigNumber{1};
    replica.links.items = {link};
  }
  host.start();
  EXPECT_EQ(host.session->ready(), replicas({0, 1, 2, 3}));
  EXPECT_EQ(host.session->standing(ReplicaId{2}).untrusted, 0U);
}

/// Who holds the key of an incarnation that was replaced, with one faulty replica, has f+1 voices
/// before those who know nothing of the newer one.
TEST(Channel, a_replaced_key_is_worth_nothing_once_anybody_proves_that_it_was_replaced) {
  Host host;
  host.up[0] = false;
  host.join_with({1, 2, 3});
  const Ticket ticket = host.call("p");
  const wire::Reply lie = host.reply_to(host.group[2].last_request(), "lie");
  host.say(2, lie);
  const crypto::Signer key = crypto::Signer::generate();
  host.group[0].links.items = {newer_incarnation(host, key, {0, 1, 3})};
  host.group[0].configuration = ConfigNumber{1};
  host.up[0] = true;
  host.advance_to(host.now + 1'000'000);
  EXPECT_EQ(host.session->ready(), replicas({0})) << "who has not come to it may come again";
  EXPECT_EQ(host.cluster->configuration(), ConfigNumber{1});
  // The faulty one knows of the change, and repeats the lie.
  host.group[1].configuration = ConfigNumber{1};
  host.advance_to(host.now + 6'000'000);
  EXPECT_EQ(host.session->ready(), replicas({0, 1}));
  EXPECT_EQ(host.session->standing(ReplicaId{3}).untrusted, 0U) << "it is late and no more";
  host.say(1, lie);
  EXPECT_FALSE(host.completed.contains(ticket)) << "what the older key said is forgotten";
  const wire::Reply truth = host.reply_to(host.group[0].last_request(), "truth");
  host.say(0, truth);
  host.group[2].be(key);
  host.group[2].configuration = ConfigNumber{1};
  host.advance_to(host.now + 6'000'000);
  host.say(2, truth);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(Host::text_of(host.completed.at(ticket)), "truth");
}

TEST(Channel, a_configuration_that_is_not_proven_is_nobodys_and_changes_nothing_for_others) {
  Host host;
  host.group[1].configuration = ConfigNumber{7};
  host.start();
  EXPECT_EQ(host.session->ready(), replicas({0, 2, 3}));
  EXPECT_EQ(host.cluster->configuration(), ConfigNumber{0});
}

TEST(Channel, a_newer_incarnation_that_fewer_prove_is_an_impostor) {
  Host host;
  const crypto::Signer key = crypto::Signer::generate();
  host.group[2].links.items = {newer_incarnation(host, key, {0, 1})};
  host.group[2].be(key);
  host.start();
  EXPECT_EQ(host.session->ready(), replicas({0, 1, 3}));
  EXPECT_EQ(host.cluster->configuration(), ConfigNumber{0});
}

TEST(Channel, a_message_with_a_wrong_tag_is_dropped_and_ends_the_connection) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  const auto submit = host.group[0].last_request();
  const wire::Reply truth = host.reply_to(submit, "truth");
  host.say(0, truth);
  host.text(1, host.group[1].say_with_wrong_tag(truth));
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_TRUE(host.noted("replica 1: wrong tag"));
  EXPECT_EQ(host.session->ready(), replicas({0, 2, 3}));
}

TEST(Channel, a_message_without_a_tag_is_nobodys) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  const wire::Reply truth = host.reply_to(host.group[0].last_request(), "truth");
  host.say(0, truth);
  host.text(1, wire::to_json(wire::TaggedToClient{truth, std::nullopt}));
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_TRUE(host.noted("replica 1: message without a tag"));
}

TEST(Channel, one_replicas_words_cannot_come_through_anothers_connection) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  const wire::Reply lie = host.reply_to(host.group[0].last_request(), "lie");
  host.say(0, lie);
  host.text(1, host.group[0].say(lie));
  EXPECT_FALSE(host.completed.contains(ticket));
}

TEST(Channel, garbage_ends_the_connection_and_nothing_else) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  for (const char* garbage :
       {"", "{", "[]", "null", "{\"type\":\"reply\"}", "{\"type\":7}", "\xff"}) {
    host.text(3, garbage);
    EXPECT_EQ(host.session->ready(), replicas({0, 1, 2})) << garbage;
    host.advance_to(host.now + 6'000'000);
    EXPECT_EQ(host.session->ready(), replicas({0, 1, 2, 3}));
  }
  EXPECT_FALSE(host.completed.contains(ticket));
}

TEST(Channel, a_replica_that_accepts_and_stays_mute_is_given_up_and_tried_again) {
  Host host;
  host.up[1] = false;
  host.start();
  Effects out;
  host.session->connected(host.now, ReplicaId{1}, out);  // connects, and swallows the hello
  host.advance_to(host.now + 5'000'000);
  EXPECT_TRUE(host.noted("replica 1: does not answer"));
  host.up[1] = true;
  host.advance_to(host.now + 6'000'000);
  EXPECT_EQ(host.session->ready(), replicas({0, 1, 2, 3}));
}

TEST(Channel, pauses_between_attempts_to_connect_grow_and_differ) {
  Host host;
  host.up[0] = false;
  host.start();
  std::vector<std::uint64_t> pauses;
  Time last = host.now;
  for (int i = 0; i < 8; ++i) {
    const Time next = host.session->deadline();
    pauses.push_back(next - last);
    last = next;
    host.advance_to(next);
  }
  EXPECT_GE(pauses[0], 50'000U);
  EXPECT_LE(pauses[0], 100'000U);
  EXPECT_GE(pauses[7], 2'500'000U);
  EXPECT_LE(pauses[7], 5'000'000U);
}

TEST(Channel, status_is_each_replicas_word_about_itself) {
  Host host;
  host.up[3] = false;
  host.start();
  Effects out;
  host.session->ask_status(out);
  host.tick();
  wire::StatusReply status;
  status.id = 1;
  status.replica = ReplicaId{0};
  status.last_executed = Seq{12};
  host.say(1, status);  // about another: not taken
  EXPECT_TRUE(host.statuses.empty());
  host.say(0, status);
  ASSERT_EQ(host.statuses.size(), 1U);
  EXPECT_EQ(host.statuses[0].last_executed, Seq{12});
  host.up[3] = true;
  host.advance_to(host.now + 1'000'000);
  EXPECT_EQ(host.group[3].count<wire::StatusRequest>(), 1U) << "asked when it comes";
}

TEST(Channel, the_same_entropy_and_the_same_events_give_the_same_bytes) {
  const auto run = [] {
    Host host;
    host.join();
    (void)host.call("p");
    host.drop(1);
    host.advance_to(host.now + 3'000'000);
    return host.sent;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace prytany::client
