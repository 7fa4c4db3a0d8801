// genesis.json and member.json: what people keep, strictly read (docs/reference/genesis.md).
#include "server/wire/genesis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace prytany::wire {
namespace {

using Tree = nlohmann::ordered_json;
using testing::HasSubstr;

crypto::Signer signer_of(unsigned id) {
  crypto::Signer::Seed seed{};
  seed[0] = static_cast<std::uint8_t>(id + 1);
  return crypto::Signer(seed);
}

Member member_of(unsigned id) {
  return {{"organisation " + std::to_string(id)},
          signer_of(id).public_key(),
          {"replica" + std::to_string(id) + ".example"},
          static_cast<std::uint16_t>(7100 + id),
          {"wss://replica" + std::to_string(id) + ".example:443"}};
}

GenesisFile example() {
  GenesisFile file;
  Genesis& genesis = file.genesis;
  genesis.name.text = "Wahl 2027 \xC3\xBC";
  genesis.nonce = {1, 2, 3};
  genesis.faults = 1;
  for (unsigned id = 0; id < 4; ++id) genesis.members.items.push_back(member_of(id));
  genesis.administrators.items.push_back(signer_of(100).public_key());
  genesis.approvals = 3;
  genesis.engine.text = "2023-11-24 11:41:44 ebead0e7";
  return file;
}

void sign(GenesisFile& file, unsigned id) {
  const Bytes bytes = genesis_signed_bytes(genesis_digest(file.genesis));
  file.signatures.items.push_back(
      {ReplicaId{static_cast<std::uint16_t>(id)}, signer_of(id).sign(bytes)});
}
GenesisFile signed_example() {
  GenesisFile file = example();
  for (unsigned id = 0; id < 4; ++id) sign(file, id);
  return file;
}

TEST(Genesis, comes_back_from_json_as_it_was) {
  const GenesisFile file = signed_example();
  const auto back = genesis_from_json(to_json(file));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, file);
  EXPECT_EQ(to_json(*back), to_json(file));
}

TEST(Genesis, has_a_digest_that_does_not_depend_on_how_the_json_is_written) {
  const GenesisFile file = example();
  const auto compact = genesis_from_json(Tree::parse(to_json(file)).dump());
  ASSERT_TRUE(compact.ok());
  EXPECT_EQ(genesis_digest(compact->genesis), genesis_digest(file.genesis));
}

TEST(Genesis, has_another_digest_when_any_field_changes) {
  const Digest before = genesis_digest(example().genesis);
  const std::vector<std::function<void(Genesis&)>> changes = {
      [](Genesis& g) { g.name.text += "!"; },
      [](Genesis& g) { g.nonce[15] = 1; },
      [](Genesis& g) { g.development = true; },
      [](Genesis& g) { g.faults = 0; },
      [](Genesis& g) { g.members.items[3].peer_port += 1; },
      [](Genesis& g) { g.members.items[2].client_url.text += "1"; },
      [](Genesis& g) { std::swap(g.members.items[0], g.members.items[1]); },
      [](Genesis& g) { g.administrators.items.clear(); },
      [](Genesis& g) { g.approvals = 4; },
      [](Genesis& g) { g.checkpoint_interval = 64; },
      [](Genesis& g) { g.window = 512; },
      [](Genesis& g) { g.sessions_max = 5; },
      [](Genesis& g) { g.session_idle_us += 1; },
      [](Genesis& g) { g.steps_per_request_max += 1; },
      [](Genesis& g) { g.application_pages_max += 1; },
      [](Genesis& g) { g.engine.text += "x"; }};
  std::set<Digest> digests = {before};
  for (const auto& change : changes) {
    Genesis genesis = example().genesis;
    change(genesis);
    digests.insert(genesis_digest(genesis));
  }
  EXPECT_EQ(digests.size(), changes.size() + 1);
}

TEST(Genesis, has_a_fingerprint_that_people_can_read_to_each_other) {
  Digest digest;
  for (std::uint8_t i = 0; i < 32; ++i) digest.bytes[i] = i;
  EXPECT_EQ(fingerprint(digest), "0001 0203 0405 0607 0809 0a0b 0c0d 0e0f 1011 1213");
}

// ---- Bad files ----------------------------------------------------------------------------------

struct Bad {
  const char* what;
  std::function<void(Tree&)> spoil;
  const char* complaint;
};

