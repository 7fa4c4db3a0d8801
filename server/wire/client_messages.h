// What clients and replicas say to each other over WebSocket, typed. JSON is only how it travels
// (client_json.h); what is signed, tagged and compared is the canonical encoding of these values.
//
// A connection: hello -> hello_ok, which proves the replica and gives both a key; from then on
// every message from the replica carries a tag under that key. One connection may serve several
// sessions.
#pragma once

#include <variant>

#include "server/crypto/agree.h"
#include "server/wire/configuration.h"
#include "server/wire/operations.h"
#include "server/wire/relayed.h"
#include "server/wire/request.h"
#include "server/wire/values.h"

namespace prytany::wire {

// ---- client to replica
// ---------------------------------------------------------------------------

/// type "hello": ClientHello. type "speak_for": SpeakFor. type "bundle_request": BundleRequest. All
/// three in relayed.h, since they may come through another replica.
///
/// "prytany speak for" ‖ sha256(hello_signed_bytes()) ‖ key.
Bytes speak_for_signed_bytes(const Digest& hello, const crypto::PublicKey& key);
/// type "join_begin": phase one; `begin` as in operations.h. Answer: join_token or refused.
/// type "identify": phase one of who proves more than a key. Answer: identity_token or refused.
/// A chain of certificates, the client's own first, whose key signs certificate_signed_bytes():
/// with Ed25519, ECDSA P-256 (DER) or RSA-PSS (32 bytes of salt), over SHA-256.
struct CertificateProof {
  List<Body<limits::certificate_bytes_max>, limits::certificates_max> chain;  // DER
  Body<limits::foreign_signature_bytes_max> signature;
  static constexpr auto fields(auto& m) { return std::tie(m.chain, m.signature); }
  bool operator==(const CertificateProof&) const = default;
};
/// An OpenID Connect ID token whose nonce is id_token_nonce().
struct IdTokenProof {
  Text<limits::id_token_bytes_max> token;  // a JWS in compact form
  static constexpr auto fields(auto& m) { return std::tie(m.token); }
  bool operator==(const IdTokenProof&) const = default;
};
using Proof = std::variant<CertificateProof, IdTokenProof>;
struct Identify {
  JoinBegin begin;
  Proof proof;
  static constexpr auto fields(auto& m) { return std::tie(m.begin, m.proof); }
  bool operator==(const Identify&) const = default;
};
/// type "request": ClientRequest; its operation travels as JSON *and* is re-encoded canonically by
/// the receiver, who checks the signature over the result. `designated`: the replica that shall
/// send the rows; the others send the digest.
struct SubmitRequest {
  ClientRequest request;
  std::optional<ReplicaId> designated;  // nothing: everybody sends the whole reply
  /// Instead of the request's signature: by the connection's key, over request_tagged_bytes().
  std::optional<crypto::Tag16> tag = {};
  static constexpr auto fields(auto& m) { return std::tie(m.request, m.designated, m.tag); }
  bool operator==(const SubmitRequest&) const = default;
};
/// type "read": a public read-only procedure, without a session, at whatever this replica has
/// executed.
struct PublicRead {
  std::uint64_t id = 0;  // the client's; echoed
  Call call;
  static constexpr auto fields(auto& m) { return std::tie(m.id, m.call); }
  bool operator==(const PublicRead&) const = default;
};
/// H("prytany public read", encode(read)): what its answer and its refusal name. Nobody signs a
/// public read, so whoever is on the way could put another in its place; but not under this digest.
Digest read_digest(const PublicRead& read);
/// type "fast_read": an operation of a session that only reads, answered without being ordered
/// (docs/protocol.md, "Reads that are not ordered"). `id`: the client's, echoed; numbers of
/// requests are not touched.
struct FastReadBody {
  std::uint64_t id = 0;
  SessionId session;
  crypto::PublicKey signer;
  Body<limits::request_bytes_max> operation;  // encode(Call) or encode(Execute), as an Operation
  static constexpr auto fields(auto& m) { return std::tie(m.id, m.session, m.signer, m.operation); }
  bool operator==(const FastReadBody&) const = default;
};
struct FastRead {
  FastReadBody body;
  std::optional<ReplicaId> designated;  // as in SubmitRequest
  crypto::Tag16 tag{};                  // by the connection's key, over fast_read_tagged_bytes()
  static constexpr auto fields(auto& m) { return std::tie(m.body, m.designated, m.tag); }
  bool operator==(const FastRead&) const = default;
};
/// H("prytany fast read", encode(body)).
Digest fast_read_digest(const FastReadBody& body);
/// "prytany tagged fast read" ‖ cluster ‖ fast_read_digest().
Bytes fast_read_tagged_bytes(const Digest& cluster, const Digest& read);
/// type "status"
struct StatusRequest {
  std::uint64_t id = 0;
  static constexpr auto fields(auto& m) { return std::tie(m.id); }
  bool operator==(const StatusRequest&) const = default;
};

/// type "configurations": whose key is which, in all configurations above `above`? From a client
/// that knows another key of this replica than its hello was signed with, or an older
/// configuration than it named.
struct ConfigurationsRequest {
  ConfigNumber above;
  static constexpr auto fields(auto& m) { return std::tie(m.above); }
  bool operator==(const ConfigurationsRequest&) const = default;
};

/// type "subscribe": a session watches topics (docs/reference/subscriptions.md). Said again on the
/// same connection it begins anew, after another position.
struct SubscribeBody {
  std::uint64_t id = 0;  // the client's, one for each subscription of the session
  SessionId session;
  crypto::PublicKey signer;
  List<Name, limits::topics_max> topics;
  static constexpr auto fields(auto& m) { return std::tie(m.id, m.session, m.signer, m.topics); }
  bool operator==(const SubscribeBody&) const = default;
};
struct Subscribe {
  SubscribeBody body;
  std::optional<std::uint64_t> after;  // a position; nothing: the newest there is
  crypto::Signature signature;         // by the session's key, over subscribe_signed_bytes()
  static constexpr auto fields(auto& m) { return std::tie(m.body, m.after, m.signature); }
  bool operator==(const Subscribe&) const = default;
};
/// H("prytany subscription", encode(body)): what all that follows names.
Digest subscription_digest(const SubscribeBody& body);
/// "prytany subscribe" ‖ sha256(hello_signed_bytes()) ‖ subscription_digest() ‖ after?. Bound to
/// the connection: who overhears it cannot subscribe on another.
Bytes subscribe_signed_bytes(const Digest& hello, const Digest& subscription,
                             const std::optional<std::uint64_t>& after);
/// type "more": ready for the next "changes". There is one under way at most, so a client that is
/// slow is sent no more than it asks for.
struct More {
  Digest question;  // subscription_digest()
  static constexpr auto fields(auto& m) { return std::tie(m.question); }
  bool operator==(const More&) const = default;
};
/// type "unsubscribe". No answer.
struct Unsubscribe {
  Digest question;
  static constexpr auto fields(auto& m) { return std::tie(m.question); }
  bool operator==(const Unsubscribe&) const = default;
};

/// type "pass_on": for another replica, which answers by "passed_back".
struct PassOn {
  ReplicaId to;
  std::variant<ClientHello, SpeakFor> message;
  static constexpr auto fields(auto& m) { return std::tie(m.to, m.message); }
  bool operator==(const PassOn&) const = default;
};

using FromClient = std::variant<ClientHello, JoinBegin, SubmitRequest, PublicRead, StatusRequest,
                                SpeakFor, ConfigurationsRequest, FastRead, Subscribe, More,
                                Unsubscribe, Identify, PassOn, BundleRequest>;

// ---- replica to client
// ---------------------------------------------------------------------------

/// type "hello_ok": ServerHello; type "reply_digest": ReplyDigest; type "refused": Refused; type
/// "session_ended": SessionEnded. In relayed.h.
///
/// "prytany client hello" ‖ encode(client hello) ‖ replica ‖ key ‖ nonce ‖
/// configuration.
Bytes hello_signed_bytes(const ClientHello& client, const ServerHello& server);
/// HKDF(shared secret, salt = sha256(hello_signed_bytes), "prytany client tag").
std::optional<crypto::MacKey> client_tag_key(const crypto::DhSecret& mine,
                                             const crypto::DhPublic& theirs,
                                             const ClientHello& client, const ServerHello& server);

/// type "join_token": JoinToken, for the JoinBegin with this digest.
struct JoinTokenReply {
  Digest join;
  JoinToken token;
  static constexpr auto fields(auto& m) { return std::tie(m.join, m.token); }
  bool operator==(const JoinTokenReply&) const = default;
};
/// type "reply": the whole reply.
/// type "read_reply"
struct PublicReadReply {
  std::uint64_t id = 0;
  Digest question;  // read_digest() of what was asked, as it arrived
  Seq executed;
  AgreedTime agreed;
  Outcome outcome;
  static constexpr auto fields(auto& m) {
    return std::tie(m.id, m.question, m.executed, m.agreed, m.outcome);
  }
  bool operator==(const PublicReadReply&) const = default;
};
/// The answer to a public read by plain HTTP, whose `id` is 0: `signature` by the replica's
/// identity over signed_read_bytes(), so that it can be kept, passed on, and checked by anybody.
struct SignedRead {
  ReplicaId replica;
  PublicReadReply reply;
  crypto::Signature signature;
  bool operator==(const SignedRead&) const = default;
};
/// "prytany signed read" ‖ cluster ‖ replica ‖ encode(PublicReadReply).
Bytes signed_read_bytes(const Digest& cluster, ReplicaId replica, const PublicReadReply& reply);
/// type "fast_read_reply": on the state after `executed`, at the agreed time of that. Believed when
/// quorum() replicas give the same outcome to the same question.
struct FastReadReply {
  std::uint64_t id = 0;
  Digest question;  // fast_read_digest()
  Seq executed;
  AgreedTime agreed;
  Outcome outcome;
  static constexpr auto fields(auto& m) {
    return std::tie(m.id, m.question, m.executed, m.agreed, m.outcome);
  }
  bool operator==(const FastReadReply&) const = default;
};
/// type "fast_read_digest": the same from replicas that are not designated.
struct FastReadDigest {
  std::uint64_t id = 0;
  Digest question;
  Seq executed;
  AgreedTime agreed;
  Digest outcome;  // fast_outcome_digest()
  static constexpr auto fields(auto& m) {
    return std::tie(m.id, m.question, m.executed, m.agreed, m.outcome);
  }
  bool operator==(const FastReadDigest&) const = default;
};
/// H("prytany fast read outcome", encode(outcome)).
Digest fast_outcome_digest(const Outcome& outcome);
/// type "status_reply": this replica's own view of itself.
struct StatusReply {
  std::uint64_t id = 0;
  ReplicaId replica;
  View view;
  ReplicaId primary;
  Seq last_executed;
  Seq stable_checkpoint;
  Digest state_digest;  // of stable_checkpoint
  std::uint64_t connected_peers = 0;
  static constexpr auto fields(auto& m) {
    return std::tie(m.id, m.replica, m.view, m.primary, m.last_executed, m.stable_checkpoint,
                    m.state_digest, m.connected_peers);
  }
  bool operator==(const StatusReply&) const = default;
};

/// type "configurations": the lowest above what was asked, as many as fit. Proves itself, and is
/// of use before the client can check its tag.
struct ConfigurationsReply {
  ConfigurationLinks links;
  static constexpr auto fields(auto& m) { return std::tie(m.links); }
  bool operator==(const ConfigurationsReply&) const = default;
};

/// type "changes": all of the subscription's topics with positions in (from, upto], as executed
/// here. `from` is the last one's `upto`, or the `after` of "subscribe"; if it is higher, what was
/// between is not kept any more.
struct Changes {
  Digest question;  // subscription_digest()
  std::uint64_t from = 0;
  std::uint64_t upto = 0;
  List<Change, limits::changes_per_message_max> items;  // positions rise
  static constexpr auto fields(auto& m) { return std::tie(m.question, m.from, m.upto, m.items); }
  bool operator==(const Changes&) const = default;
};

/// type "identity_token": what the proof was found to say, and a token that vouches for it:
/// signed over identity_token_signed_bytes().
struct IdentityTokenReply {
  Digest join;
  Identity identity;
  JoinToken token;
  static constexpr auto fields(auto& m) { return std::tie(m.join, m.identity, m.token); }
  bool operator==(const IdentityTokenReply&) const = default;
};
/// type "passed_back": another replica's word, brought by the one that says this.
struct PassedBack {
  ReplicaId from;
  Voice voice;
  static constexpr auto fields(auto& m) { return std::tie(m.from, m.voice); }
  bool operator==(const PassedBack&) const = default;
};
/// That replica's tag over its ReplyDigest of the same reply, under its own key.
struct OtherTag {
  ReplicaId replica;
  crypto::Tag16 tag{};
  static constexpr auto fields(auto& m) { return std::tie(m.replica, m.tag); }
  bool operator==(const OtherTag&) const = default;
};
/// type "bundle": the whole reply, the sender's own tag as always, and the tags of others who say
/// the same.
struct Bundle {
  Reply reply;
  List<OtherTag, limits::replicas_max> others;
  static constexpr auto fields(auto& m) { return std::tie(m.reply, m.others); }
  bool operator==(const Bundle&) const = default;
};

using ToClient =
    std::variant<ServerHello, JoinTokenReply, Reply, ReplyDigest, PublicReadReply, Refused,
                 SessionEnded, StatusReply, ConfigurationsReply, FastReadReply, FastReadDigest,
                 Changes, IdentityTokenReply, PassedBack, Bundle>;

/// What a tag covers: "prytany tag" ‖ cluster ‖ replica ‖ encode(ToClient). For a Reply, and for a
/// Bundle of it, the reply's digest stands in its place, so that a whole reply and a ReplyDigest
/// are equally cheap to tag.
Bytes tagged_bytes(const Digest& cluster, ReplicaId replica, const ToClient& message);

}  // namespace prytany::wire
