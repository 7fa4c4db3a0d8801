// The public Cluster: genesis, credentials, and what needs no session.
#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>

#include "clientlib/cluster_impl.h"
#include "clientlib/provers.h"
#include "server/crypto/credential.h"
#include "server/crypto/key_file.h"

namespace prytany {

using client::Completion;

namespace {

constexpr std::uintmax_t genesis_bytes_max = 1 << 20;
/// A replica that refused the connection so often is not waited for.
constexpr unsigned unreachable_failures = 2;

ErrorInfo usage(std::string message) { return client::usage_error(std::move(message)); }

}  // namespace

Expected<wire::GenesisFile> load_genesis(const std::string& genesis) {
  std::string text = genesis;
  std::string where = "the genesis text";
  if (!genesis.starts_with('{')) {
    where = genesis;
    std::error_code ignored;
    if (std::filesystem::exists(genesis, ignored) &&
        !std::filesystem::is_regular_file(genesis, ignored))
      return usage(where + " is not a file: give the path of the cluster's genesis.json");
    const auto size = std::filesystem::file_size(genesis, ignored);
    if (!ignored && size > genesis_bytes_max) return usage(where + " is too large for a genesis");
    std::ifstream in(genesis, std::ios::binary);
    if (!in) return usage("cannot read " + where + ": give the path of the cluster's genesis.json");
    std::ostringstream content;
    content << in.rdbuf();
    text = content.str();
  }
  auto file = wire::genesis_from_json(text);
  if (!file) return usage(where + ": " + file.error().message);
  if (const auto verified = wire::verify_genesis(*file); !verified)
    return usage(where + ": " + verified.error().message);
  return std::move(*file);
}

std::string generate_code() { return crypto::generate_code(); }

std::string credential_public_key(const std::string& code, const std::string& genesis) {
  auto file = load_genesis(genesis);
  const auto signer =
      crypto::credential_from_code(code, wire::genesis_digest(file.value().genesis));
  if (!signer) throw Usage(signer.error().message);
  return signer->public_key().hex();
}

std::string id_token_nonce(const std::string& key_file, const std::string& genesis) {
  auto file = load_genesis(genesis);
  const auto signer = crypto::read_key_file(key_file);
  if (!signer) throw Usage(signer.error().message);
  return client::nonce_text(wire::genesis_digest(file.value().genesis), signer->public_key());
}

// ---- credentials ----------------------------------------------------------------------------

Credential::Credential() = default;
Credential Credential::generated() { return {}; }
Credential Credential::file(std::string path) { return {Kind::file, std::move(path)}; }
Credential Credential::code(std::string code) { return {Kind::code, std::move(code)}; }
Credential Credential::certificate(std::string chain_file, std::string key_file) {
  Credential credential(Kind::certificate, std::move(key_file));
  credential.chain_ = std::move(chain_file);
  return credential;
}
Credential Credential::id_token(std::function<std::string(const std::string&)> ask,
                                std::string key_file) {
  if (!ask) throw Usage("Credential::id_token needs a function that asks the issuer for a token");
  Credential credential(Kind::id_token, std::move(key_file));
  credential.ask_ = std::move(ask);
  return credential;
}

// ---- Cluster --------------------------------------------------------------------------------

namespace {

std::shared_ptr<const crypto::TlsTrust> trust_for(const client::ClusterView& view,
                                                  const std::string& authorities) {
  const auto secure = [](const std::string& url) { return url.starts_with("wss:"); };
  // Reading the system's authorities takes a while: not for those who have no use for it.
  if (authorities.empty() && std::ranges::none_of(view.urls, secure)) return nullptr;
  auto trust = crypto::TlsTrust::create(authorities);
  if (!trust) throw Usage(usage(trust.error().message));
  return std::move(*trust);
}

}  // namespace

Cluster::Impl::Impl(wire::GenesisFile file, std::chrono::milliseconds linger,
                    const std::string& authorities)
    : genesis(std::move(file.genesis)),
      observer_linger(linger),
      view(std::make_shared<const client::ClusterView>(genesis)),
      trust(trust_for(*view, authorities)),
      loop(std::make_unique<client::Loop>(view, trust)) {}

Cluster::Impl::~Impl() {
  if (!loop->on_thread()) return;
  // The last owner lived in a callback: a thread cannot wait for its own end.
  std::thread([last = std::move(loop)]() mutable { last.reset(); }).detach();
}

client::Seat Cluster::Impl::observer() {
  const std::lock_guard lock(mutex);
  if (!observer_seat) {
    client::SessionOptions options;
    options.linger_us = microseconds(observer_linger);
    observer_seat = loop->open(options, {});
  }
  return *observer_seat;
}

void Cluster::Impl::must_not_be_loop_thread() const {
  if (loop->on_thread()) throw Usage("a blocking function was called from a callback");
}

Cluster::Cluster(const std::string& genesis, std::chrono::milliseconds linger,
                 const std::string& authorities)
    : impl_(std::make_shared<Impl>(load_genesis(genesis).value(), linger, authorities)) {}
Cluster::Cluster(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cluster::~Cluster() = default;
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;

unsigned Cluster::replicas() const { return static_cast<unsigned>(impl_->view->size()); }
unsigned Cluster::faults() const { return impl_->view->faults; }
std::string Cluster::fingerprint() const { return wire::fingerprint(impl_->view->cluster); }

void Cluster::join_async(const Options& options, std::function<void(Expected<Client>)> done) {
  auto signer = Result<crypto::Signer>(crypto::Signer::generate());
  using Kind = Credential::Kind;
  const Kind kind = options.credential.kind_;
  const std::string& text = options.credential.text_;
  const bool kept = kind == Kind::file || (kind == Kind::id_token && !text.empty());
  if (kept) signer = crypto::read_key_file(text);
  if (kind == Kind::code) signer = crypto::credential_from_code(text, impl_->view->cluster);
  if (!signer) return done(usage(signer.error().message));
  Result<client::Prover> prover = client::Prover{};
  if (kind == Kind::certificate)
    prover = client::prover_with_certificate(impl_->view->cluster, options.credential.chain_, text);
  if (kind == Kind::id_token)
    prover = client::prover_with_id_token(
        options.credential.ask_(client::nonce_text(impl_->view->cluster, signer->public_key())));
  if (!prover) return done(usage(prover.error().message));

  if (impl_->genesis.is_static()) return attach(options, *signer, done);
  client::SessionOptions session;
  session.linger_us = microseconds(options.linger);
  if (options.connections == Connections::one) session.connections = client::Connections::one;
  client::Loop::Hooks hooks;
  hooks.note = options.log;
  auto joining = std::make_shared<std::unique_ptr<Client::Impl>>(std::make_unique<Client::Impl>());
  Client::Impl& made = **joining;
  made.seat = impl_->loop->open(session, std::move(hooks));
  made.cluster = impl_;
  made.timeout_us = microseconds(options.timeout);
  made.fast_reads = options.fast_reads;
  impl_->loop->join(
      made.seat, *signer, options.name, made.timeout_us,
      [joining, done = std::move(done)](Completion completion) {
        if (auto error = client::error_of(completion)) return done(std::move(*error));
        const auto& joined = std::get<wire::JoinedReply>(completion.outcome);
        (*joining)->session = joined.session.value;
        (*joining)->principal = joined.principal.text;
        (*joining)->role = joined.role.text;
        done(Client(std::move(*joining)));
      },
      std::move(*prover));
}

void Cluster::attach(const Options& options, const crypto::Signer& key,
                     const std::function<void(Expected<Client>)>& done) {
  const auto& clients = impl_->genesis.clients.list.items;
  const auto mine = std::ranges::find(clients, key.public_key(), &wire::StaticClient::key);
  if (mine == clients.end())
    return done(usage("genesis lists this cluster's clients, and this key is none of theirs"));
  client::SessionOptions session;
  session.linger_us = microseconds(options.linger);
  client::Loop::Hooks hooks;
  hooks.note = options.log;
  auto made = std::make_unique<Client::Impl>();
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  made->session = static_cast<std::uint64_t>(mine - clients.begin()) + 1;
  made->seat = impl_->loop->open(
      session, std::move(hooks), SessionId{made->session}, key,
      static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()));
  made->cluster = impl_;
  made->timeout_us = microseconds(options.timeout);
  made->fast_reads = options.fast_reads;
  made->principal = mine->principal.text;
  made->role = mine->role.text;
  done(Client(std::move(made)));
}

Answer Cluster::read(std::string_view procedure, const Arguments& arguments,
                     std::chrono::milliseconds timeout) {
  impl_->must_not_be_loop_thread();
  std::promise<Completion> promise;
  auto future = promise.get_future();
  impl_->loop->read(
      impl_->observer(), client::to_wire(procedure, arguments), microseconds(timeout),
      [&promise](Completion completion) { promise.set_value(std::move(completion)); });
  return client::answer_of(future.get()).value();
}

namespace {

/// What replicas said so far, filled on the loop's thread and awaited on another.
struct StatusRound {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<unsigned, ReplicaStatus> heard;
  std::size_t given_up = 0;

