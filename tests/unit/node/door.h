// A replica's door for clients, as tests see it: texts go in, and what is told is kept.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/node/clients.h"
#include "server/wire/client_json.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::node {

class Told : public Transport {
 public:
  void send(ReplicaId, Bytes) override {}
  void reply(ConnectionId to, std::string text) override {
    auto parsed = wire::to_client_json(text);
    ASSERT_TRUE(parsed.ok()) << text;
    messages.emplace_back(to, std::move(*parsed));
    last = std::move(text);
  }
  void close(ConnectionId, std::string_view) override {}
  std::vector<std::pair<ConnectionId, wire::TaggedToClient>> messages;
  std::string last;  // as it was said
};

class SetClock : public Clock {
 public:
  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] AgreedTime wall() const override { return AgreedTime{1'700'000'000'000'000}; }
  Time now_{1000};
};

struct Door : testing::Test {
  Door() {
    for (const crypto::PublicKey& key : replica.config().replica_keys)
      group.replica_keys.push_back(key);
    group.cluster = replica.config().cluster;
    group.mac_requests = true;
    clients.connected(one, "127.0.0.1");
    clients.connected(two, "127.0.0.1");
  }

  void hello(ConnectionId id) {
    wire::ClientHello hello;
    hello.cluster = group.cluster;
    hello.key = dh.public_key();
    (void)clients.text(id, wire::to_json(wire::FromClient{hello}), verifier);
    const auto& answer = std::get<wire::ServerHello>(transport.messages.back().second.message);
    ASSERT_TRUE(crypto::verify(signer.public_key(), wire::hello_signed_bytes(hello, answer),
                               answer.signature));
    tag_key = *wire::client_tag_key(dh, answer.key, hello, answer);
    said = crypto::sha256(wire::hello_signed_bytes(hello, answer));
  }
  void speak_for(ConnectionId id, const crypto::Signer& session, const Digest& hello_said) {
    wire::SpeakFor speak{session.public_key(), {}};
    speak.signature = session.sign(wire::speak_for_signed_bytes(hello_said, speak.key));
    (void)clients.text(id, wire::to_json(wire::FromClient{speak}), verifier);
  }
  /// With a tag in place of the signature.
  Clients::Wish ask_tagged(ConnectionId id, wire::ClientRequest request) {
    request.proof.signature.reset();
    const Digest digest = wire::request_digest(request.body);
    const auto tag = crypto::Mac(tag_key).tag(wire::request_tagged_bytes(group.cluster, digest));
    return clients.text(
        id, wire::to_json(wire::FromClient{wire::SubmitRequest{request, std::nullopt, tag}}),
        verifier);
  }

  Clients::Wish ask(ConnectionId id, const wire::ClientRequest& request,
                    std::optional<ReplicaId> designated = std::nullopt) {
    return clients.text(
        id, wire::to_json(wire::FromClient{wire::SubmitRequest{request, designated}}), verifier);
  }

  /// A request of `client`, signed.
  wire::ClientRequest request(app::Client& client, std::uint64_t number,
                              const wire::Operation& operation = app::execute_of("SELECT 1")) {
    wire::ClientRequest r = app::request_of(client, number, operation);
    r.proof.signature =
        client.key.sign(wire::request_signed_bytes(group.cluster, wire::request_digest(r.body)));
    return r;
  }

  [[nodiscard]] std::string last_refusal() const {
    const auto* refused = std::get_if<wire::Refused>(&transport.messages.back().second.message);
    return refused == nullptr ? "" : refused->code.text;
  }

  app::Replica replica;
  crypto::Signer signer = app::test_key(1);
  wire::Membership group;
  wire::Verifier verifier{[this] {
    wire::Membership members;
    members.cluster = replica.config().cluster;
    members.replica_keys = replica.config().replica_keys;
    members.mac_requests = true;
    return members;
  }()};
  Told transport;
  SetClock clock;
  Clients clients{{ReplicaId{0}, signer, group, replica.executor(), transport, clock,
                   [](std::span<std::uint8_t> out) { crypto::random_bytes(out); }, 60'000'000,
                   nullptr, [this] { return barrier; }}};
  std::optional<Seq> barrier = Seq{0};
  crypto::DhSecret dh = crypto::DhSecret::generate();
  crypto::MacKey tag_key{};
  Digest said;
  ConnectionId one{1};
  ConnectionId two{2};
};

}  // namespace prytany::node
