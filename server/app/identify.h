// Proofs of who somebody is, in phase one of a join: each replica judges them on its own, at its
// own time, by what the application trusts where it has come to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/request_state.h"
#include "server/base/result.h"
#include "server/wire/client_messages.h"

namespace prytany::app {

inline constexpr std::string_view certificate_kind = "certificate";
inline constexpr std::string_view id_token_kind = "id_token";

/// What is wrong with how the proof and the join belong together, before it costs anything.
std::optional<Failure> refuse_proof(const Digest& cluster, const wire::Identify& asked);

/// Of a chain whose first key signed this very join. The issuer is the fingerprint of the authority
/// to which it leads: names can be taken by anybody. `authorities`: PEM.
Result<wire::Identity, Failure> read_certificate(const Digest& cluster,
                                                 const wire::JoinBegin& begin,
                                                 const wire::CertificateProof& proof,
                                                 const std::vector<std::string>& authorities,
                                                 AgreedTime now);

}  // namespace prytany::app
