// What a client asks, as replicas order it. The protocol core never looks inside `operation`.
#pragma once

#include <optional>

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

/// Ed25519 over "prytany signed request" ‖ cluster ‖ request digest; or nothing, and then the
/// client sent each replica a tag of its own, which nobody else can check: such a request travels
/// between replicas on the word of those who checked theirs (docs/protocol.md, requests without
/// signatures).
struct RequestProof {
  std::optional<crypto::Signature> signature;
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

/// What a client's tag for one replica covers, under the key of their connection: "prytany tagged
/// request" ‖ cluster ‖ request digest.
Bytes request_tagged_bytes(const Digest& cluster, const Digest& request);

/// Stateless: true exactly when `proof` is `body.signer`'s signature over this body in this
/// cluster.
bool verify_request(const Digest& cluster, const ClientRequest& request);

}  // namespace prytany::wire
