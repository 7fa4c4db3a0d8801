// Authentic<M>: an M whose sender is proven. Only frame.cpp (and tests, through AuthenticForTests)
// can make one, so "did we check the sender?" is a question for the compiler.
#pragma once

#include <utility>

#include "server/wire/ids.h"
#include "server/wire/messages.h"

namespace prytany::wire {

template <class M>
class Authentic {
 public:
  [[nodiscard]] ReplicaId sender() const { return sender_; }
  const M& operator*() const { return message_; }
  const M* operator->() const { return &message_; }
  M&& take() && { return std::move(message_); }

 private:
  friend class Verifier;            // server/wire/verify.h
  friend struct AuthenticForTests;  // tests only
  Authentic(ReplicaId sender, M message) : sender_(sender), message_(std::move(message)) {}
  ReplicaId sender_;
  M message_;
};

/// From a replica: the frame's tag was checked, and every signature inside (requests, checkpoints,
/// proofs). A request inside that has no signature is only the sender's word.
using AuthenticPeerMessage = Authentic<PeerMessage>;

/// A client's request whose signature was checked, however it came here, or its tag for this
/// replica, on its own connection.
class AuthenticRequest {
 public:
  [[nodiscard]] const Digest& digest() const { return digest_; }
  const ClientRequest& operator*() const { return request_; }
  const ClientRequest* operator->() const { return &request_; }
  ClientRequest&& take() && { return std::move(request_); }

 private:
  friend class Verifier;
  friend struct AuthenticForTests;
  AuthenticRequest(Digest digest, ClientRequest request)
      : digest_(digest), request_(std::move(request)) {}
  Digest digest_;
  ClientRequest request_;
};

/// Tests of the core need no keys: they say who said what.
struct AuthenticForTests {
  static AuthenticPeerMessage from(ReplicaId sender, PeerMessage message) {
    return {sender, std::move(message)};
  }
  static AuthenticRequest request(ClientRequest request) {
    const Digest digest = request_digest(request.body);
    return {digest, std::move(request)};
  }
};

}  // namespace prytany::wire
