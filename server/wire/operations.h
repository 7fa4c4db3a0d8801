// What a request may ask: the inside of RequestBody::operation, read by the executor alone.
#pragma once

#include <array>
#include <string_view>
#include <variant>

#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"
#include "server/wire/values.h"

namespace prytany::wire {

/// Who says they are who. `credential` signs credential_signed_bytes(); `name` is free for the
/// application's authorize (a principal hint). `kind` "key": that is all; "certificate" and
/// "id_token": an Identity comes with it. Never a bearer secret (design.md section 7).
struct Identification {
  Name kind;
  Text<limits::identification_bytes_max> name;
  crypto::PublicKey credential;
  crypto::Signature signature;  // by `credential`, over credential_signed_bytes
  static constexpr auto fields(auto& m) {
    return std::tie(m.kind, m.name, m.credential, m.signature);
  }
  bool operator==(const Identification&) const = default;
};

/// Phase one: what a client tells each replica. JOIN(public key, nonce, identification).
struct JoinBegin {
  crypto::PublicKey session_key;
  std::array<std::uint8_t, 16> nonce{};
  Identification identification;
  static constexpr auto fields(auto& m) {
    return std::tie(m.session_key, m.nonce, m.identification);
  }
  bool operator==(const JoinBegin&) const = default;
};

/// What the credential signs: "prytany credential" ‖ cluster ‖ session key ‖ nonce ‖ kind ‖ name.
Bytes credential_signed_bytes(const Digest& cluster, const JoinBegin& join);
Digest join_digest(const JoinBegin& join);

/// A replica's answer: signed over "prytany join token" ‖ cluster ‖ join digest ‖ address ‖ expiry.
/// Costs the cluster no agreement and the replica no memory.
struct JoinToken {
  ReplicaId replica;
  Name address;        // as this replica saw the client
  AgreedTime expires;  // checked in agreed time when the join executes
  crypto::Signature signature;
  static constexpr auto fields(auto& m) {
    return std::tie(m.replica, m.address, m.expires, m.signature);
  }
  bool operator==(const JoinToken&) const = default;
};
Bytes join_token_signed_bytes(const Digest& cluster, const Digest& join, const Name& address,
                              AgreedTime expires);

/// Phase two, ordered: weak_quorum() tokens from distinct replicas; the request's own signature by
/// session_key (RequestBody::signer == session_key) proves that the client holds its key.
struct Join {
  JoinBegin begin;
  List<JoinToken, limits::join_tokens_max> tokens;  // replicas strictly increasing
  static constexpr auto fields(auto& m) { return std::tie(m.begin, m.tokens); }
  bool operator==(const Join&) const = default;
};

/// What a replica found a proof to say (client_messages.h: Identify), and vouches for in phase one.
/// Proofs themselves are never ordered: what to think of one may depend on the clock, on a
/// library's version, on rows that others have not executed yet. What weak_quorum() replicas say
/// alike is true, since one of them is correct.
struct Identity {
  Name kind;                                       // "certificate", "id_token"
  Text<limits::identity_name_bytes_max> issuer;    // whose word it is
  Text<limits::identity_name_bytes_max> subject;   // of whom, as the issuer calls them
  Text<limits::identity_claims_bytes_max> claims;  // a JSON object: what else is said of them
  AgreedTime expires;                              // checked when the join executes
  static constexpr auto fields(auto& m) {
    return std::tie(m.kind, m.issuer, m.subject, m.claims, m.expires);
  }
  bool operator==(const Identity&) const = default;
};
/// What the token's signature then covers: "prytany identity token" ‖ cluster ‖ join digest ‖
/// identity ‖ address ‖ expiry.
Bytes identity_token_signed_bytes(const Digest& cluster, const Digest& join,
                                  const Identity& identity, const Name& address,
                                  AgreedTime expires);
/// What the private key of a certificate signs: "prytany certificate" ‖ cluster ‖ join digest.
Bytes certificate_signed_bytes(const Digest& cluster, const Digest& join);
/// What an ID token must hold as its nonce, in base64url without padding: H("prytany id token",
/// cluster ‖ credential). So it is of use only to who holds the credential's key.
Digest id_token_nonce(const Digest& cluster, const crypto::PublicKey& credential);

/// Phase two of a join whose tokens vouch for an identity.
struct IdentifiedJoin {
  JoinBegin begin;
  Identity identity;
  List<JoinToken, limits::join_tokens_max> tokens;  // replicas strictly increasing
  static constexpr auto fields(auto& m) { return std::tie(m.begin, m.identity, m.tokens); }
  bool operator==(const IdentifiedJoin&) const = default;
};

struct Leave {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const Leave&) const = default;
};

struct Argument {
  Name name;
  Value value;
  static constexpr auto fields(auto& m) { return std::tie(m.name, m.value); }
  bool operator==(const Argument&) const = default;
};
using Arguments = List<Argument, limits::arguments_max>;

/// Calls a procedure of the installed application.
struct Call {
  Name procedure;
  Arguments arguments;
  static constexpr auto fields(auto& m) { return std::tie(m.procedure, m.arguments); }
  bool operator==(const Call&) const = default;
};

