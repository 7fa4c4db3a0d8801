#include "server/wire/configuration.h"

#include <algorithm>

namespace prytany::wire {

Digest configuration_digest(const Digest& cluster, const Configuration& configuration) {
  return encoded_digest("prytany configuration", cluster, configuration);
}

bool check_proof(const Membership& group, const CheckpointProof& proof) {
  const auto& signatures = proof.signatures.items;
  if (signatures.size() < group.quorum) return false;
  // Strictly increasing: no member counts twice.
  for (std::size_t i = 1; i < signatures.size(); ++i)
    if (signatures[i - 1].signer >= signatures[i].signer) return false;
  return std::all_of(signatures.begin(), signatures.end(), [&](const SignerAndSignature& s) {
    return verify_signed(group, s.signer, proof.checkpoint, s.signature);
  });
}

Chain::Chain(Membership genesis) : genesis_(std::move(genesis)) {
  ENSURE(genesis_.config == ConfigNumber{0});
  known_.push_back({ConfigNumber{0}, Seq{0}, {genesis_.replica_keys}});
}

Membership Chain::membership(const Configuration& configuration) const {
  Membership group = genesis_;
  group.config = configuration.number;
  group.replica_keys = configuration.keys.items;
  return group;
}

const Configuration& Chain::governing(Seq seq) const {
  const auto later = std::find_if(known_.begin() + 1, known_.end(),
                                  [&](const Configuration& c) { return c.since >= seq; });
  return *std::prev(later);
}

const char* Chain::extend(const ConfigurationLink& link) {
  const Configuration& next = link.configuration;
  if (next.number <= newest().number)
    return next == at(next.number) ? nullptr : "another configuration of a number that is known";
  if (next.number != newest().number + 1) return "a gap in the chain of configurations";
  if (links_.size() >= limits::configurations_max) return "too many configurations";
  if (next.since <= newest().since) return "a configuration that begins before the last one";
  if (next.keys.size() != newest().keys.size()) return "a configuration of another size";
  const Checkpoint& proven = link.proof.checkpoint;
  if (proven.seq != next.since ||
      proven.configuration != configuration_digest(genesis_.cluster, next))
    return "a proof of something else than the configuration";
  if (!check_proof(membership(newest()), link.proof)) return "not a proof of a configuration";
  known_.push_back(next);
  links_.push_back(link);
  return nullptr;
}

ConfigurationLinks Chain::links_above(ConfigNumber number, std::size_t bytes_max) const {
  ConfigurationLinks some;
  std::size_t bytes = 0;
  for (const ConfigurationLink& link : links_) {
    if (link.configuration.number <= number) continue;
    bytes += encode(link).size();
    if (!some.empty() && bytes > bytes_max) break;
    some.items.push_back(link);
  }
  return some;
}

const char* refuse_new_key(const Configuration& configuration, const crypto::PublicKey& key) {
  if (!crypto::public_key_from(key.bytes)) return "is not a good Ed25519 key";
  const auto& keys = configuration.keys.items;
  if (std::find(keys.begin(), keys.end(), key) != keys.end()) return "is a member's already";
  return nullptr;
}

}  // namespace prytany::wire