const std::vector<Bad>& bad_files() {
  static const std::vector<Bad> all = {
      {"another format", [](Tree& j) { j["format"] = "prytany genesis 3"; }, "format is"},
      {"no format", [](Tree& j) { j.erase("format"); }, "format is missing"},
      {"a missing field", [](Tree& j) { j.erase("window"); }, "window is missing"},
      {"an unknown field", [](Tree& j) { j["quorum"] = 3; }, "quorum is no field"},
      {"an unknown field of a member", [](Tree& j) { j["members"][1]["port"] = 1; },
       "members[1].port is no field"},
      {"an empty name", [](Tree& j) { j["name"] = ""; }, "name is empty"},
      {"a name with a line break", [](Tree& j) { j["name"] = "a\nb"; }, "control character"},
      {"too long a name", [](Tree& j) { j["name"] = std::string(257, 'x'); }, "longer than 256"},
      {"a number for a name", [](Tree& j) { j["name"] = 5; }, "name is not a string"},
      {"a short nonce", [](Tree& j) { j["nonce"] = "00"; }, "nonce is not 32 hexadecimal"},
      {"a nonce that is not hex", [](Tree& j) { j["nonce"] = std::string(32, 'g'); },
       "hexadecimal"},
      {"development in words", [](Tree& j) { j["development"] = "yes"; }, "not true or false"},
      {"negative faults", [](Tree& j) { j["faults"] = -1; }, "faults is not a whole number"},
      {"broken faults", [](Tree& j) { j["faults"] = 1.5; }, "faults is not a whole number"},
      {"faults that leave no quorum", [](Tree& j) { j["faults"] = 4; }, "leaves no quorum"},
      {"approvals that the faulty can give", [](Tree& j) { j["approvals"] = 1; }, "approvals must"},
      {"more approvals than members", [](Tree& j) { j["approvals"] = 5; }, "approvals must"},
      {"no members",
       [](Tree& j) {
         j["members"] = Tree::array();
         j["faults"] = 0;
       },
       "members is empty"},
      {"members that are no list", [](Tree& j) { j["members"] = Tree::object(); }, "not an array"},
      {"a member that is no object", [](Tree& j) { j["members"][0] = 1; }, "members[0] is not"},
      {"the same key twice", [](Tree& j) { j["members"][1]["key"] = j["members"][0]["key"]; },
       "the same key twice"},
      {"the same peer address twice",
       [](Tree& j) { j["members"][1]["peer"] = j["members"][0]["peer"]; }, "same peer address"},
      {"the same client URL twice",
       [](Tree& j) { j["members"][1]["client"] = j["members"][0]["client"]; }, "same client URL"},
      {"a peer without a port", [](Tree& j) { j["members"][0]["peer"] = "a.example"; },
       "not HOST:PORT"},
      {"port 0", [](Tree& j) { j["members"][0]["peer"] = "a.example:0"; }, "not HOST:PORT"},
      {"port 65536", [](Tree& j) { j["members"][0]["peer"] = "a.example:65536"; }, "not HOST:PORT"},
      {"a host with a space", [](Tree& j) { j["members"][0]["peer"] = "a b:7000"; },
       "not HOST:PORT"},
      {"a client URL over http", [](Tree& j) { j["members"][0]["client"] = "http://a:1"; },
       "not ws://"},
      {"a client URL with a path", [](Tree& j) { j["members"][0]["client"] = "ws://a:1/x"; },
       "not ws://"},
      {"a key of small order", [](Tree& j) { j["members"][0]["key"] = std::string(64, '0'); },
       "members[0].key is no usable"},
      {"an administrator's key of small order",
       [](Tree& j) { j["administrators"][0] = std::string(64, '0'); },
       "administrators[0].key is no usable"},
      {"an administrator twice",
       [](Tree& j) { j["administrators"].push_back(j["administrators"][0]); }, "a key twice"},
      {"a window below 2K", [](Tree& j) { j["window"] = 255; }, "at least twice"},
      {"a window beyond bounds", [](Tree& j) { j["window"] = 4097; }, "window must be from 2 to"},
      {"no checkpoints", [](Tree& j) { j["checkpoint_interval"] = 0; }, "checkpoint_interval must"},
      {"no sessions", [](Tree& j) { j["sessions_max"] = 0; }, "sessions_max must"},
      {"a number that JavaScript would round",
       [](Tree& j) { j["steps_per_request_max"] = 9007199254740993; },
       "steps_per_request_max must"},
      {"no engine", [](Tree& j) { j["engine"] = ""; }, "engine is empty"},
      {"a short signature", [](Tree& j) { j["signatures"][0]["signature"] = "00"; },
       "signatures[0].signature is not 128 hexadecimal"},
  };
  return all;
}