/// Ad-hoc SQL, for roles that have it. All statements in one transaction. `read_only`: refused
/// unless SQLite itself reports every statement read-only.
struct Statement {
  Text<limits::sql_bytes_max> sql;  // exactly one statement
  List<Value, limits::arguments_max> positional;
  Arguments named;
  static constexpr auto fields(auto& m) { return std::tie(m.sql, m.positional, m.named); }
  bool operator==(const Statement&) const = default;
};
struct Execute {
  List<Statement, limits::statements_per_request_max> statements;
  bool read_only = false;
  static constexpr auto fields(auto& m) { return std::tie(m.statements, m.read_only); }
  bool operator==(const Execute&) const = default;
};

/// Whether a step of a transaction runs, of steps before it: a list in postfix order, worked off on
/// a stack of truth values, of which one is left. Flat, so that no message is deeper than another.
struct Condition {
  enum class Kind : std::uint8_t {
    ok,       // step `of` ran, and did not fail
    error,    // step `of` failed
    changed,  // step `of` ran and changed a row, or more
    rows,     // step `of` ran and returned a row, or more
    negate,   // of the value on top; `of` is 0
    all,      // of the `of` values on top
    any,      // of the `of` values on top
  };
  Kind kind = Kind::ok;
  std::uint16_t of = 0;  // steps are counted from 0
  static constexpr auto fields(auto& m) { return std::tie(m.kind, m.of); }
  bool operator==(const Condition&) const = default;
};
constexpr bool valid(Condition::Kind kind) { return kind <= Condition::Kind::any; }
/// As JSON has them, by kind.
inline constexpr std::array<std::string_view, 7> condition_words = {
    "ok", "error", "changed", "rows", "not", "all", "any"};

struct Step {
  Statement statement;
  List<Condition, limits::conditions_max> when;  // empty: always
  bool may_fail = false;  // a constraint or ensure() that says no undoes this step alone
  static constexpr auto fields(auto& m) { return std::tie(m.statement, m.when, m.may_fail); }
  bool operator==(const Step&) const = default;
};

/// Ad-hoc SQL as Execute, of which some steps run only if others did, or did not: all in one
/// transaction, which fails as a whole if a step fails that may not.
struct Transaction {
  List<Step, limits::statements_per_request_max> steps;
  bool read_only = false;
  static constexpr auto fields(auto& m) { return std::tie(m.steps, m.read_only); }
  bool operator==(const Transaction&) const = default;
};

/// A SQL application, whole: its folder as files, paths relative with '/', strictly increasing.
struct ApplicationFile {
  Name path;
  Body<limits::application_bytes_max> content;
  static constexpr auto fields(auto& m) { return std::tie(m.path, m.content); }
  bool operator==(const ApplicationFile&) const = default;
};
struct Install {
  List<ApplicationFile, limits::application_files_max> files;
  static constexpr auto fields(auto& m) { return std::tie(m.files); }
  bool operator==(const Install&) const = default;
};

/// An Install that can also be tried, and go back: answered with rows that say what it did, or
/// would do (docs/reference/procedures.md).
struct Upgrade {
  Install install;
  bool rehearse = false;  // everything is done, and then undone
  bool back = false;      // migrations that were applied and that the files do not have are undone
  static constexpr auto fields(auto& m) { return std::tie(m.install, m.rehearse, m.back); }
  bool operator==(const Upgrade&) const = default;
};

/// What a call or SQL would do and cost, and then all of it is undone: answered with the statements
/// as they ran, and what the call came to (docs/wire.md). The order here is the tag on the wire.
struct Explain {
  std::variant<Call, Execute, Transaction> of;
  static constexpr auto fields(auto& m) { return std::tie(m.of); }
  bool operator==(const Explain&) const = default;
};

/// Does nothing and answers `reply_bytes` zero bytes: the paper's null operation, for benchmarks.
struct Null {
  std::uint32_t reply_bytes = 0;
  Body<limits::request_bytes_max> payload;
  static constexpr auto fields(auto& m) { return std::tie(m.reply_bytes, m.payload); }
  bool operator==(const Null&) const = default;
};

/// A member says yes to a RECONFIGURE: signed by its key in the configuration that is changed, over
/// reconfigure_signed_bytes().
struct ReconfigureApproval {
  ReplicaId member;
  crypto::Signature signature;
  static constexpr auto fields(auto& m) { return std::tie(m.member, m.signature); }
  bool operator==(const ReconfigureApproval&) const = default;
};
/// In the configuration after `number`, `member` is who holds `key`
/// (docs/decisions/0014-a-new-incarnation.md).
struct Reconfigure {
  ConfigNumber number;
  ReplicaId member;
  crypto::PublicKey key;
  List<ReconfigureApproval, limits::replicas_max> approvals;  // members strictly increasing
  static constexpr auto fields(auto& m) { return std::tie(m.number, m.member, m.key, m.approvals); }
  bool operator==(const Reconfigure&) const = default;
};
/// "prytany reconfigure" ‖ cluster ‖ number ‖ member ‖ key.
Bytes reconfigure_signed_bytes(const Digest& cluster, const Reconfigure& change);

/// The order here is the tag on the wire.
using Operation = std::variant<Join, Leave, Call, Execute, Install, Null, Reconfigure, Transaction,
                               Upgrade, IdentifiedJoin, Explain>;

}  // namespace prytany::wire
