#include "server/app/executor.h"

#include <algorithm>

#include "server/app/executor_impl.h"
#include "server/app/fault.h"
#include "server/app/install.h"
#include "server/app/runner.h"
#include "server/app/steps.h"
#include "server/app/tables.h"
#include "server/base/ensure.h"
#include "server/wire/codec.h"

namespace prytany::app {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

/// A budget that is used up ends a request, whatever the application makes of it; and where all
/// that it says is that SQLite refused something, we know why.
std::optional<Failure> told_better(const RequestState& state, const wire::Outcome& outcome) {
  if (!state.failure) return std::nullopt;
  const bool spent =
      state.failure->code == "budget_exceeded" || state.failure->code == "memory_exceeded";
  const auto* error = std::get_if<wire::ErrorReply>(&outcome);
  const bool unexplained = error != nullptr && error->code.text == "SQLITE_AUTH";
  return spent || unexplained ? state.failure : std::nullopt;
}

std::size_t sessions_max(const ExecutorConfig& config) {
  return config.sessions_max == 0 ? limits::sessions_max_default : config.sessions_max;
}

}  // namespace

Digest seed_of(Seq seq, const Digest& batch, std::size_t index) {
  return wire::encoded_digest("prytany seed", seq, batch, static_cast<std::uint32_t>(index));
}

Executor::Impl::Impl(ExecutorConfig config, vfs::PageStore& store, Application* application)
    : config_(std::move(config)),
      store_(store),
      application_(application),
      engine_(store, config_.application_pages_max, application),
      reader_(store, config_.application_pages_max, nullptr),
      sessions_(engine_, sessions_max(config_)),
      configurations_(config_, engine_),
      changes_(engine_),
      ticks_(engine_) {
  if (application_ != nullptr) application_topics_ = application_->topics();
  load();
}

void Executor::Impl::genesis() {
  Transaction transaction(engine_);
  for (const char* sql : create_tables) engine_.run_ours(sql);
  Statement& insert = engine_.ours(
      "INSERT INTO prytany_state(id, format, cluster, seq, agreed_us, next_session) "
      "VALUES(1, ?1, ?2, 0, 0, 1)");
  {
    const Rewind rewind(insert);
    insert.bind(1, std::int64_t{tables_format});
    insert.bind(2, config_.cluster.view());
    ENSURE(!engine_.step_ours(insert));
  }
  begin_static_sessions();
  const auto failure = transaction.commit();
  ENSURE(!failure);
}

void Executor::Impl::close_reader() {
  reading_.reset();
  reader_.close();
}

void Executor::Impl::open_engine() {
  close_reader();
  // Prepared procedures belong to the handle that goes.
  if (installed_ != nullptr) installed_->forget_prepared();
  engine_.open();
}

void Executor::Impl::load() {
  close_reader();
  installed_.reset();
  const bool is_genesis = store_.size() == 0;  // asked before an application makes its tables
  engine_.open();
  if (is_genesis) {
    genesis();
    // As every replica that starts from an image: no handle remembers how its tables were made.
    engine_.open();
  }
  {
    Statement& state =
        engine_.ours("SELECT format, cluster, seq, agreed_us FROM prytany_state WHERE id = 1");
    const Rewind rewind(state);
    if (!engine_.step_ours(state)) stop_on_fault("state.db holds no state of a cluster");
    if (state.integer(0) != tables_format)
      stop_on_fault("state.db cannot be read: " + refused_format(state.integer(0)));
    if (!std::ranges::equal(state.blob(1), config_.cluster.view()))
      stop_on_fault("state.db belongs to another cluster than genesis.json says");
    executed_ = checkpointed_ = Seq{static_cast<std::uint64_t>(state.integer(2))};
    agreed_ = AgreedTime{state.integer(3)};
  }
  sessions_.load();
  configurations_.load();
  changes_.load();
  ticks_.load();
  if (application_ == nullptr) installed_ = SqlApplication::load(engine_);
  // As every replica that went on from this checkpoint: no handle remembers what loading asked.
  open_engine();
  // What was loaded is a checkpoint; it costs nothing to say so, and peers may ask for its pages.
  if (store_.retained().empty()) store_.checkpoint(vfs::Label{executed_.value});
}

