// The operator's certificate, looked at before it is used: what is wrong with it is said in words.
#pragma once

#include <string>

#include "server/base/result.h"

namespace prytany::crypto {

/// Refused: `chain_file` does not begin with a PEM certificate, `key_file` is no PEM private key
/// (without a passphrase), they do not belong together, or the certificate has expired.
Result<void> check_certificate(const std::string& chain_file, const std::string& key_file);

}  // namespace prytany::crypto
