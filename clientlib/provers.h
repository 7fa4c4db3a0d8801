// What proves who a client is, beyond a key: files and texts become what a session sends.
#pragma once

#include <string>

#include "clientlib/session.h"
#include "server/base/result.h"

namespace prytany::client {

/// Reads both files; signs each join with the key. Refused with words for whoever gave the paths.
Result<Prover> prover_with_certificate(const Digest& cluster, const std::string& chain_file,
                                       const std::string& key_file);
/// Blanks around the token do not matter.
Result<Prover> prover_with_id_token(std::string token);
/// wire::id_token_nonce() as the token must hold it.
std::string nonce_text(const Digest& cluster, const crypto::PublicKey& credential);

}  // namespace prytany::client