Executed Executor::Impl::execute(Seq seq, const Digest& digest, const wire::Batch& batch,
                                 const wire::Agreed& agreed, std::span<const Digest> requests) {
  ENSURE(seq == executed_ + 1);
  ENSURE(requests.empty() || requests.size() == batch.requests.size());
  // A checkpoint that is skipped would leave this replica with another history than the others.
  ENSURE(config_.checkpoint_interval == 0 || executed_.value % config_.checkpoint_interval != 0 ||
         checkpointed_ == executed_);
  executed_ = seq;
  agreed_ = std::max(agreed.time, agreed_ + 1);
  Executed executed;
  executed.replies.reserve(batch.requests.size());
  executed.steps.reserve(batch.requests.size());
  Turn turn{seq, agreed_, agreed.choice.view(), 0, {}, {}, &executed};
  end_overdue(turn);
  run_what_is_due(turn, digest);
  for (const wire::ClientRequest& request : batch.requests) {
    turn.seed = seed_of(seq, digest, turn.index);
    turn.request = requests.empty() ? wire::request_digest(request.body) : requests[turn.index];
    engine_.state().work = 0;  // of what is refused before it begins, too
    executed.replies.push_back(run(turn, request.body));
    executed.steps.push_back(engine_.state().work);
    ++turn.index;
  }
  return executed;
}

wire::Reply Executor::Impl::run(Turn& turn, const wire::RequestBody& body) {
  if (body.session == SessionId{}) return join(turn, body);
  wire::Reply reply{body.session, body.number, turn.request, turn.seq, turn.agreed, {}};
  Session* session = sessions_.find(body.session);
  if (session == nullptr) {
    reply.outcome = error_reply({"unknown_session", "there is no such session; join first"});
    return reply;
  }
  if (session->key != body.signer) {
    reply.outcome = error_reply({"wrong_key", "the request is not signed by the session's key"});
    return reply;
  }
  if (is_overdue(*session, turn.agreed)) {
    expire(turn, {session->id});
    reply.outcome = error_reply({"unknown_session", "the session was idle for too long; join"});
    return reply;
  }
  const StoredReply* stored = Sessions::stored(*session, body.number);
  if (stored != nullptr && stored->request == turn.request)
    return wire::decode<wire::Reply>(stored->reply).value();
  if (auto refused = refuse_number(*session, body.number)) {
    reply.outcome = error_reply(*refused);
    return reply;
  }
  bool leaves = false;
  reply.outcome = run_in_session(turn, body, *session, leaves);
  if (!leaves) {
    const std::uint64_t order = turn.seq.value * limits::batch_requests_max + turn.index;
    scratch_.clear();
    wire::Writer writer(std::move(scratch_));
    wire::put(writer, reply);
    sessions_.record(*session, {body.number, order, turn.request, to_bytes(writer.view())},
                     turn.agreed);
    scratch_ = std::move(writer).take();
  }
  return reply;
}

wire::Outcome Executor::Impl::run_in_session(Turn& turn, const wire::RequestBody& body,
                                             const Session& session, bool& leaves) {
  auto operation = wire::decode<wire::Operation>(body.operation.view());
  if (!operation)
    return error_reply({"malformed_request",
                        std::string("the operation cannot be read: ") + operation.error().reason});
  begin_request(engine_, turn, &session);
  const vfs::AgreedScope scope(source_);
  return std::visit(
      Overloaded{[&](const wire::Join&) -> wire::Outcome {
                   return error_reply({"malformed_request", "a join is sent without a session"});
                 },
                 [&](const wire::IdentifiedJoin&) -> wire::Outcome {
                   return error_reply({"malformed_request", "a join is sent without a session"});
                 },
                 [&](const wire::Leave&) -> wire::Outcome {
                   if (is_static())
                     return error_reply({"static_clients", "a client of genesis does not leave"});
                   end_now(turn, {session.id}, "left");
                   leaves = true;
                   return wire::DoneReply{};
                 },
                 [&](const wire::Null& null) -> wire::Outcome {
                   if (null.reply_bytes > limits::result_bytes_max)
                     return error_reply({"RESULT_TOO_LARGE", "the result would be too large"});
                   return wire::NullReply{{Bytes(null.reply_bytes, 0)}};
                 },
                 [&](const auto& other) -> wire::Outcome { return perform(turn, session, other); }},
      *operation);
}

