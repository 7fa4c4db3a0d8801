// Executor's inside. Five files define it: executor.cpp (batches, requests, checkpoints, and reads
// for those who are only looking), executor_sessions.cpp (joining and leaving),
// executor_identities.cpp (who a proof says somebody is), executor_ticks.cpp (what runs by itself)
// and executor_explain.cpp (what a call costs).
#pragma once

#include <memory>

#include "server/app/changes.h"
#include "server/app/configurations.h"
#include "server/app/engine.h"
#include "server/app/executor.h"
#include "server/app/join.h"
#include "server/app/sessions.h"
#include "server/app/sql_application.h"
#include "server/app/ticks.h"

namespace prytany::app {

/// The seed of request i: H(n, d, i).
Digest seed_of(Seq seq, const Digest& batch, std::size_t index);

class Executor::Impl {
 public:
  Impl(ExecutorConfig config, vfs::PageStore& store, Application* application);

  void load();
  Executed execute(Seq seq, const Digest& digest, const wire::Batch& batch,
                   const wire::Agreed& agreed, std::span<const Digest> requests);
  Digest checkpoint(Seq seq);
  wire::Outcome public_read(const wire::Call& call);
  std::optional<wire::Outcome> session_read(SessionId id, const crypto::PublicKey& signer,
                                            ByteView encoded);

  /// What all requests of a batch share, and which of them runs.
  struct Turn {
    Seq seq;
    AgreedTime agreed;
    ByteView choice;
    std::size_t index = 0;
    Digest seed;
    Digest request;
    Executed* out = nullptr;
  };

  void genesis();
  void begin_static_sessions();
  [[nodiscard]] bool is_static() const { return !config_.static_sessions.empty(); }
  [[nodiscard]] std::optional<Failure> refuse_number(const Session& session,
                                                     RequestNumber number) const;
  void open_engine();
  void close_reader();
  [[nodiscard]] SqlRight sql_right(const std::string& role) const;
  [[nodiscard]] const Topics& topics() const;
  [[nodiscard]] std::size_t changes_kept() const;
  [[nodiscard]] std::optional<std::string> refuse_watching(
      SessionId id, const crypto::PublicKey& signer, const std::vector<std::string>& wanted) const;
  [[nodiscard]] std::optional<wire::ErrorReply> refuse_sql(const Session& session,
                                                           bool read_only) const;
  void open_reader();
  /// As one more request of the last batch, that nobody else sees. It is rolled back, though it
  /// only reads.
  template <class Read>
  wire::Outcome read_only(const Digest& question, const Session* session, Read read);
  wire::Reply run(Turn& turn, const wire::RequestBody& body);
  wire::Outcome run_in_session(Turn& turn, const wire::RequestBody& body, const Session& session,
                               bool& leaves);
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Call& call);
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Execute& execute);
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Transaction& transaction);
  template <class Run>
  wire::Outcome perform_sql(Turn& turn, const Session& session, bool read_only, Run run);
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Install& install);
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Upgrade& upgrade);
  Result<wire::ResultSet, wire::ErrorReply> install(Turn& turn, const Session& session,
                                                    const wire::Install& application, bool rehearse,
                                                    bool back);
  Result<wire::ResultSet, wire::ErrorReply> install_in_transaction(Turn& turn,
                                                                   const wire::Install& application,
                                                                   bool rehearse, bool back);
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Reconfigure& change);
  /// Prepares the handle's state for one request. Null session: nobody's.
  void begin_request(Engine& engine, const Turn& turn, const Session* session);
  [[nodiscard]] Context context(const Turn& turn, const Session* session) const;

  // executor_identities.cpp
  Result<wire::Identity, Failure> identify(const wire::Identify& asked, AgreedTime now);
  Result<std::vector<std::string>, wire::ErrorReply> authorities();
  Result<std::vector<TokenKey>, wire::ErrorReply> token_keys(const std::string& issuer);
  /// The same, as a read that is not ordered; `question` is its seed.
  Result<std::vector<std::string>, wire::ErrorReply> ask_authorities(const Digest& question);
  Result<std::vector<TokenKey>, wire::ErrorReply> ask_token_keys(const Digest& question,
                                                                 const std::string& issuer);

  // executor_explain.cpp
  [[nodiscard]] std::optional<wire::ErrorReply> refuse_explaining(const Session& session,
                                                                  const wire::Call& call) const;
  [[nodiscard]] std::optional<wire::ErrorReply> refuse_explaining(const Session& session,
                                                                  const wire::Explain& asked) const;
  wire::Outcome perform(Turn& turn, const Session& session, const wire::Explain& asked);

  // executor_ticks.cpp
  [[nodiscard]] std::optional<AgreedTime> due() const;
  void run_what_is_due(Turn& turn, const Digest& batch);
  std::optional<wire::ErrorReply> run_tick(Turn& turn, const Ticks::Due& tick,
                                           const Schedule& schedule);

  // executor_sessions.cpp
  wire::Reply join(Turn& turn, const wire::RequestBody& body);
  wire::Outcome try_join(Turn& turn, const wire::RequestBody& body, const JoinView& join,
                         wire::Reply& reply);
  Result<Authorized, wire::ErrorReply> authorize(const Turn& turn, const JoinView& join);
  Result<Authorized, wire::ErrorReply> ask_application(const Turn& turn, const JoinView& join);
  std::optional<wire::ErrorReply> make_room(Turn& turn, std::string_view role);
  void end(Turn& turn, SessionId session, const char* reason);
  /// The same of several, in a transaction of their own. Requires: a request was begun.
  void end_now(Turn& turn, const std::vector<SessionId>& sessions, const char* reason);
  /// Ends them as idle, between requests.
  void expire(Turn& turn, const std::vector<SessionId>& sessions);
  /// Whether the application gives sessions an end, and this one is past it.
  [[nodiscard]] bool is_overdue(const Session& session, AgreedTime now) const;
  /// Ends some of those that are overdue.
  void end_overdue(Turn& turn);
  /// Commits what a request of a session did. The sessions whose rows it deleted end with it, and
  /// its notices become changes.
  std::optional<Failure> commit(Turn& turn, Transaction& transaction);

  ExecutorConfig config_;
  vfs::PageStore& store_;
  Application* application_;
  Engine engine_;
  Engine
      reader_;  // for what is not ordered: open from the first public read to the next checkpoint
  Sessions sessions_;
  Configurations configurations_;
  Changes changes_;
  Topics application_topics_;  // of application_
  Ticks ticks_;
  std::unique_ptr<SqlApplication>
      installed_;                            // null: nothing is installed, or application_ is ours
  std::unique_ptr<SqlApplication> reading_;  // installed_, for reader_
  vfs::AgreedSource source_;
  Bytes scratch_;  // for encoding, so that it grows once
  Seq executed_;
  Seq checkpointed_;
  AgreedTime agreed_;
};

template <class Read>
wire::Outcome Executor::Impl::read_only(const Digest& question, const Session* session, Read read) {
  // What is not ordered may take a tenth of what a request may.
  constexpr std::uint64_t share = 10;
  const Turn turn{executed_, agreed_, {}, 0, seed_of(executed_, question, 0), {}, nullptr};
  begin_request(reader_, turn, session);
  const std::uint64_t steps_max = reading_ == nullptr
                                      ? config_.steps_per_request_max
                                      : reading_->steps_max(config_.steps_per_request_max);
  reader_.state().work_max = steps_max / share;
  const vfs::AgreedScope scope(source_);
  const Transaction transaction(reader_);
  return read();
}

}  // namespace prytany::app
