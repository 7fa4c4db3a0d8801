// A client's X.509 chain, checked against authorities that an application names: and no others, no
// network, no clock of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/crypto/foreign_key.h"

namespace prytany::crypto {

/// Why a certificate proves nothing: `code` is stable, of docs/reference/identification.md.
struct ProofRefusal {
  std::string code;
  std::string message;
};

struct ClientCertificate {
  ForeignKey key;
  std::string authority;    // SHA-256 of the trusted certificate that it leads to, hex
  std::string fingerprint;  // SHA-256 of the certificate, hex
  std::string serial;       // hex, without leading zeros
  std::string subject;      // RFC 2253: "CN=Anna,O=Guild"
  std::string common_name;  // the first; empty: there is none
  std::vector<std::string> emails;
  std::int64_t not_after_us = 0;  // the earliest of the chain
};

/// `authorities`: PEM texts, each with one or more certificates that are believed (also ones that
/// others issued). `chain`: DER, the client's own first, at most four. Refused, too: what is not
/// for identifying clients (extended key usage), or weaker than 112 bits (RSA below 2,048, SHA-1).
Result<ClientCertificate, ProofRefusal> read_client_certificate(
    const std::vector<std::string>& authorities, const std::vector<ByteView>& chain,
    std::int64_t now_us);

/// The certificates of a PEM text as DER, in their order; nothing if it holds none, or a bad one.
std::vector<Bytes> certificates_of_pem(std::string_view text);
/// Whether this private key, in PEM, is the certificate's, in DER.
bool holds_key_of(ByteView certificate, std::string_view private_key);

}  // namespace prytany::crypto