void Executor::Impl::begin_request(Engine& engine, const Turn& turn, const Session* session) {
  RequestState& state = engine.state();
  state.agreed = turn.agreed;
  state.random = RandomStream(turn.seed);
  state.session = session == nullptr ? std::nullopt : std::optional(session->id);
  state.principal = session == nullptr ? std::string_view{} : session->principal;
  state.role = session == nullptr ? std::string_view{} : session->role;
  state.sessions = &sessions_;
  state.topics = session == nullptr ? nullptr : &topics();
  state.start();
  state.work_max = config_.steps_per_request_max;
  state.database_pages_before = store_.size() / vfs::page_bytes;
  state.total_changes_before = sqlite3_total_changes64(engine.handle());
  sqlite3_set_last_insert_rowid(engine.handle(), 0);
  source_.set(turn.agreed.value, turn.seed);
}

Context Executor::Impl::context(const Turn& turn, const Session* session) const {
  Context context;
  context.seq = turn.seq;
  context.agreed = turn.agreed;
  context.seed = turn.seed;
  context.choice = turn.choice;
  if (session != nullptr) {
    context.session = session->id;
    context.principal = session->principal;
    context.role = session->role;
  }
  return context;
}

wire::Outcome Executor::Impl::perform(Turn& turn, const Session& session, const wire::Call& call) {
  if (application_ == nullptr && installed_ == nullptr)
    return error_reply({"no_application", "no application is installed"}, call.procedure.text);
  Transaction transaction(engine_);
  wire::Outcome outcome;
  if (application_ != nullptr) {
    const AccessScope scope(engine_.state(), Access::application);
    outcome = application_->execute(engine_.handle(), call, context(turn, &session));
    engine_.quiet();
    if (auto failure = told_better(engine_.state(), outcome))
      return error_reply(*failure, call.procedure.text);
  } else {
    engine_.state().work_max = installed_->steps_max(config_.steps_per_request_max);
    outcome = installed_->call(engine_, call, session.role);
  }
  if (std::holds_alternative<wire::ErrorReply>(outcome)) return outcome;
  if (auto failure = commit(turn, transaction)) return error_reply(*failure, call.procedure.text);
  return outcome;
}

SqlRight Executor::Impl::sql_right(const std::string& role) const {
  // In production no single key may change the rules or the data, so administrators have no SQL
  // there either.
  if (role == "admin") return config_.development ? SqlRight::write : SqlRight::none;
  return installed_ == nullptr ? SqlRight::none : installed_->sql_right(role);
}

const Topics& Executor::Impl::topics() const {
  return installed_ == nullptr ? application_topics_ : installed_->topics();
}

std::size_t Executor::Impl::changes_kept() const {
  return installed_ == nullptr ? limits::changes_kept_default : installed_->changes_kept();
}

std::optional<std::string> Executor::Impl::refuse_watching(
    SessionId id, const crypto::PublicKey& signer, const std::vector<std::string>& wanted) const {
  const Session* session = sessions_.find(id);
  if (session == nullptr || is_overdue(*session, agreed_)) return "unknown_session";
  if (session->key != signer) return "wrong_key";
  for (const std::string& name : wanted) {
    const auto topic = topics().find(name);
    if (topic == topics().end()) return "unknown_topic";
    // Who may read everything may also be told of it.
    if (!topic->second.any_role && !topic->second.roles.contains(session->role) &&
        sql_right(session->role) == SqlRight::none)
      return "not_allowed";
  }
  return std::nullopt;
}

