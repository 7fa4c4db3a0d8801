#include "tests/sim/notary.h"

#include <algorithm>

#include "server/app/identify.h"
#include "server/wire/client_json.h"
#include "server/wire/handshake.h"

namespace prytany::sim {

namespace {

constexpr std::size_t notary_seeds_max = 64;

}  // namespace

void Notary::drew(ByteView random) {
  crypto::DhSecret::Seed seed{};
  if (random.size() != seed.size()) return;
  std::ranges::copy(random, seed.begin());
  seeds_.push_back(seed);
  if (seeds_.size() > notary_seeds_max) seeds_.pop_front();
}

void Notary::asked(node::ConnectionId from, std::string_view text) {
  if (!text.starts_with(R"({"type":"hello")")) return;
  const auto parsed = wire::from_client_json(text);
  if (!parsed) return;
  if (const auto* hello = std::get_if<wire::ClientHello>(&*parsed))
    clients_.insert_or_assign(from, Greeted{*hello, std::nullopt});
}

/// The process's secret is one of those that it drew.
void Notary::said(node::ConnectionId to, std::string_view text) {
  const auto client = clients_.find(to);
  if (client == clients_.end() || client->second.key) return;
  const auto parsed = wire::to_client_json(text);
  const auto* answer = parsed ? std::get_if<wire::ServerHello>(&parsed->message) : nullptr;
  if (answer == nullptr) return;
  for (const crypto::DhSecret::Seed& seed : seeds_) {
    const crypto::DhSecret secret(seed);
    if (secret.public_key() != answer->key) continue;
    const wire::ClientHello& hello = client->second.hello;
    const auto key = wire::client_tag_key(secret, hello.key, hello, *answer);
    if (key) client->second.key.emplace(*key);
    return;
  }
}

std::optional<std::string> Notary::vouch(const Machine& machine, node::ConnectionId to,
                                         const wire::Identify& shown,
                                         const wire::Identity& identity, AgreedTime expires) const {
  const auto client = clients_.find(to);
  if (client == clients_.end() || !client->second.key) return std::nullopt;
  const Digest join = wire::join_digest(shown.begin);
  wire::JoinToken token{machine.id, {"10.0.0.1"}, expires, {}};
  token.signature = machine.signer.sign(
      wire::identity_token_signed_bytes(cluster_, join, identity, token.address, token.expires));
  const wire::ToClient message = wire::IdentityTokenReply{join, identity, token};
  const crypto::Tag16 tag =
      client->second.key->tag(wire::tagged_bytes(cluster_, machine.id, message));
  return wire::to_json(wire::TaggedToClient{message, tag});
}

wire::Proof unseen_proof(const std::string& kind) {
  if (kind == app::id_token_kind) return wire::IdTokenProof{{"unseen"}};
  wire::CertificateProof proof;
  proof.chain.items.push_back({{0x30}});
  proof.signature.bytes = {0};
  return proof;
}

}  // namespace prytany::sim