  void hear(const wire::StatusReply& said) {
    ReplicaStatus status;
    status.id = said.replica.value;
    status.reachable = true;
    status.view = said.view.value;
    status.primary = said.primary.value;
    status.last_executed = said.last_executed.value;
    status.stable_checkpoint = said.stable_checkpoint.value;
    status.state_digest = said.state_digest.hex();
    status.connected_peers = said.connected_peers;
    const std::lock_guard lock(mutex);
    heard.insert_or_assign(status.id, std::move(status));
    changed.notify_all();
  }
  /// On the loop's thread: who cannot be reached.
  void look(const client::Session* session) {
    const std::lock_guard lock(mutex);
    given_up = 0;
    if (session == nullptr) return;
    for (const ReplicaId replica : session->cluster().replicas()) {
      if (!heard.contains(replica.value) && session->failures(replica) >= unreachable_failures)
        ++given_up;
    }
    changed.notify_all();
  }
};

}  // namespace

std::vector<ReplicaStatus> Cluster::status(std::chrono::milliseconds timeout) {
  impl_->must_not_be_loop_thread();
  const auto round = std::make_shared<StatusRound>();
  client::Loop::Hooks hooks;
  hooks.status = [round](const wire::StatusReply& said) { round->hear(said); };
  const client::Seat seat = impl_->loop->open({}, std::move(hooks));
  impl_->loop->ask_status(seat);
  const auto until = std::chrono::steady_clock::now() + timeout;
  {
    std::unique_lock lock(round->mutex);
    while (round->heard.size() + round->given_up < replicas() &&
           std::chrono::steady_clock::now() < until) {
      lock.unlock();
      impl_->loop->inspect(seat, [round](const client::Session* s) { round->look(s); });
      lock.lock();
      round->changed.wait_for(lock, std::chrono::milliseconds(20));
    }
  }
  impl_->loop->close(seat);
  std::vector<ReplicaStatus> all;
  const std::lock_guard lock(round->mutex);
  for (unsigned id = 0; id < replicas(); ++id) {
    const auto heard = round->heard.find(id);
    all.push_back(heard == round->heard.end() ? ReplicaStatus{} : heard->second);
    all.back().id = id;
  }
  return all;
}

}  // namespace prytany
