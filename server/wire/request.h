// What a client asks, as replicas order it. The protocol core never looks inside `operation`.
#pragma once

#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"

namespace prytany::wire {

/// The part that is hashed: authenticators are not in it (design.md section 7).
struct RequestBody {
  SessionId session;     // 0 only for a join
  RequestNumber number;  // 1, 2, 3, ... within the session; for a join: any, chosen by the client
  crypto::PublicKey signer;  // the session's key; execution checks that it is the registered one
  Body<limits::request_bytes_max> operation;  // encode(Operation), see operations.h
  static constexpr auto fields(auto& m) {
    return std::tie(m.session, m.number, m.signer, m.operation);
  }
  bool operator==(const RequestBody&) const = default;
};

/// sha256("prytany request", encode(body)).
Digest request_digest(const RequestBody& body);

/// Ed25519 over "prytany signed request" ‖ cluster ‖ request digest. MAC vectors take a second
/// alternative.
struct RequestProof {
  crypto::Signature signature;
  static constexpr auto fields(auto& m) { return std::tie(m.signature); }
  bool operator==(const RequestProof&) const = default;
};

struct ClientRequest {
  RequestBody body;
  RequestProof proof;
  static constexpr auto fields(auto& m) { return std::tie(m.body, m.proof); }
  bool operator==(const ClientRequest&) const = default;
};

/// The bytes a client signs.
Bytes request_signed_bytes(const Digest& cluster, const Digest& request);

/// Stateless: true exactly when `proof` is `body.signer`'s over this body in this cluster.
bool verify_request(const Digest& cluster, const ClientRequest& request);

}  // namespace prytany::wire
