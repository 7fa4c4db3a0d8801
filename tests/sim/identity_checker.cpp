#include "tests/sim/identity_checker.h"

#include <set>
#include <utility>

#include "tests/sim/reference.h"

namespace prytany::sim {

void IdentityChecker::shown(const Digest& join, std::optional<wire::Identity> truth) {
  shown_.insert_or_assign(join, std::move(truth));
}

void IdentityChecker::found(const std::string& by, const wire::IdentityTokenReply& said) {
  const auto known = shown_.find(said.join);
  if (known == shown_.end()) return violations_.add("identities", by + " vouches for nobody");
  ++vouched_;
  if (!known->second)
    return violations_.add("identities", by + " vouches for a proof that is another's, of " +
                                             said.identity.subject.text);
  if (*known->second != said.identity)
    violations_.add("identities", by + " finds " + said.identity.subject.text + " " +
                                      said.identity.claims.text + " until " +
                                      std::to_string(said.identity.expires.value) +
                                      " in the proof of " + known->second->subject.text);
}

void IdentityChecker::ordered(const app::ExecutorConfig& config,
                              const std::map<ReplicaId, std::vector<crypto::PublicKey>>& keys,
                              const wire::RequestBody& body, const wire::Outcome& outcome) {
  const auto operation = wire::decode<wire::Operation>(body.operation.view());
  const auto* join = operation ? std::get_if<wire::IdentifiedJoin>(&*operation) : nullptr;
  const auto* let_in = std::get_if<wire::JoinedReply>(&outcome);
  if (join == nullptr || let_in == nullptr) return;
  ++let_in_;
  const std::string who = "session " + std::to_string(let_in->session.value);
  const Digest digest = wire::join_digest(join->begin);
  const auto known = shown_.find(digest);
  if (known == shown_.end() || !known->second)
    return violations_.add("identities", who + " was let in by a proof that is not its own");
  if (*known->second != join->identity ||
      let_in->principal.text != join->identity.kind.text + " " + join->identity.subject.text)
    violations_.add("identities", who + " is let in as " + let_in->principal.text + ", and is " +
                                      known->second->subject.text);
  std::set<ReplicaId> vouch;
  for (const wire::JoinToken& token : join->tokens) {
    const Bytes said = wire::identity_token_signed_bytes(config.cluster, digest, join->identity,
                                                         token.address, token.expires);
    const auto member = keys.find(token.replica);
    if (member == keys.end()) continue;
    for (const crypto::PublicKey& key : member->second)
      if (crypto::verify(key, said, token.signature)) vouch.insert(token.replica);
  }
  if (vouch.size() < config.weak_quorum)
    violations_.add("identities", who + " was let in by the word of " +
                                      std::to_string(vouch.size()) + " replicas");
}

void compare_identities(const app::ExecutorConfig& config, Checks& checks, const Replies& replies) {
  std::map<ReplicaId, std::vector<crypto::PublicKey>> keys;
  for (std::size_t i = 0; i < config.replica_keys.size(); ++i)
    keys[ReplicaId{static_cast<std::uint16_t>(i)}] = {config.replica_keys[i]};
  for (const auto& [seq, committed] : checks.agreement.log()) {
    if (seq > checks.agreement.contiguous()) break;
    for (const wire::ClientRequest& request : committed.batch.requests) {
      const auto found = replies.find({wire::request_digest(request.body), seq});
      if (found == replies.end()) continue;
      const auto operation = wire::decode<wire::Operation>(request.body.operation.view());
      const auto* change = operation ? std::get_if<wire::Reconfigure>(&*operation) : nullptr;
      if (change != nullptr && std::holds_alternative<wire::DoneReply>(found->second.outcome))
        keys[change->member].push_back(change->key);
      checks.identities.ordered(config, keys, request.body, found->second.outcome);
    }
  }
}

}  // namespace prytany::sim