TEST(Genesis, refuses_bad_files_and_names_the_field) {
  for (const Bad& bad : bad_files()) {
    Tree json = Tree::parse(to_json(signed_example()));
    bad.spoil(json);
    const auto read = genesis_from_json(json.dump());
    ASSERT_FALSE(read.ok()) << bad.what;
    EXPECT_THAT(read.error().message, HasSubstr(bad.complaint)) << bad.what;
  }
}

TEST(Genesis, refuses_what_is_no_json_or_too_much_of_it) {
  const std::string good = to_json(signed_example());
  EXPECT_THAT(genesis_from_json("").error().message, HasSubstr("not JSON"));
  EXPECT_THAT(genesis_from_json("[]").error().message, HasSubstr("not a JSON object"));
  EXPECT_THAT(genesis_from_json(good + "x").error().message, HasSubstr("not JSON"));
  EXPECT_THAT(genesis_from_json("{\"a\":\"\xFF\"}").error().message, HasSubstr("not JSON"));
  EXPECT_THAT(genesis_from_json(std::string(2'000'000, ' ')).error().message,
              HasSubstr("longer than"));
  EXPECT_THAT(genesis_from_json(std::string(100'000, '[')).error().message,
              HasSubstr("nested too deeply"));
}

TEST(Genesis, refuses_a_key_that_appears_twice_because_two_readers_could_see_two_values) {
  std::string json = to_json(signed_example());
  json.insert(json.find('{') + 1, "\"faults\": 0,");
  EXPECT_THAT(genesis_from_json(json).error().message, HasSubstr("\"faults\" appears twice"));
}

TEST(Genesis, refuses_every_truncation) {
  const std::string good = to_json(signed_example());
  for (std::size_t length = 0; length + 2 < good.size(); length += 7)
    EXPECT_FALSE(genesis_from_json(good.substr(0, length)).ok()) << length;
}

TEST(Genesis, allows_groups_that_are_safe_but_not_always_live) {
  GenesisFile file = example();
  file.genesis.faults = 2;
  EXPECT_TRUE(genesis_from_json(to_json(file)).ok());
}

// ---- Signatures ---------------------------------------------------------------------------------

TEST(GenesisSignatures, are_good_when_every_member_signed) {
  EXPECT_TRUE(verify_genesis(signed_example()).ok());
}

TEST(GenesisSignatures, name_who_is_missing) {
  GenesisFile file = example();
  sign(file, 0);
  sign(file, 2);
  const auto verified = verify_genesis(file);
  ASSERT_FALSE(verified.ok());
  EXPECT_THAT(verified.error().message, HasSubstr("organisation 1, organisation 3"));
}

TEST(GenesisSignatures, are_not_needed_for_development_but_must_be_right_if_there) {
  GenesisFile file = example();
  file.genesis.development = true;
  EXPECT_TRUE(verify_genesis(file).ok());
  sign(file, 1);
  EXPECT_TRUE(verify_genesis(file).ok());
  file.signatures.items[0].signature.bytes[5] ^= 1;
  EXPECT_FALSE(verify_genesis(file).ok());
}

TEST(GenesisSignatures, fail_when_the_content_changed_after_signing) {
  GenesisFile file = signed_example();
  file.genesis.faults = 0;
  const auto verified = verify_genesis(file);
  ASSERT_FALSE(verified.ok());
  EXPECT_THAT(verified.error().message, HasSubstr("changed after it was signed"));
}

TEST(GenesisSignatures, count_each_member_once_and_strangers_not_at_all) {
  GenesisFile twice = signed_example();
  twice.signatures.items[1] = twice.signatures.items[0];
  EXPECT_FALSE(verify_genesis(twice).ok());
  GenesisFile stranger = signed_example();
  stranger.signatures.items[3].signer = ReplicaId{4};
  EXPECT_FALSE(verify_genesis(stranger).ok());
}

// ---- member.json --------------------------------------------------------------------------------

TEST(Member, comes_back_from_json_as_it_was) {
  const auto back = member_from_json(to_json(member_of(2)));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, member_of(2));
}

TEST(Member, is_no_genesis_and_the_other_way_round) {
  EXPECT_THAT(member_from_json(to_json(example())).error().message, HasSubstr("format is"));
  EXPECT_THAT(genesis_from_json(to_json(member_of(0))).error().message, HasSubstr("format is"));
}

TEST(Addresses, are_names_or_numbers_with_a_port) {
  EXPECT_EQ(address_from("a.example:1"), (HostPort{"a.example", 1}));
  EXPECT_EQ(address_from("10.0.0.1:65535"), (HostPort{"10.0.0.1", 65535}));
  EXPECT_EQ(address_from("[::1]:7000"), (HostPort{"[::1]", 7000}));
  EXPECT_EQ(client_address_from("wss://[2001:db8::1]:443"), (HostPort{"[2001:db8::1]", 443}));
  for (const char* bad : {"", ":", "a:", ":1", "a", "::1:7000", "a:+1", "a:01", "a/b:1", "a:1:2",
                          "a:999999", "ws://a:1", "\xC3\xBC:1"})
    EXPECT_EQ(address_from(bad), std::nullopt) << bad;
}

// ---- clients that genesis lists -----------------------------------------------------------------

GenesisFile with_clients() {
  GenesisFile file = example();
  file.genesis.administrators.items.clear();
  file.genesis.list_clients({{{"boss"}, {"admin"}, signer_of(50).public_key()},
                             {{"anna"}, {"member"}, signer_of(51).public_key()}});
  return file;
}

TEST(GenesisWithClients, comes_back_from_json_and_is_of_format_2) {
  const GenesisFile file = with_clients();
  EXPECT_THAT(to_json(file), HasSubstr("\"prytany genesis 2\""));
  const auto back = genesis_from_json(to_json(file));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, file);
  EXPECT_EQ(back->genesis.version, 2);
}

TEST(GenesisWithClients, may_be_what_a_genesis_without_them_is_called) {
  GenesisFile file = with_clients();
  file.genesis.list_clients({});
  file.genesis.name.text = "prytany genesis 2";
  const auto back = genesis_from_json(to_json(file));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, file);
}

