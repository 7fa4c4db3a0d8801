#include "server/app/join.h"

#include <algorithm>

#include "server/base/utf8.h"

namespace prytany::app {

namespace {

std::optional<Failure> refuse_kind(const JoinView& join, AgreedTime now) {
  const std::string& kind = join.begin.identification.kind.text;
  if (join.identity == nullptr) {
    if (kind == "key") return std::nullopt;
    return Failure{"unknown_credential", "the only kind of credential without a proof is 'key'"};
  }
  if (kind != join.identity->kind.text)
    return Failure{"unknown_credential", "the tokens vouch for another kind of identification"};
  for (const std::string* text :
       {&join.identity->issuer.text, &join.identity->subject.text, &join.identity->claims.text})
    if (!is_utf8(*text)) return Failure{"malformed_request", "the identity is not UTF-8"};
  if (join.identity->expires <= now)
    return Failure{"proof_expired", "what proved who you are has expired"};
  return std::nullopt;
}

Bytes signed_bytes_of(const Digest& cluster, const Digest& digest, const JoinView& join,
                      const wire::JoinToken& token) {
  if (join.identity == nullptr)
    return wire::join_token_signed_bytes(cluster, digest, token.address, token.expires);
  return wire::identity_token_signed_bytes(cluster, digest, *join.identity, token.address,
                                           token.expires);
}

}  // namespace

std::optional<JoinView> join_of(const wire::Operation& operation) {
  if (const auto* join = std::get_if<wire::Join>(&operation))
    return JoinView{join->begin, join->tokens.items, nullptr};
  if (const auto* join = std::get_if<wire::IdentifiedJoin>(&operation))
    return JoinView{join->begin, join->tokens.items, &join->identity};
  return std::nullopt;
}

Result<AgreedTime, Failure> check_join(const ExecutorConfig& config,
                                       const std::vector<crypto::PublicKey>& replica_keys,
                                       const wire::RequestBody& body, const JoinView& join,
                                       AgreedTime now) {
  const wire::Identification& who = join.begin.identification;
  if (body.signer != join.begin.session_key)
    return Failure{"wrong_key", "a join is signed by the session key that it announces"};
  if (!crypto::public_key_from(join.begin.session_key.bytes))
    return Failure{"weak_key", "the session key is not a good Ed25519 key"};
  if (!crypto::public_key_from(who.credential.bytes))
    return Failure{"weak_key", "the credential is not a good Ed25519 key"};
  if (auto refused = refuse_kind(join, now)) return *refused;
  if (!is_utf8(who.name.text)) return Failure{"malformed_request", "the name is not UTF-8"};

  const Digest digest = wire::join_digest(join.begin);
  std::vector<AgreedTime> valid;  // when they expire
  bool expired = false;
  std::optional<ReplicaId> last;
  for (const wire::JoinToken& token : join.tokens) {
    if (last && token.replica <= *last)
      return Failure{"malformed_request", "tokens are not ordered by replica"};
    last = token.replica;
    if (token.replica.value >= replica_keys.size()) continue;
    if (token.expires <= now) {
      expired = true;
      continue;
    }
    const Bytes signed_bytes = signed_bytes_of(config.cluster, digest, join, token);
    if (!crypto::verify(replica_keys[token.replica.value], signed_bytes, token.signature)) continue;
    valid.push_back(token.expires);
  }
  if (valid.size() < config.weak_quorum) {
    if (expired)
      return Failure{"token_expired", "the replicas' tokens have expired; ask for new ones"};
    return Failure{"bad_token", "a join needs valid tokens from " +
                                    std::to_string(config.weak_quorum) + " replicas"};
  }
  if (!crypto::verify(who.credential, wire::credential_signed_bytes(config.cluster, join.begin),
                      who.signature))
    return Failure{"bad_credential", "the credential's signature over this join is wrong"};
  // The weak_quorum()-th latest is not later than a correct replica's; and whoever shows the tokens
  // of weak_quorum() correct ones shifts it to no earlier time by adding a liar's. It is the same
  // for this join until it has passed, so that a replay is known.
  const auto counts = valid.begin() + (config.weak_quorum - 1);
  std::ranges::nth_element(valid, counts, std::ranges::greater{});
  if (counts->value - now.value > join_token_life_us_max)
    return Failure{"token_expired", "the replicas' tokens are of a time to come; ask for new ones"};
  return *counts;
}

Result<std::optional<Authorized>, Failure> authorize_administrator(
    const ExecutorConfig& config, const wire::Identification& who) {
  const bool is_one = std::find(config.administrators.begin(), config.administrators.end(),
                                who.credential) != config.administrators.end();
  if (!is_one) return std::optional<Authorized>{};
  constexpr std::size_t name_bytes_max = 64;
  if (who.name.text.size() > name_bytes_max)
    return Failure{"malformed_request", "an administrator's name has at most 64 bytes"};
  Authorized admin{"admin:" + who.credential.hex().substr(0, 16), "admin"};
  if (!who.name.text.empty()) admin.principal += "/" + who.name.text;
  return std::optional<Authorized>(std::move(admin));
}

}  // namespace prytany::app
