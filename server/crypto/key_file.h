// Private keys on disk: Ed25519 in PKCS#8 PEM ("BEGIN PRIVATE KEY"), mode 0600, as `openssl
// genpkey` writes.
#pragma once

#include <string>

#include "server/base/result.h"
#include "server/crypto/sign.h"

namespace prytany::crypto {

/// Creates `path` with mode 0600; refuses to overwrite. Synced, with its directory.
Result<void> write_key_file(const std::string& path, const Signer& signer);

/// Refuses, saying what to do: missing, readable by group or others, not PEM, not Ed25519, damaged.
Result<Signer> read_key_file(const std::string& path);

}  // namespace prytany::crypto
