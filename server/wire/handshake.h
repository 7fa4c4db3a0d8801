// How two replicas meet: each proves its identity and both get fresh link keys. Pure: bytes in,
// bytes out.
//
//   both      -> LinkHello { version, cluster, config, from, to, ephemeral X25519 key, nonce }
//   both      -> LinkProof { Ed25519 over "prytany link" ‖ hello of the lower id ‖ hello of the
//   higher id ‖ from }
//
// Who hears a hello of an older configuration than its own sends the proofs of those between
// instead of a LinkProof, and hangs up: nothing is secret in them, and whoever slept through a
// change has them before it can know the others' keys. It checks them, and dials again.
//
// key(i -> j) = HKDF(shared secret, salt = sha256 of both hellos, info = "prytany link i j"). Both
// messages travel as u32 length + encoding. Anything unexpected ends the connection with a reason.
#pragma once

#include <optional>

#include "server/base/result.h"
#include "server/crypto/agree.h"
#include "server/crypto/sign.h"
#include "server/wire/configuration.h"
#include "server/wire/frame.h"
#include "server/wire/values.h"
#include "server/wire/verify.h"

namespace prytany::wire {

struct LinkHello {
  std::uint8_t version = wire_version;
  Digest cluster;
  ConfigNumber config;
  ReplicaId from;
  ReplicaId to;
  crypto::DhPublic key{};
  std::array<std::uint8_t, 16> nonce{};
  Name engine;  // SQLite's source id and flags: replicas of different engines must not meet
                // (design.md 5)
  static constexpr auto fields(auto& m) {
    return std::tie(m.version, m.cluster, m.config, m.from, m.to, m.key, m.nonce, m.engine);
  }
  bool operator==(const LinkHello&) const = default;
};

struct LinkProof {
  crypto::Signature signature;
  static constexpr auto fields(auto& m) { return std::tie(m.signature); }
  bool operator==(const LinkProof&) const = default;
};

/// What `from` signs: "prytany link" ‖ the hello of the lower id ‖ that of the higher id ‖ from.
Bytes link_signed_bytes(const LinkHello& one, const LinkHello& other, ReplicaId from);
/// The key of frames from `from` to `to`; nothing when `theirs` is of small order.
std::optional<crypto::MacKey> link_key(const crypto::DhSecret& mine, const crypto::DhPublic& theirs,
                                       const LinkHello& one, const LinkHello& other, ReplicaId from,
                                       ReplicaId to);

/// The longest message of a handshake: proofs of configurations, or a hello.
inline constexpr std::size_t handshake_bytes_max = 64 << 10;

/// One connection's handshake, either side. `peer` is known to the dialler; the acceptor learns it
/// from the hello and proves it with the proof.
class Handshake {
 public:
  struct Entropy {  // from the operating system, or the simulator's seed
    crypto::DhSecret::Seed dh_seed;
    std::array<std::uint8_t, 16> nonce;
  };
  /// All outlive the handshake. `chain`: of which `group` is the newest configuration; without one,
  /// peers of another configuration are refused without a word.
  Handshake(const Membership& group, const crypto::Signer& self, ReplicaId self_id,
            std::optional<ReplicaId> peer, std::string engine, const Entropy& entropy,
            const Chain* chain = nullptr);

  struct Step {
    Bytes send;                // to be written now; may be empty
    std::size_t consumed = 0;  // bytes of the input used up
    bool done = false;         // peer() and take_keys() are valid; what follows are frames
    /// Not null: `send` is the last that this connection is for, and why.
    const char* over = nullptr;
    /// With `over`: what the peer says of newer configurations. Not checked.
    ConfigurationLinks news;
  };
  /// The dialler's first bytes (the acceptor's come with its first step).
  Bytes start();
  /// More bytes from the peer; call again with what is left until nothing is consumed or done.
  /// After a reason was returned, or done, it must not be called again.
  Result<Step, Malformed> on_bytes(ByteView bytes);

  /// Requires: done.
  [[nodiscard]] ReplicaId peer() const;
  /// Requires: done. Once.
  LinkKeys take_keys();

 private:
  Malformed fail(const char* reason);
  /// Nothing when all is well, else the reason.
  const char* on_hello(ByteView message, Step& step);
  const char* on_other_configuration(ConfigNumber theirs, Step& step);
  const char* on_proof(ByteView message);
  const char* on_news(ByteView message, Step& step);

  const Membership& group_;
  const Chain* chain_;
  const crypto::Signer& signer_;
  crypto::DhSecret secret_;
  LinkHello mine_;
  std::optional<ReplicaId> peer_;
  std::optional<LinkHello> theirs_;
  std::optional<LinkKeys> keys_;  // believed only once done_
  bool hello_sent_ = false;
  bool behind_ = false;  // the peer knows a newer configuration, and is about to tell
  bool done_ = false;
  bool failed_ = false;
};

}  // namespace prytany::wire