std::optional<wire::ErrorReply> Executor::Impl::refuse_sql(const Session& session,
                                                           bool read_only) const {
  const SqlRight right = sql_right(session.role);
  if (right == SqlRight::none)
    return error_reply({"not_allowed", "the role '" + session.role + "' may not send SQL"});
  if (right == SqlRight::read && !read_only)
    return error_reply({"not_allowed", "the role '" + session.role +
                                           "' may only read with SQL; say that the request reads"});
  return std::nullopt;
}

template <class Run>
wire::Outcome Executor::Impl::perform_sql(Turn& turn, const Session& session, bool read_only,
                                          Run run) {
  if (auto refused = refuse_sql(session, read_only)) return *refused;
  Transaction transaction(engine_);
  wire::Outcome outcome = run();
  const bool schema_changed = engine_.state().schema_touched;
  if (!std::holds_alternative<wire::ErrorReply>(outcome))
    if (auto failure = commit(turn, transaction)) outcome = error_reply(*failure);
  if (schema_changed && installed_ != nullptr) installed_->forget_prepared();
  return outcome;
}

wire::Outcome Executor::Impl::perform(Turn& turn, const Session& session,
                                      const wire::Execute& execute) {
  return perform_sql(turn, session, execute.read_only,
                     [&] { return run_execute(engine_, execute); });
}

wire::Outcome Executor::Impl::perform(Turn& turn, const Session& session,
                                      const wire::Transaction& steps) {
  return perform_sql(turn, session, steps.read_only,
                     [&] { return run_transaction(engine_, steps); });
}

wire::Outcome Executor::Impl::perform(Turn& turn, const Session& session,
                                      const wire::Install& application) {
  const auto done = install(turn, session, application, false, false);
  if (!done) return done.error();
  return wire::DoneReply{};
}

wire::Outcome Executor::Impl::perform(Turn& turn, const Session& session,
                                      const wire::Upgrade& upgrade) {
  auto report = install(turn, session, upgrade.install, upgrade.rehearse, upgrade.back);
  if (!report) return report.error();
  return wire::ResultSets{{std::move(report).value()}};
}

Result<wire::ResultSet, wire::ErrorReply> Executor::Impl::install(Turn& turn,
                                                                  const Session& session,
                                                                  const wire::Install& application,
                                                                  bool rehearse, bool back) {
  if (application_ != nullptr)
    return error_reply({"not_allowed", "this cluster runs an application that is built in"});
  if (session.role != "admin")
    return error_reply({"not_allowed", "only an administrator may install an application"});
  if (!config_.development)
    return error_reply({"needs_threshold_approval",
                        "one key cannot install an application in this cluster: its genesis is "
                        "not marked development"});
  if (installed_ != nullptr) installed_->forget_prepared();
  auto report = install_in_transaction(turn, application, rehearse, back);
  engine_.limit_pages(true);
  if (!report || rehearse) return report;
  installed_ = SqlApplication::load(engine_);
  ticks_.load();
  close_reader();
  return report;
}

Result<wire::ResultSet, wire::ErrorReply> Executor::Impl::install_in_transaction(
    Turn& turn, const wire::Install& application, bool rehearse, bool back) {
  Transaction transaction(engine_);
  auto report = install_application(engine_, application, back, turn.seq, turn.agreed);
  if (!report) {
    // Whatever was prepared last: what came before may have changed it.
    engine_.state().schema_touched = true;
    return report;
  }
  if (auto failure = rehearse ? transaction.rehearse() : commit(turn, transaction))
    return error_reply(*failure);
  return report;
}

wire::Outcome Executor::Impl::perform(Turn& turn, const Session& session,
                                      const wire::Reconfigure& change) {
  if (session.role != "admin")
    return error_reply({"not_allowed", "only an administrator may change the configuration"});
  Transaction transaction(engine_);
  engine_.limit_pages(false);
  auto refused = configurations_.change(change, turn.seq, turn.agreed);
  if (!refused) {
    const auto failure = transaction.commit();
    ENSURE(!failure);
  }
  engine_.limit_pages(true);
  if (refused) return error_reply(*refused);
  return wire::DoneReply{};
}

