// A voter's code becomes an Ed25519 credential key; the roll holds only public keys (design.md
// section 7). A code is generated, never chosen: at least 128 random bits in Crockford base32.
#pragma once

#include <string>
#include <string_view>

#include "server/base/result.h"
#include "server/crypto/digest.h"
#include "server/crypto/sign.h"

namespace prytany::crypto {

/// 130 random bits as 26 digits in groups: "0123-4567-89AB-CDEF-GHJK-MNPQ-RS".
std::string generate_code();

/// The credential key of `code` in the cluster whose genesis digest is `cluster`:
/// seed = HKDF-SHA-256(secret = canonical code, salt = cluster, info = "prytany credential v1").
/// Canonical: upper case, hyphens and spaces dropped, O read as 0, I and L as 1.
/// Refused with a reason: a character outside the alphabet, or fewer than 26 digits (weak), or one
/// whose digits are plainly not random (fewer than 8 different ones).
Result<Signer> credential_from_code(std::string_view code, const Digest& cluster);

}  // namespace prytany::crypto