TEST(GenesisWithClients, has_a_digest_that_covers_them_and_without_them_is_encoded_as_ever) {
  GenesisFile file = with_clients();
  const Digest both = genesis_digest(file.genesis);
  file.genesis.clients.list.items[1].role.text = "guest";
  EXPECT_NE(genesis_digest(file.genesis), both);
  const Bytes with = encode(file.genesis);
  file.genesis.list_clients({});
  const Bytes without = encode(file.genesis);
  EXPECT_EQ(without.front(), 1);
  EXPECT_EQ(with.front(), 2);
  EXPECT_TRUE(std::equal(without.begin() + 1, without.end(), with.begin() + 1));
  EXPECT_TRUE(decode<Genesis>(with).ok());
  EXPECT_TRUE(decode<Genesis>(without).ok());
  Bytes empty_list = without;
  empty_list.insert(empty_list.end(), 4, 0);
  EXPECT_FALSE(decode<Genesis>(empty_list).ok()) << "one encoding for one genesis";
}

TEST(GenesisWithClients, is_refused_where_it_contradicts_itself) {
  const auto refusal = [](const GenesisFile& file) {
    const auto read = genesis_from_json(to_json(file));
    return read ? std::string() : read.error().message;
  };
  GenesisFile file = with_clients();
  file.genesis.clients.list.items[1].principal.text = "boss";
  EXPECT_THAT(refusal(file), HasSubstr("the principal boss twice"));
  file = with_clients();
  file.genesis.clients.list.items[1].key = signer_of(50).public_key();
  EXPECT_THAT(refusal(file), HasSubstr("the key of anna twice"));
  file = with_clients();
  file.genesis.administrators.items.push_back(signer_of(9).public_key());
  EXPECT_THAT(refusal(file), HasSubstr("with the role admin"));
  file = with_clients();
  file.genesis.sessions_max = 1;
  EXPECT_THAT(refusal(file), HasSubstr("less than the number of clients"));
  Tree tree = Tree::parse(to_json(with_clients()));
  tree["clients"] = Tree::array();
  EXPECT_FALSE(genesis_from_json(tree.dump()).ok());
  tree.erase("clients");
  EXPECT_FALSE(genesis_from_json(tree.dump()).ok());
  tree = Tree::parse(to_json(with_clients()));
  tree["format"] = "prytany genesis 1";
  EXPECT_FALSE(genesis_from_json(tree.dump()).ok());
}

TEST(StaticClients, are_read_from_a_file_of_their_own) {
  const std::string key = signer_of(50).public_key().hex();
  const auto read = static_clients_from_json(
      R"({"format":"prytany clients 1","clients":[{"principal":"a","role":"r","key":")" + key +
      "\"}]}");
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ((*read)[0].principal.text, "a");
  EXPECT_FALSE(static_clients_from_json("{}").ok());
  EXPECT_FALSE(static_clients_from_json(R"({"format":"prytany clients 1","clients":[]})").ok());
}

}  // namespace
}  // namespace prytany::wire
