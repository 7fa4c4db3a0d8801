#include "tests/vectors/vectors.h"

#include <algorithm>

#include "server/crypto/credential.h"
#include "server/wire/genesis.h"
#include "tests/vectors/tree.h"

namespace prytany::vectors {

using namespace wire;

namespace {

Json about(std::string_view what) {
  Json file = Json::object();
  file["about"] = what;
  file["version"] = wire_version;
  return file;
}

std::string hex_of(ByteView bytes) { return to_hex(bytes); }

template <class T>
std::string encoded_hex(const T& value) {
  return to_hex(encode(value));
}

File finish(std::string name, const Json& file) { return {std::move(name), file.dump(1) + "\n"}; }

/// A message as it travels to or from a client.
template <class T>
Json travelling(const T& message) {
  return Json::parse(to_json(message));
}

Json signed_by(const crypto::Signer& signer, ByteView bytes) {
  Json json = Json::object();
  json["signed_bytes"] = hex_of(bytes);
  json["public_key"] = signer.public_key().hex();
  json["signature"] = hex_of(signer.sign(bytes).bytes);
  return json;
}

// ---- one file each
// -------------------------------------------------------------------------------

Json digests() {
  Json cases = Json::array();
  for (const auto& [domain, data] : std::vector<std::pair<std::string, std::string>>{
           {"prytany request", ""}, {"prytany reply", "abc"}, {"prytany", " batch"}}) {
    cases.push_back({{"domain", domain},
                     {"data", hex_of(as_bytes(data))},
                     {"digest", crypto::sha256(domain, as_bytes(data)).hex()}});
  }
  return cases;
}

Json codes() {
  Json cases = Json::array();
  for (const std::string_view typed : {code, std::string_view("o123 4567 89ab cdef ghjk mnpq rs"),
                                       std::string_view("ZYXW-VTSR-QPNM-KJHG-FEDC-BA98-76")}) {
    const crypto::Signer signer = crypto::credential_from_code(typed, cluster()).value();
    cases.push_back({{"code", typed},
                     {"seed", hex_of(signer.seed())},
                     {"public_key", signer.public_key().hex()}});
  }
  return cases;
}

File primitives() {
  Json file = about("Digests with a domain word, keys from seeds, credential keys from codes");
  file["cluster"] = cluster().hex();
  file["digests"] = digests();
  file["keys"] = Json::array();
  for (std::uint16_t i = 0; i < 4; ++i) {
    const crypto::Signer signer = replica_signer(i);
    file["keys"].push_back({{"name", "replica " + std::to_string(i)},
                            {"seed", hex_of(signer.seed())},
                            {"public_key", signer.public_key().hex()}});
  }
  file["keys"].push_back({{"name", "session"},
                          {"seed", hex_of(session_signer().seed())},
                          {"public_key", session_signer().public_key().hex()}});
  file["codes"] = codes();
  file["refused_codes"] = {"0123-4567-89AB-CDEF-GHJK-MNPQ-R", "1234-1234-1234-1234-1234-1234-12",
                           "U123-4567-89AB-CDEF-GHJK-MNPQ-RS", ""};
  return finish("primitives.json", file);
}

File value_file() {
  Json file = about("SQL values: JSON as it travels, and the canonical encoding");
  file["cases"] = Json::array();
  for (const auto& [name, value] : values()) {
    const PublicRead carrier{0, {{"p"}, {{{{"a"}, value}}}}};
    file["cases"].push_back(
        {{"name", name},
         {"value", travelling(FromClient{carrier}).at("arguments").at(0).at("value")},
         {"encoded", encoded_hex(value)}});
  }
  return finish("values.json", file);
}

File request_file() {
  Json file = about("Requests: the message a client sends, and what it hashes and signs");
  file["cluster"] = cluster().hex();
  file["session_seed"] = hex_of(session_signer().seed());
  file["cases"] = Json::array();
  for (const auto& [name, request] : requests()) {
    const Digest digest = request_digest(request.body);
    file["cases"].push_back(
        {{"name", name},
         {"message", travelling(FromClient{SubmitRequest{request, std::nullopt}})},
         {"operation_encoded", hex_of(request.body.operation.bytes)},
         {"body_encoded", encoded_hex(request.body)},
         {"digest", digest.hex()},
         {"signed_bytes", hex_of(request_signed_bytes(cluster(), digest))},
         {"signature", hex_of(request.proof.signature->bytes)}});
  }
  const std::vector<ClientRequest> together = signed_together();
  const RequestSignature& signature = *together.front().proof.signature;
  const auto root = signed_root(request_digest(together.front().body), signature);
  file["together"] = {{"messages", Json::array()},
                      {"root", root->hex()},
                      {"signed_bytes", hex_of(requests_signed_bytes(cluster(), *root))},
                      {"signature", hex_of(signature.bytes)}};
  for (const ClientRequest& request : together)
    file["together"]["messages"].push_back(
        travelling(FromClient{SubmitRequest{request, std::nullopt}}));
  return finish("requests.json", file);
}

Json hello_case() {
  const ClientHello client = client_hello();
  const ServerHello server = server_hello();
  const Bytes bytes = hello_signed_bytes(client, server);
  Json json = Json::object();
  json["client_secret"] = hex_of(counting(0x01));
  json["server_secret"] = hex_of(counting(0x41));
  json["hello"] = travelling(FromClient{client});
  json["hello_ok"] = travelling(TaggedToClient{server, std::nullopt});
  json.update(signed_by(replica_signer(server.replica.value), bytes));
  json["shared_secret"] = hex_of(*client_dh().agree(server.key));
  json["salt"] = crypto::sha256(bytes).hex();
  json["info"] = "prytany client tag";
  json["tag_key"] = hex_of(*client_tag_key(client_dh(), server.key, client, server));
  return json;
}

Json join_case() {
  const JoinBegin begin = join_begin();
  Json json = Json::object();
  json["credential_seed"] = hex_of(credential_signer().seed());
  json["join_begin"] = travelling(FromClient{begin});
  json["encoded"] = encoded_hex(begin);
  json["digest"] = join_digest(begin).hex();
  json["credential"] = signed_by(credential_signer(), credential_signed_bytes(cluster(), begin));
  const auto join = std::get<Join>(operations()[0].second);
  json["tokens"] = Json::array();
  for (const JoinToken& token : join.tokens) {
    Json one = {{"replica", token.replica.value},
                {"address", token.address.text},
                {"expires", std::to_string(token.expires.value)}};
    one.update(signed_by(
        replica_signer(token.replica.value),
        join_token_signed_bytes(cluster(), join_digest(begin), token.address, token.expires)));
    json["tokens"].push_back(one);
  }
  return json;
}

Json identity_case() {
  const JoinBegin begin = identified_begin();
  Json json = Json::object();
  json["join_begin"] = travelling(FromClient{begin});
  json["digest"] = join_digest(begin).hex();
  json["id_token_nonce"] = id_token_nonce(cluster(), credential_signer().public_key()).hex();
  json["certificate_signed_bytes"] =
      hex_of(certificate_signed_bytes(cluster(), join_digest(begin)));
  json["identity"] = {{"kind", identity().kind.text},
                      {"issuer", identity().issuer.text},
                      {"subject", identity().subject.text},
                      {"claims", identity().claims.text},
                      {"expires", std::to_string(identity().expires.value)}};
  const auto all = operations();
  const auto found = std::ranges::find_if(
      all, [](const auto& named) { return std::holds_alternative<IdentifiedJoin>(named.second); });
  const auto& join = std::get<IdentifiedJoin>(found->second);
  json["tokens"] = Json::array();
  for (const JoinToken& token : join.tokens) {
    Json one = {{"replica", token.replica.value},
                {"address", token.address.text},
                {"expires", std::to_string(token.expires.value)}};
    one.update(signed_by(replica_signer(token.replica.value),
                         identity_token_signed_bytes(cluster(), join_digest(begin), identity(),
                                                     token.address, token.expires)));
    json["tokens"].push_back(one);
  }
  return json;
}

Json subscribe_case() {
  const Subscribe asked = subscribe();
  const Digest hello = crypto::sha256(hello_signed_bytes(client_hello(), server_hello()));
  Json json = Json::object();
  json["message"] = travelling(FromClient{asked});
  json["encoded"] = encoded_hex(asked.body);
  json["digest"] = subscription_digest(asked.body).hex();
  json.update(
      signed_by(session_signer(),
                subscribe_signed_bytes(hello, subscription_digest(asked.body), asked.after)));
  return json;
}

File session_file() {
  Json file = about("A connection's key, a join and a subscription: what is signed by whom");
  file["cluster"] = cluster().hex();
  file["hello"] = hello_case();
  file["join"] = join_case();
  file["identity"] = identity_case();
  file["subscribe"] = subscribe_case();
  return finish("session.json", file);
}

/// The answer to GET /read/PROCEDURE.
Json signed_read_case() {
  SignedRead read{server_hello().replica, {}, {}};
  for (const auto& [name, message] : to_client())
    if (const auto* const reply = std::get_if<PublicReadReply>(&message)) read.reply = *reply;
  read.reply.id = 0;
  const crypto::Signer signer = replica_signer(read.replica.value);
  const Bytes bytes = signed_read_bytes(cluster(), read.replica, read.reply);
  read.signature = signer.sign(bytes);
  Json json = Json::object();
  json["message"] = Json::parse(to_json(read));
  json.update(signed_by(signer, bytes));
  return json;
}

File reply_file() {
  const ReplicaId replica = server_hello().replica;
  const auto key = *client_tag_key(client_dh(), server_hello().key, client_hello(), server_hello());
  const crypto::Mac mac(key);
  Json file = about("Messages from a replica: JSON, canonical encoding, and tag");
  file["cluster"] = cluster().hex();
  file["replica"] = replica.value;
  file["tag_key"] = hex_of(key);
  file["cases"] = Json::array();
  for (const auto& [name, message] : to_client()) {
    if (std::holds_alternative<ServerHello>(message)) continue;  // carries no tag
    const Bytes bytes = tagged_bytes(cluster(), replica, message);
    Json one = Json::object();
    one["name"] = name;
    one["message"] = travelling(TaggedToClient{message, mac.tag(bytes)});
    one["encoded"] = encoded_hex(message);
    const auto* const bundle = std::get_if<Bundle>(&message);
    const auto* const reply = bundle != nullptr ? &bundle->reply : std::get_if<Reply>(&message);
    if (reply != nullptr) {
      one["reply_encoded"] = encoded_hex(*reply);
      one["reply_digest"] = reply_digest(cluster(), *reply).hex();
    }
    one["tagged_bytes"] = hex_of(bytes);
    file["cases"].push_back(one);
  }
  file["signed_read"] = signed_read_case();
  return finish("replies.json", file);
}

Json peer_case(const std::string& name, const PeerMessage& message) {
  Json one = Json::object();
  one["name"] = name;
  one["index"] = message.index();
  one["message"] = tree_of(message);
  one["encoded"] = encoded_hex(message);
  one["digest"] = encode_message(message).digest.hex();
  const auto add_signed = [&](const auto& content) {
    one.update(signed_by(replica_signer(peer_sender.value),
                         signed_bytes(membership(), peer_sender, content.message)));
  };
  if (const auto* const m = std::get_if<Signed<Checkpoint>>(&message)) add_signed(*m);
  if (const auto* const m = std::get_if<Signed<ViewChange>>(&message)) add_signed(*m);
  if (const auto* const m = std::get_if<Signed<NewView>>(&message)) add_signed(*m);
  if (const auto* const m = std::get_if<Signed<Prepare>>(&message)) add_signed(*m);
  if (const auto* const m = std::get_if<Signed<Commit>>(&message)) add_signed(*m);
  if (const auto* const m = std::get_if<PrePrepare>(&message)) {
    Json digests = Json::array();
    for (const ClientRequest& request : m->batch.requests)
      digests.push_back(request_digest(request.body).hex());
    one["request_digests"] = digests;
    one["batch_digest"] = batch_digest(m->batch, m->agreed).hex();
  }
  return one;
}

File peer_file() {
  Json file = about("Messages between replicas; the sender is replica 1 in configuration 0");
  file["cluster"] = cluster().hex();
  file["config"] = "0";
  file["sender"] = peer_sender.value;
  file["cases"] = Json::array();
  for (const auto& [name, message] : peer_messages())
    file["cases"].push_back(peer_case(name, message));
  return finish("peer_messages.json", file);
}

LinkHello link_hello(std::uint16_t from, std::uint16_t to) {
  LinkHello hello;
  hello.cluster = cluster();
  hello.from = ReplicaId{from};
  hello.to = ReplicaId{to};
  hello.key = crypto::DhSecret(link_entropy(from).dh_seed).public_key();
  hello.nonce = link_entropy(from).nonce;
  hello.engine.text = engine;
  return hello;
}

/// The very bytes of a handshake of two Handshake objects.
Json flights() {
  const Membership group = membership();
  const crypto::Signer zero = replica_signer(0);
  const crypto::Signer one = replica_signer(1);
  Handshake dialler(group, zero, ReplicaId{0}, ReplicaId{1}, std::string(engine), link_entropy(0));
  Handshake acceptor(group, one, ReplicaId{1}, std::nullopt, std::string(engine), link_entropy(1));
  const Bytes first = dialler.start();
  const Bytes second = acceptor.on_bytes(first).value().send;
  const auto step = dialler.on_bytes(second).value();
  return {{{"from", 0}, {"bytes", hex_of(first)}},
          {{"from", 1}, {"bytes", hex_of(second)}},
          {{"from", 0}, {"bytes", hex_of(step.send)}}};
}

File link_file() {
  const LinkHello hello_0 = link_hello(0, 1);
  const LinkHello hello_1 = link_hello(1, 0);
  const crypto::DhSecret secret_0(link_entropy(0).dh_seed);
  const auto key = [&](std::uint16_t from, std::uint16_t to) {
    return *link_key(secret_0, hello_1.key, hello_0, hello_1, ReplicaId{from}, ReplicaId{to});
  };
  Json file = about("A link: replica 0 calls replica 1; then a frame from 0 to 1");
  file["secrets"] = {hex_of(link_entropy(0).dh_seed), hex_of(link_entropy(1).dh_seed)};
  file["hellos"] = {tree_of(hello_0), tree_of(hello_1)};
  file["hellos_encoded"] = {encoded_hex(hello_0), encoded_hex(hello_1)};
  file["proofs"] = Json::array();
  for (std::uint16_t i = 0; i < 2; ++i)
    file["proofs"].push_back(
        signed_by(replica_signer(i), link_signed_bytes(hello_0, hello_1, ReplicaId{i})));
  file["flights"] = flights();
  file["shared_secret"] = hex_of(*secret_0.agree(hello_1.key));
  file["keys"] = {{{"info", "prytany link 0 1"}, {"key", hex_of(key(0, 1))}},
                  {{"info", "prytany link 1 0"}, {"key", hex_of(key(1, 0))}}};

  std::vector<std::shared_ptr<const EncodedMessage>> messages;
  std::vector<Digest> digests;
  Json encoded = Json::array();
  for (const std::size_t i : {2U, 3U, 5U}) {
    const auto message =
        std::make_shared<EncodedMessage>(encode_message(peer_messages()[i].second));
    messages.push_back(message);
    digests.push_back(message->digest);
    encoded.push_back(hex_of(message->bytes));
  }
  const FrameHeader header{wire_version, ConfigNumber{0}, 3};
  file["frame"] = {{"config", "0"},
                   {"messages", encoded},
                   {"tagged_bytes", hex_of(frame_tagged_bytes(header, digests))},
                   {"bytes", hex_of(seal(ConfigNumber{0}, crypto::Mac(key(0, 1)), messages))}};
  return finish("links.json", file);
}

File genesis_file() {
  GenesisFile file;
  Genesis& genesis = file.genesis;
  genesis.name.text = "a cluster of four";
  genesis.nonce = link_entropy(0).nonce;
  genesis.faults = 1;
  genesis.approvals = 3;
  genesis.engine.text = engine;
  genesis.mac_requests = true;
  genesis.administrators.items.push_back(session_signer().public_key());
  for (std::uint16_t i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    genesis.members.items.push_back({{"organisation " + number},
                                     replica_signer(i).public_key(),
                                     {"replica" + number + ".example"},
                                     static_cast<std::uint16_t>(7100 + i),
                                     {"wss://replica" + number + ".example:7000"}});
  }
  const Digest digest = genesis_digest(genesis);
  Json json = about("A genesis.json, and the digest that names its cluster");
  json["encoded"] = encoded_hex(genesis);
  json["digest"] = digest.hex();
  json["fingerprint"] = fingerprint(digest);
  json["approvals"] = Json::array();
  for (std::uint16_t i = 0; i < 4; ++i) {
    const Bytes bytes = genesis_signed_bytes(digest);
    json["approvals"].push_back(signed_by(replica_signer(i), bytes));
    file.signatures.items.push_back({ReplicaId{i}, replica_signer(i).sign(bytes)});
  }
  json["file"] = Json::parse(to_json(file));
  return finish("genesis.json", json);
}

}  // namespace

std::vector<File> files() {
  return {primitives(), value_file(), request_file(), session_file(),
          reply_file(), peer_file(),  link_file(),    genesis_file()};
}

}  // namespace prytany::vectors
