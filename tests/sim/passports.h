// Clients that prove more than a key (decision 0028): an authority that issues X.509 certificates
// and an issuer of ID tokens, for the account book as it is installed. All of it follows from the
// seed, and is written here by hand, so that what replicas find is compared with what was meant.
// Sometimes a client first shows what is another's, which is of no use to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clientlib/session.h"
#include "tests/sim/parameters.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

/// An X.509 certificate of Ed25519 keys in DER, valid from June 2025 to June 2026; what nobody else
/// issued issues itself, and may issue others.
Bytes make_certificate(const std::string& common_name, std::uint16_t serial,
                       const crypto::PublicKey& key, const std::string& issuer,
                       const crypto::Signer& issued_by);

/// Procedures that make the account book believe the authority and the issuer of this seed.
void believe_passports(std::uint64_t seed, wire::Install& book);

class Passports {
 public:
  Passports(const Parameters& parameters, const Digest& cluster);

  /// What this client shows when it joins next; a prover of no kind if it has a key alone.
  struct Shown {
    client::Prover prover;
    /// It is another's. How long the client hopes; nothing: it is its own.
    std::optional<std::uint64_t> patience_us;
  };
  Shown shown_by(std::size_t client, const crypto::PublicKey& credential);

  /// Told of each join for which a proof is made, and whom the proof shows; nobody, if it is not
  /// the client's own.
  std::function<void(const Digest& join, std::optional<wire::Identity>)> shown;

 private:
  struct Holder {
    std::string kind;  // empty: a key alone
    std::string name;
    crypto::Signer key;  // the certificate's
    Bytes certificate;
    wire::Identity says;
    bool showed_anothers = false;
  };
  [[nodiscard]] client::Prover prover_of(const Holder& whose, const crypto::Signer& signs,
                                         const crypto::PublicKey& bound_to,
                                         std::optional<wire::Identity> truth) const;
  /// Somebody else's of the same kind; null if there is none.
  const Holder* another(std::size_t client);

  Digest cluster_;
  Rng dice_;
  std::uint64_t seed_;
  std::vector<Holder> holders_;  // by client
};

}  // namespace prytany::sim
