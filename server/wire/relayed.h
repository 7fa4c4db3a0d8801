// What a client with one connection says to other replicas through the one it is connected to, its
// gateway, and what they answer (docs/decisions/0027-a-reply-bundle.md). The gateway is a road and
// no more: a hello is answered with a signature, everything after it with a tag under a key that
// the gateway does not have.
#pragma once

#include <array>
#include <optional>
#include <variant>

#include "server/crypto/agree.h"
#include "server/crypto/mac.h"
#include "server/wire/request.h"
#include "server/wire/values.h"

namespace prytany::wire {

// ---- from a client
// -------------------------------------------------------------------------------

/// type "hello"
struct ClientHello {
  Digest cluster;
  crypto::DhPublic key{};  // ephemeral X25519
  std::array<std::uint8_t, 16> nonce{};
  static constexpr auto fields(auto& m) { return std::tie(m.cluster, m.key, m.nonce); }
  bool operator==(const ClientHello&) const = default;
};
/// type "speak_for": this connection's client holds the session key `key`, says a signature over
/// what both said in their hellos. From then on that session's requests may come here with a tag
/// instead of a signature. No answer.
struct SpeakFor {
  crypto::PublicKey key;
  crypto::Signature signature;
  static constexpr auto fields(auto& m) { return std::tie(m.key, m.signature); }
  bool operator==(const SpeakFor&) const = default;
};
/// type "bundle_request": a request for all replicas. The one that gets it takes it as its own,
/// passes it on to the others, and answers with a Bundle. A session's, never a join.
struct BundleRequest {
  ClientRequest request;
  /// Without a signature in the request: by replica, each under that replica's key, over
  /// request_tagged_bytes(). With one: none.
  List<crypto::Tag16, limits::replicas_max> tags;
  static constexpr auto fields(auto& m) { return std::tie(m.request, m.tags); }
  bool operator==(const BundleRequest&) const = default;
};
/// The gateway's own word: the client is gone.
struct Gone {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const Gone&) const = default;
};

// ---- to a client
// ---------------------------------------------------------------------------------

/// type "hello_ok". `signature` by the replica's identity over hello_signed_bytes().
struct ServerHello {
  ReplicaId replica;
  crypto::DhPublic key{};
  std::array<std::uint8_t, 16> nonce{};
  ConfigNumber configuration;  // that its state has come to
  crypto::Signature signature;
  static constexpr auto fields(auto& m) {
    return std::tie(m.replica, m.key, m.nonce, m.configuration, m.signature);
  }
  bool operator==(const ServerHello&) const = default;
};
/// type "reply_digest": its digest, from replicas that are not designated.
struct ReplyDigest {
  SessionId session;
  RequestNumber number;
  Digest request;
  Digest reply;
  static constexpr auto fields(auto& m) {
    return std::tie(m.session, m.number, m.request, m.reply);
  }
  bool operator==(const ReplyDigest&) const = default;
};
/// type "refused": this replica alone says no, before any agreement; one replica's word, never a
/// result. request: digest of what is refused (a request, a join, a read), zero when nothing
/// readable came.
struct Refused {
  Digest request;
  Name code;  // "unknown_session", "overloaded", "malformed", "wrong_cluster", "weak_key",
              // "session_ended", ...
  Text<limits::error_bytes_max> message;
  static constexpr auto fields(auto& m) { return std::tie(m.request, m.code, m.message); }
  bool operator==(const Refused&) const = default;
};
/// type "session_ended": told to the older session of a principal (believed at weak_quorum()).
struct SessionEnded {
  SessionId session;
  Name reason;  // "replaced", "left", "expired", "ended"
  static constexpr auto fields(auto& m) { return std::tie(m.session, m.reason); }
  bool operator==(const SessionEnded&) const = default;
};

/// A replica's word to a client, with its tag under the key that the two of them have. Nothing:
/// there is no such key.
struct Voice {
  std::variant<ServerHello, ReplyDigest, Refused, SessionEnded> message;
  std::optional<crypto::Tag16> tag;
  static constexpr auto fields(auto& m) { return std::tie(m.message, m.tag); }
  bool operator==(const Voice&) const = default;
};

// ---- between replicas
// ----------------------------------------------------------------------------

/// `connection`: the gateway's own name for its client's connection.
struct Relayed {
  std::uint64_t connection = 0;
  std::variant<ClientHello, SpeakFor, BundleRequest, Gone> message;
  static constexpr auto fields(auto& m) { return std::tie(m.connection, m.message); }
  bool operator==(const Relayed&) const = default;
};
/// From a gateway: what its clients say.
struct Relay {
  List<Relayed, limits::relayed_max> items;
  static constexpr auto fields(auto& m) { return std::tie(m.items); }
  bool operator==(const Relay&) const = default;
};
struct RelayedVoice {
  std::uint64_t connection = 0;
  Voice voice;
  static constexpr auto fields(auto& m) { return std::tie(m.connection, m.voice); }
  bool operator==(const RelayedVoice&) const = default;
};
/// To a gateway: what its clients shall hear.
struct RelayBack {
  List<RelayedVoice, limits::relayed_max> items;
  static constexpr auto fields(auto& m) { return std::tie(m.items); }
  bool operator==(const RelayBack&) const = default;
};

}  // namespace prytany::wire