Digest Executor::Impl::checkpoint(Seq seq) {
  ENSURE(seq == executed_);
  engine_.state().schema_touched = false;
  // Not what the last request left: after a restart there may have been none since.
  source_.set(agreed_.value, seed_of(seq, Digest{}, 0));
  {
    const vfs::AgreedScope scope(source_);
    Transaction transaction(engine_);
    engine_.limit_pages(false);
    sessions_.write_hot(agreed_);
    Statement& update =
        engine_.ours("UPDATE prytany_state SET seq = ?1, agreed_us = ?2 WHERE id = 1");
    {
      const Rewind rewind(update);
      update.bind(1, static_cast<std::int64_t>(seq.value));
      update.bind(2, agreed_.value);
      ENSURE(!engine_.step_ours(update));
    }
    const auto failure = transaction.commit();
    ENSURE(!failure);
  }
  open_engine();
  checkpointed_ = seq;
  return store_.checkpoint(vfs::Label{seq.value});
}

// On a handle of its own: what a handle was asked before may show in what the next request costs,
// and only what is ordered may show there.
void Executor::Impl::open_reader() {
  if (reader_.is_open()) return;
  reader_.open();
  if (installed_ == nullptr) return;
  reading_ = SqlApplication::load(reader_);
  ENSURE(reading_ != nullptr);
}

wire::Outcome Executor::Impl::public_read(const wire::Call& call) {
  if (installed_ == nullptr)
    return error_reply({"no_application", "no application is installed"}, call.procedure.text);
  open_reader();
  const Digest digest = crypto::sha256("prytany public read", wire::encode(call));
  return read_only(digest, nullptr, [&] { return reading_->read(reader_, call); });
}

std::optional<wire::Outcome> Executor::Impl::session_read(SessionId id,
                                                          const crypto::PublicKey& signer,
                                                          ByteView encoded) {
  const Session* session = sessions_.find(id);
  if (session == nullptr || session->key != signer || application_ != nullptr) return std::nullopt;
  if (is_overdue(*session, agreed_)) return std::nullopt;
  const auto operation = wire::decode<wire::Operation>(encoded);
  if (!operation) return std::nullopt;
  open_reader();
  const Digest digest = crypto::sha256("prytany session read", encoded);
  const auto* call = std::get_if<wire::Call>(&*operation);
  const auto* execute = std::get_if<wire::Execute>(&*operation);
  wire::Outcome outcome = error_reply({"not_read_only", "only calls and SQL can be read"});
  if (call != nullptr && reading_ == nullptr) {
    outcome = error_reply({"no_application", "no application is installed"}, call->procedure.text);
  } else if (call != nullptr) {
    outcome =
        read_only(digest, session, [&] { return reading_->read(reader_, *call, session->role); });
  } else if (execute != nullptr) {
    outcome = read_only(digest, session, [&]() -> wire::Outcome {
      if (auto refused = refuse_sql(*session, execute->read_only)) return *refused;
      if (!execute->read_only)
        return error_reply({"not_read_only", "it does not say that it only reads"});
      return run_execute(reader_, *execute);
    });
  }
  const auto* error = std::get_if<wire::ErrorReply>(&outcome);
  if (error != nullptr && error->code.text == "budget_exceeded") return std::nullopt;
  return outcome;
}

// ---- the outside --------------------------------------------------------------------------------

Executor::Executor(ExecutorConfig config, vfs::PageStore& store, Application* application)
    : impl_(std::make_unique<Impl>(std::move(config), store, application)) {}
Executor::~Executor() = default;

Seq Executor::executed() const { return impl_->executed_; }
AgreedTime Executor::agreed() const { return impl_->agreed_; }
std::optional<AgreedTime> Executor::due() const { return impl_->due(); }

