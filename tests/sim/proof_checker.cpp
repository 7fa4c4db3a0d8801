#include "tests/sim/proof_checker.h"

#include <memory>
#include <string>
#include <utility>

#include "server/wire/frame.h"
#include "tests/sim/checkers.h"

namespace prytany::sim {

namespace {

/// Nothing in the others can be wrong but their sender's word, which the link's tag proves.
bool proves_something(const wire::PeerMessage& message) {
  return std::visit(
      [](const auto& m) {
        using M = std::decay_t<decltype(m)>;
        return requires { m.signature; } || std::is_same_v<M, wire::CheckpointProof> ||
               std::is_same_v<M, wire::PrePrepare> || std::is_same_v<M, wire::BatchBody> ||
               std::is_same_v<M, wire::Forward> || std::is_same_v<M, wire::Prepare> ||
               std::is_same_v<M, wire::Commit>;
      },
      message);
}

/// PREPARE and COMMIT are most of what is said, and bear a signature only where that is asked for.
bool is_unsigned_vote(const wire::PeerMessage& message) {
  return std::holds_alternative<wire::Prepare>(message) ||
         std::holds_alternative<wire::Commit>(message);
}

}  // namespace

void ProofChecker::knows(const std::vector<wire::ConfigurationLink>& links) {
  if (!chain_) return;
  for (const wire::ConfigurationLink& link : links)
    if (link.configuration.number > chain_->newest().number) (void)chain_->extend(link);
}

wire::Verifier& ProofChecker::verifier(ConfigNumber config) {
  const auto known = verifiers_.find(config);
  if (known != verifiers_.end()) return known->second;
  return verifiers_
      .emplace(config, wire::Verifier(chain_->membership(chain_->at(config)), &*chain_))
      .first->second;
}

void ProofChecker::left(ReplicaId from, ConfigNumber config,
                        const std::vector<wire::PeerMessage>& messages) {
  // What is said in one that nobody has proven is the checker of configurations' affair.
  if (!chain_ || config > chain_->newest().number) return;
  const bool votes_are_signed = chain_->genesis().signed_votes;
  // The link's key is not known here, and need not be: sealed again, with one that is.
  static const crypto::MacKey any_key{};
  const wire::LinkKeys keys{crypto::Mac(any_key), crypto::Mac(any_key)};
  for (const wire::PeerMessage& message : messages) {
    if (!proves_something(message) || (is_unsigned_vote(message) && !votes_are_signed)) continue;
    ++judged_;
    const std::vector alone{
        std::make_shared<const wire::EncodedMessage>(wire::encode_message(message))};
    const auto opened = verifier(config).open(from, keys, wire::seal(config, keys.send, alone));
    if (opened) continue;
    violations_.add("proofs", replica_name(from) + " sent a " +
                                  std::string(wire::name_of(message)) +
                                  " that every other replica refuses: " + opened.error().text());
  }
}

}  // namespace prytany::sim
