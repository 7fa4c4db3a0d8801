// What a C++ application implements. (A SQL application is a folder; sql_application.h runs it.)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/app/topic.h"
#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/crypto/digest.h"
#include "server/wire/messages.h"
#include "server/wire/operations.h"
#include "server/wire/values.h"

struct sqlite3;

namespace prytany::app {

/// Everything an execution may depend on besides the database.
struct Context {
  Seq seq;
  AgreedTime agreed;  // max(the batch's, previous + 1), strictly increasing per batch
  Digest seed;  // H(n, d, i): equal everywhere, unpredictable to clients, biasable by the primary
  SessionId session;
  std::string principal;
  std::string role;
  ByteView choice;  // the batch's, from propose()
};

struct Authorized {
  std::string principal;  // who: one live session each
  std::string role;
};

/// A key that an application trusts to sign ID tokens.
struct TokenKey {
  std::string
      audience;        // whom its tokens must be made for: the application, as the issuer knows it
  std::string key;     // JSON: a JWK, or a set of them
  std::string claims;  // names of claims to be told, besides the subject: "email, groups"
};

class Application {
 public:
  virtual ~Application() = default;
  /// Replicas whose applications say different things here do not link: they would diverge.
  [[nodiscard]] virtual std::string version() const { return {}; }
  /// After every reopening of the database (start, each checkpoint, state transfer): register
  /// functions, prepare statements. Tables may be created, IF NOT EXISTS, as part of genesis; later
  /// nothing may be written here, because replicas reopen at moments of their own.
  virtual void opened(sqlite3* db) = 0;
  /// Before the database is closed: finalize what was prepared.
  virtual void closing(sqlite3*) {}
  /// Who is this? Refusal is an answer, equal on every replica. Credential and session keys are
  /// proven already.
  virtual Result<Authorized, wire::ErrorReply> authorize(sqlite3* db,
                                                         const wire::Identification& who,
                                                         const Context& context) = 0;
  /// The same of somebody who proved more than a key: f+1 replicas found `identity` in a
  /// certificate or an ID token that they trust, as the two functions below say.
  virtual Result<Authorized, wire::ErrorReply> authorize_identity(sqlite3*, const wire::Identity&,
                                                                  const wire::Identification&,
                                                                  const Context&) {
    return wire::ErrorReply{{"not_authorized"}, {"this application knows keys only"}, {}, 0};
  }
  /// Whose certificates are believed, in PEM; and which keys sign this issuer's tokens. Asked
  /// before anything is ordered, at each replica's own time and on another handle than opened() was
  /// given: they only read.
  virtual std::vector<std::string> certificate_authorities(sqlite3*) { return {}; }
  virtual std::vector<TokenKey> token_keys(sqlite3*, const std::string& /*issuer*/) { return {}; }
  /// Runs in the request's transaction, rolled back when the outcome is an ErrorReply. Statements
  /// that are still running afterwards are reset. SQLITE_IOERR is this machine's and not an answer,
  /// and so is SQLITE_NOMEM where memory_was_refused() (meter.h): stop_on_fault() (fault.h).
  /// SQLITE_NOMEM of a statement that is too large is an ErrorReply, on every replica alike.
  virtual wire::Outcome execute(sqlite3* db, const wire::Call& call, const Context& context) = 0;
  /// What clients may watch: notify() in SQL tells it. Always the same; asked once.
  virtual Topics topics() { return {}; }
  /// The primary's own values for a batch, and a backup's opinion of them (Practicality
  /// section 2.5).
  virtual Bytes propose(const wire::Batch&, AgreedTime) { return {}; }
  virtual bool accept(const wire::Batch&, ByteView, AgreedTime) { return true; }
};

}  // namespace prytany::app