Executed Executor::execute(Seq seq, const Digest& digest, const wire::Batch& batch,
                           const wire::Agreed& agreed, std::span<const Digest> requests) {
  return impl_->execute(seq, digest, batch, agreed, requests);
}
Digest Executor::checkpoint(Seq seq) { return impl_->checkpoint(seq); }
const wire::Configuration& Executor::configuration_after(Seq seq) const {
  return impl_->configurations_.after(seq);
}
const wire::Configuration* Executor::configuration(ConfigNumber number) const {
  return impl_->configurations_.find(number);
}
void Executor::release() {
  impl_->close_reader();
  impl_->installed_.reset();
  impl_->engine_.close();
}
void Executor::reload() { impl_->load(); }
wire::Outcome Executor::public_read(const wire::Call& call) { return impl_->public_read(call); }
Result<wire::Identity, Failure> Executor::identify(const wire::Identify& asked, AgreedTime now) {
  return impl_->identify(asked, now);
}
Result<std::vector<std::string>, wire::ErrorReply> Executor::certificate_authorities() {
  return impl_->ask_authorities(crypto::sha256(as_bytes("prytany authorities")));
}
Result<std::vector<TokenKey>, wire::ErrorReply> Executor::token_keys(const std::string& issuer) {
  return impl_->ask_token_keys(crypto::sha256(as_bytes("prytany issuers")), issuer);
}
std::optional<wire::Outcome> Executor::session_read(SessionId session,
                                                    const crypto::PublicKey& signer,
                                                    ByteView operation) {
  return impl_->session_read(session, signer, operation);
}

std::optional<wire::Reply> Executor::stored_reply(SessionId session, RequestNumber number,
                                                  const Digest& request) const {
  const StoredReply* stored = nullptr;
  if (session == SessionId{}) {
    stored = impl_->sessions_.stored_join(request);
  } else if (const Session* found = impl_->sessions_.find(session)) {
    stored = Sessions::stored(*found, number);
  }
  if (stored == nullptr || stored->request != request) return std::nullopt;
  return wire::decode<wire::Reply>(stored->reply).value();
}

std::optional<std::string> Executor::refuse(const wire::RequestBody& request) const {
  if (request.session == SessionId{}) return std::nullopt;
  const Session* session = impl_->sessions_.find(request.session);
  if (session == nullptr) return "unknown_session";
  if (session->key != request.signer) return "wrong_key";
  if (const auto refused = impl_->refuse_number(*session, request.number)) return refused->code;
  return std::nullopt;
}

bool Executor::is_static() const { return impl_->is_static(); }

std::uint64_t Executor::last_change() const { return impl_->changes_.last(); }
std::size_t Executor::changes_kept() const { return impl_->changes_kept(); }
ChangesPart Executor::changes(std::uint64_t after, const std::vector<std::string>& topics) const {
  return impl_->changes_.part(after, topics);
}
std::optional<std::string> Executor::refuse_watching(SessionId session,
                                                     const crypto::PublicKey& signer,
                                                     const std::vector<std::string>& topics) const {
  return impl_->refuse_watching(session, signer, topics);
}

std::optional<SessionView> Executor::session(SessionId session) const {
  const Session* found = impl_->sessions_.find(session);
  if (found == nullptr) return std::nullopt;
  return SessionView{found->key, found->principal, found->role};
}

std::optional<RequestNumber> Executor::highest(SessionId session) const {
  const Session* found = impl_->sessions_.find(session);
  if (found == nullptr) return std::nullopt;
  return RequestNumber{found->highest};
}

std::optional<Executor::Page> Executor::page(std::string_view path) const {
  const Bytes* content = impl_->installed_ == nullptr ? nullptr : impl_->installed_->page(path);
  if (content == nullptr) return std::nullopt;
  const std::string_view name = path.substr(0, path.find_first_of("?#"));
  const bool is_folder = name.empty() || name.ends_with("/");
  return Page{is_folder ? media_type(".html") : media_type(name), *content};
}

}  // namespace prytany::app
