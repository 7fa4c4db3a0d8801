// What a client asks, as replicas order it. The protocol core never looks inside `operation`.
#pragma once

#include <optional>
#include <span>
#include <vector>

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

/// Of a client, over one request or over several that it signs together: then over the root of a
/// tree of digests, of which each request has the branch that leads to it. So it travels, is
/// checked and is convicted of as if it were alone, and a verifier that has seen one of them need
/// not check the signature again for the others.
struct RequestSignature : crypto::Signature {
  RequestSignature() = default;
  RequestSignature(const crypto::Signature& of_root) : crypto::Signature(of_root) {}
  /// From the request up, at most 2^size() requests; empty: it is signed alone.
  List<Digest, limits::signed_together_depth_max> branch;
  std::uint8_t place = 0;  // bit i: the node at height i is a right child; < 2^branch.size()
  static constexpr auto fields(auto& m) { return std::tie(m.bytes, m.branch, m.place); }
  bool operator==(const RequestSignature&) const = default;
};

/// A signature; or nothing, and then the client sent each replica a tag of its own, which nobody
/// else can check: such a request travels between replicas on the word of those who checked theirs
/// (docs/protocol.md, requests without signatures).
struct RequestProof {
  std::optional<RequestSignature> signature;
  static constexpr auto fields(auto& m) { return std::tie(m.signature); }
  bool operator==(const RequestProof&) const = default;
};

struct ClientRequest {
  RequestBody body;
  RequestProof proof;
  static constexpr auto fields(auto& m) { return std::tie(m.body, m.proof); }
  bool operator==(const ClientRequest&) const = default;
};

/// The bytes a client signs: "prytany signed request" ‖ cluster ‖ request digest.
Bytes request_signed_bytes(const Digest& cluster, const Digest& request);
/// And of several: "prytany signed requests" ‖ cluster ‖ root.
Bytes requests_signed_bytes(const Digest& cluster, const Digest& root);

/// H("prytany requests", left ‖ right), up to the root; with an empty branch the request's digest.
/// Nothing if the branch says no place.
std::optional<Digest> signed_root(const Digest& request, const RequestSignature& signature);

/// Whether it is `signer`'s. Requires: root == signed_root(of a request, signature).
bool verify_root(const Digest& cluster, const crypto::PublicKey& signer, const Digest& root,
                 const RequestSignature& signature);

/// All of them under one signature; a node without a sibling is its own. Requires: 1 to
/// 2^signed_together_depth_max. The order is that of `requests`.
std::vector<RequestSignature> sign_requests(const Digest& cluster, const crypto::Signer& signer,
                                            std::span<const Digest> requests);

/// What a client's tag for one replica covers, under the key of their connection: "prytany tagged
/// request" ‖ cluster ‖ request digest.
Bytes request_tagged_bytes(const Digest& cluster, const Digest& request);

/// Stateless: true exactly when `proof` is `body.signer`'s signature over this body in this
/// cluster.
bool verify_request(const Digest& cluster, const ClientRequest& request);

}  // namespace prytany::wire
