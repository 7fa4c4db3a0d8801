// Execute -> SQLite -> replies. One SQLite transaction per request; a failed request leaves exactly
// the bytes of "never ran". The replicated state is one database: the application's tables and ours
// (prytany_*).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "server/app/application.h"
#include "server/app/changes.h"
#include "server/app/request_state.h"
#include "server/wire/client_messages.h"
#include "server/wire/configuration.h"
#include "server/wire/messages.h"
#include "server/wire/operations.h"
#include "server/wire/request.h"
#include "server/wire/values.h"
#include "vfs/page_store.h"

namespace prytany::app {

/// One who is there from the beginning, and does not join.
struct StaticSession {
  crypto::PublicKey key;
  std::string principal;
  std::string role;
};

/// What genesis fixes for execution: equal on every replica.
struct ExecutorConfig {
  Digest cluster;
  std::vector<crypto::PublicKey> replica_keys;  // of configuration 0; they sign join tokens
  unsigned weak_quorum = 0;
  bool development = false;                       // a single administrator's key may install
  std::vector<crypto::PublicKey> administrators;  // keys that join with the role "admin"
  std::uint32_t approvals = 0;  // members that must approve a RECONFIGURE, outside development
  std::uint64_t checkpoint_interval = 0;
  std::uint64_t window = 0;
  std::uint64_t steps_per_request_max = 50'000'000;  // SQLite VM steps
  std::uint64_t sessions_max = 0;
  std::int64_t session_idle_us =
      0;  // in agreed time: a full table first drops sessions idle for longer
  std::uint64_t application_pages_max =
      0;  // max_page_count for requests; our own tables have room beyond
  /// If there are any, these are all: their sessions are numbered from 1, nobody joins, and none
  /// ends but by an application's SQL.
  std::vector<StaticSession> static_sessions = {};
};

/// A session as the gateway sees it.
struct SessionView {
  crypto::PublicKey key;
  std::string principal;
  std::string role;
};

/// What execution tells the node besides replies.
struct SessionEnding {
  SessionId session;
  std::string reason;  // "replaced", "left", "expired", "ended"
};
struct Executed {
  std::vector<wire::Reply> replies;  // one per request, in order; also for refused ones
  std::vector<std::uint64_t> steps;  // that each request took
  std::vector<SessionEnding> endings;
  std::vector<wire::Change> changes;  // in order
};

class Executor {
 public:
  /// `application` may be null: then only SQL applications installed through Install run.
  /// Creates the prytany_* tables on an empty store (the genesis state, equal everywhere).
  Executor(ExecutorConfig config, vfs::PageStore& store, Application* application);
  ~Executor();

  /// The last executed number: 0 for genesis; after a restart, that of the image.
  [[nodiscard]] Seq executed() const;
  [[nodiscard]] AgreedTime agreed() const;
  /// When the installed application wants a batch, though nobody may ask for anything: a procedure
  /// is to run by itself. Nothing: none does.
  [[nodiscard]] std::optional<AgreedTime> due() const;

  /// Requires: seq == executed() + 1. `digest` is batch_digest(batch, agreed); `requests` are those
  /// of the requests, where the caller has them.
  Executed execute(Seq seq, const Digest& digest, const wire::Batch& batch,
                   const wire::Agreed& agreed, std::span<const Digest> requests = {});

  /// Requires: seq == executed(). Writes the sessions' hot fields, reopens the SQL handle, hashes
  /// and keeps the pages of this checkpoint: its digest.
  Digest checkpoint(Seq seq);

  /// Who is who for the numbers above `seq`, as far as is executed here.
  [[nodiscard]] const wire::Configuration& configuration_after(Seq seq) const;
  /// In force or still to come; null if none of this number was ordered yet.
  [[nodiscard]] const wire::Configuration* configuration(ConfigNumber number) const;

  /// The store's content is about to be replaced: closes the SQL handle. Only reload() may follow.
  void release();
  /// The store's content was replaced (start-up, state transfer): opens the handle, reloads what is
  /// kept in memory.
  void reload();

  /// The stored reply of an executed request; nothing if it was not executed, or is too old, or
  /// differs in digest.
  [[nodiscard]] std::optional<wire::Reply> stored_reply(SessionId session, RequestNumber number,
                                                        const Digest& request) const;

  /// The gateway's early filter: nothing if `request` may be ordered, else the code of docs/wire.md
  /// that it would be refused with ("unknown_session", "wrong_key", "number_too_old",
  /// "number_too_new"). An optimisation: execution decides again, the same everywhere.
  [[nodiscard]] std::optional<std::string> refuse(const wire::RequestBody& request) const;
  [[nodiscard]] std::optional<SessionView> session(SessionId session) const;
  /// The highest number of it that was executed; nothing: there is no such session.
  [[nodiscard]] std::optional<RequestNumber> highest(SessionId session) const;
  /// Genesis lists the clients: nobody joins.
  [[nodiscard]] bool is_static() const;

  /// A public, read-only procedure on the state as executed here. Never changes a byte.
  wire::Outcome public_read(const wire::Call& call);

  /// What this proof says, as far as the application trusts whoever issued it where this replica
  /// has come to; `now` is this replica's clock. One replica's opinion: it is for a token of phase
  /// one. Refused with a code of docs/reference/identification.md.
  Result<wire::Identity, Failure> identify(const wire::Identify& asked, AgreedTime now);
  /// Whom the application believes just now, as identify() asks it: for those who test
  /// applications. Requires: there is one.
  Result<std::vector<std::string>, wire::ErrorReply> certificate_authorities();
  Result<std::vector<TokenKey>, wire::ErrorReply> token_keys(const std::string& issuer);

  /// What this session may read with this operation (an encoded Call or Execute), on the state as
  /// executed here; an operation that writes is answered with "not_read_only". Never changes a
  /// byte. Nothing when only ordering can tell: the session is not known here, the application is a
  /// C++ class, or the reading takes more than a tenth of a request's budget.
  std::optional<wire::Outcome> session_read(SessionId session, const crypto::PublicKey& signer,
                                            ByteView operation);

  /// The position of the newest change; 0: there never was one.
  [[nodiscard]] std::uint64_t last_change() const;
  /// How many changes are kept at most.
  [[nodiscard]] std::size_t changes_kept() const;
  /// What changed after `after`. Requires: after <= last_change().
  [[nodiscard]] ChangesPart changes(std::uint64_t after,
                                    const std::vector<std::string>& topics) const;
  /// Nothing if this session may watch all of these, as far as is executed here; else the code of
  /// docs/wire.md ("unknown_session", "wrong_key", "unknown_topic", "not_allowed").
  [[nodiscard]] std::optional<std::string> refuse_watching(
      SessionId session, const crypto::PublicKey& signer,
      const std::vector<std::string>& topics) const;

  /// A page of the installed application's web/ folder, with its media type; nothing if there is
  /// none.
  struct Page {
    std::string media_type;
    Bytes content;
  };
  [[nodiscard]] std::optional<Page> page(std::string_view path) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prytany::app
