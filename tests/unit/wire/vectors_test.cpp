// The golden vectors, three times over: the files are what the code gives today; what they say in
// JSON, hex and signatures belongs together when read back; and the page shows the example that the
// code gives.
#include "tests/vectors/vectors.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "server/wire/genesis.h"
#include "server/wire/verify.h"
#include "tests/vectors/tree.h"

namespace prytany::wire {
namespace {

using vectors::Json;

const std::string root = PRYTANY_SOURCE_DIR;

std::string content(const std::string& path) {
  std::ifstream in(root + "/" + path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Json golden(const std::string& name) { return Json::parse(content("tests/vectors/" + name)); }

std::string text_of(const Json& text) { return text.get<std::string>(); }
Bytes bytes_of(const Json& hex) { return from_hex(text_of(hex)).value(); }

template <class T>
T decoded(const Json& hex) {
  const Result<T, Malformed> value = decode<T>(bytes_of(hex));
  EXPECT_TRUE(value.ok()) << hex;
  return value.ok() ? *value : T{};
}

bool signature_holds(const Json& one) {
  crypto::Signature signature;
  const Bytes bytes = bytes_of(one.at("signature"));
  std::copy(bytes.begin(), bytes.end(), signature.bytes.begin());
  const auto key = crypto::public_key_from(bytes_of(one.at("public_key")));
  return key && crypto::verify(*key, bytes_of(one.at("signed_bytes")), signature);
}

TEST(Vectors, are_what_the_code_gives) {
  for (const vectors::File& file : vectors::files()) {
    EXPECT_EQ(content("tests/vectors/" + file.name), file.text)
        << "If the wire format has changed on purpose: build/dev/bin/write_vectors tests/vectors";
  }
}

TEST(Vectors, values_encode_from_their_json) {
  const Json file = golden("values.json");
  EXPECT_GT(file.at("cases").size(), 20U);
  for (const Json& one : file.at("cases")) {
    const Json read = {{"type", "read"},
                       {"id", "0"},
                       {"procedure", "p"},
                       {"arguments", {{{"name", "a"}, {"value", one.at("value")}}}}};
    const auto message = from_client_json(read.dump());
    ASSERT_TRUE(message.ok()) << message.error().text();
    const Value& value = std::get<PublicRead>(*message).call.arguments.items.at(0).value;
    EXPECT_EQ(encode(value), bytes_of(one.at("encoded"))) << one.at("name");
  }
}

TEST(Vectors, requests_verify_from_their_json) {
  const Json file = golden("requests.json");
  for (const Json& one : file.at("cases")) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const auto message = from_client_json(one.at("message").dump());
    ASSERT_TRUE(message.ok());
    const ClientRequest& request = std::get<SubmitRequest>(*message).request;
    EXPECT_EQ(request.body.operation.bytes, bytes_of(one.at("operation_encoded")));
    EXPECT_EQ(encode(request.body), bytes_of(one.at("body_encoded")));
    EXPECT_EQ(request_digest(request.body).hex(), text_of(one.at("digest")));
    EXPECT_TRUE(verify_request(vectors::cluster(), request));
  }
  for (const Json& one : file.at("together").at("messages")) {
    const auto message = from_client_json(one.dump());
    ASSERT_TRUE(message.ok());
    EXPECT_TRUE(verify_request(vectors::cluster(), std::get<SubmitRequest>(*message).request));
  }
}

TEST(Vectors, replies_are_tagged_from_their_json) {
  const Json file = golden("replies.json");
  crypto::MacKey key{};
  const Bytes key_bytes = bytes_of(file.at("tag_key"));
  std::copy(key_bytes.begin(), key_bytes.end(), key.begin());
  const crypto::Mac mac(key);
  const ReplicaId replica{file.at("replica").get<std::uint16_t>()};
  for (const Json& one : file.at("cases")) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const auto message = to_client_json(one.at("message").dump());
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(encode(message->message), bytes_of(one.at("encoded")));
    const Bytes bytes = tagged_bytes(vectors::cluster(), replica, message->message);
    EXPECT_EQ(bytes, bytes_of(one.at("tagged_bytes")));
    ASSERT_TRUE(message->tag.has_value());
    EXPECT_TRUE(mac.check(bytes, *message->tag));
  }
}

TEST(Vectors, peer_messages_say_what_their_encoding_says) {
  const Json file = golden("peer_messages.json");
  EXPECT_GE(file.at("cases").size(), std::variant_size_v<PeerMessage>);
  for (const Json& one : file.at("cases")) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const auto message = decoded<PeerMessage>(one.at("encoded"));
    EXPECT_EQ(message.index(), one.at("index").get<std::size_t>());
    EXPECT_EQ(vectors::tree_of(message), one.at("message"));
    EXPECT_EQ(crypto::sha256(bytes_of(one.at("encoded"))).hex(), text_of(one.at("digest")));
    if (one.contains("signature")) {
      EXPECT_TRUE(signature_holds(one));
      EXPECT_EQ(one.at("signature"), one.at("message").at("signature"));
    }
  }
}

TEST(Vectors, sessions_and_links_are_signed_by_whom_they_say) {
  const Json session = golden("session.json");
  EXPECT_TRUE(signature_holds(session.at("hello")));
  EXPECT_TRUE(signature_holds(session.at("join").at("credential")));
  for (const Json& token : session.at("join").at("tokens")) EXPECT_TRUE(signature_holds(token));
  const Json links = golden("links.json");
  for (const Json& proof : links.at("proofs")) EXPECT_TRUE(signature_holds(proof));
  const Json genesis = golden("genesis.json");
  for (const Json& one : genesis.at("approvals")) EXPECT_TRUE(signature_holds(one));
}

TEST(Vectors, the_frame_opens_with_the_key_of_its_link) {
  const Json file = golden("links.json");
  const auto key = [&](std::size_t i) {
    crypto::MacKey out{};
    const Bytes bytes = bytes_of(file.at("keys").at(i).at("key"));
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return crypto::Mac(out);
  };
  const LinkKeys at_one{key(1), key(0)};
  Verifier verifier(vectors::membership());
  const auto opened = verifier.open(ReplicaId{0}, at_one, bytes_of(file.at("frame").at("bytes")));
  ASSERT_TRUE(opened.ok()) << opened.error().reason;
  EXPECT_EQ(opened->size(), file.at("frame").at("messages").size());
}

TEST(Vectors, the_genesis_file_reads_back_to_its_digest) {
  const Json file = golden("genesis.json");
  const auto genesis = genesis_from_json(file.at("file").dump());
  ASSERT_TRUE(genesis.ok()) << genesis.error().message;
  EXPECT_EQ(genesis_digest(genesis->genesis).hex(), text_of(file.at("digest")));
  EXPECT_TRUE(verify_genesis(*genesis).ok());
}

TEST(Documentation, shows_the_worked_example_that_the_code_gives) {
  const std::string page = content("docs/wire.md");
  const std::string begin = "<!-- made by `write_vectors --example` -->\n\n";
  const std::string end = "<!-- end of what is made -->";
  const std::size_t from = page.find(begin);
  const std::size_t to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  EXPECT_EQ(page.substr(from + begin.size(), to - from - begin.size()), vectors::worked_example());
}

TEST(Documentation, names_every_message_and_every_bound_of_the_wire) {
  const std::string page = content("docs/wire.md");
  for (const auto& [name, message] : vectors::peer_messages())
    EXPECT_NE(page.find("`" + std::string(name_of(message)) + "`"), std::string::npos) << name;
  for (const auto& [name, message] : vectors::from_client()) {
    const std::string type = Json::parse(to_json(message)).at("type").get<std::string>();
    EXPECT_NE(page.find("`" + type + "`"), std::string::npos) << type;
  }
  for (const auto& [name, message] : vectors::to_client()) {
    const Json json = Json::parse(to_json(TaggedToClient{message, std::nullopt}));
    for (const auto& [field, value] : json.items())
      EXPECT_NE(page.find("`" + field + "`"), std::string::npos) << name << ": " << field;
  }
}

}  // namespace
}  // namespace prytany::wire
