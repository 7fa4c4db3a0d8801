#include "server/cli/trial.h"

#include <algorithm>

#include "clientlib/fits.h"
#include "server/app/id_token.h"
#include "server/app/identify.h"
#include "server/cli/genesis.h"
#include "server/crypto/client_certificate.h"
#include "server/wire/messages.h"
#include "vfs/region.h"

namespace prytany::cli {
namespace {

/// What only memory bounds on a cluster is bounded here: 4 GiB of database are enough for a test.
constexpr std::uint64_t trial_pages_max = 1'000'000;

crypto::Signer key_from(std::string_view domain, std::string_view name) {
  return crypto::Signer(crypto::sha256(domain, as_bytes(name)).bytes);
}

crypto::Signer replica_key() { return key_from("prytany trial replica", "0"); }

/// Genesis' defaults, so that a test meets the budgets that `prytany dev` has.
app::ExecutorConfig trial_config() {
  wire::Genesis genesis;
  genesis.name.text = "trial";
  genesis.development = true;
  wire::Member member;
  member.key = replica_key().public_key();
  genesis.members.items.push_back(member);
  genesis.administrators.items.push_back(trial_key(trial_admin).public_key());
  app::ExecutorConfig config = executor_config_of(genesis);
  config.application_pages_max = std::min(config.application_pages_max, trial_pages_max);
  return config;
}

wire::ErrorReply trial_refusal(const char* code, std::string message) {
  wire::ErrorReply reply;
  reply.code.text = code;
  reply.message.text = std::move(message);
  return reply;
}

wire::ErrorReply untrusted(const wire::ErrorReply& error) {
  return trial_refusal("untrusted_issuer",
                       "the application could not say whom it trusts: " + error.code.text);
}

/// Phase one and two of a join: here the only replica is at hand, and signs the only token. It
/// looks at no proof: what `identity` says, if there is one, it vouches for.
wire::Operation signed_join(const app::ExecutorConfig& config, const crypto::Signer& key,
                            const std::string& name, AgreedTime now,
                            const wire::Identity* identity) {
  constexpr std::int64_t token_life_us = 60'000'000;
  wire::JoinBegin begin;
  begin.session_key = key.public_key();
  wire::Identification& who = begin.identification;
  who.kind.text = identity == nullptr ? "key" : identity->kind.text;
  who.name.text = name;
  who.credential = key.public_key();
  // Two joins of one client differ, as they would by the nonce that it draws.
  for (std::size_t i = 0; i < 8; ++i)
    begin.nonce[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(now.value) >> 8 * i);
  who.signature = key.sign(wire::credential_signed_bytes(config.cluster, begin));
  wire::JoinToken token{ReplicaId{0}, {"127.0.0.1"}, now + token_life_us, {}};
  const Digest digest = wire::join_digest(begin);
  if (identity == nullptr) {
    token.signature = replica_key().sign(
        wire::join_token_signed_bytes(config.cluster, digest, token.address, token.expires));
    return wire::Join{begin, {{token}}};
  }
  wire::Identity found = *identity;
  found.expires = token.expires;
  token.signature = replica_key().sign(wire::identity_token_signed_bytes(
      config.cluster, digest, found, token.address, token.expires));
  return wire::IdentifiedJoin{begin, found, {{token}}};
}

}  // namespace

/// Nothing to load, and nothing is kept: every commit is durable enough at once.
class Trial::NoDisk final : public vfs::StateDisk {
 public:
  Result<void> load(vfs::ImageSink& sink) override { return sink.begin(0, -1, 0); }
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  std::uint64_t last_ = 0;
};

crypto::Signer trial_key(std::string_view client) {
  return key_from("prytany trial client", client);
}

Status room_for_trial() {
  const auto region = vfs::Region::reserve(vfs::PageStoreOptions{}.capacity_bytes);
  if (region) return {};
  return Failure{ExitCode::local_fault, "memory", region.error().message};
}

Trial::Trial()
    : disk_(std::make_unique<NoDisk>()),
      store_(vfs::PageStore::open(*disk_).value()),
      config_(trial_config()),
      executor_(std::make_unique<app::Executor>(config_, *store_, nullptr)) {
  constexpr std::int64_t setting_up_us = 1'000'000;
  set_clock(AgreedTime{trial_begin_us - setting_up_us});
}
Trial::~Trial() = default;

wire::Outcome Trial::install(const wire::Install& application) {
  wire::Outcome outcome = join(std::string(trial_admin));
  if (std::holds_alternative<wire::ErrorReply>(outcome)) return outcome;
  outcome = ask(std::string(trial_admin), application);
  set_clock(AgreedTime{trial_begin_us});
  return outcome;
}

wire::Outcome Trial::join(const std::string& client) {
  const crypto::Signer key = trial_key(client);
  const auto shown = identities_.find(client);
  std::optional<wire::Identity> identity;
  if (shown != identities_.end()) {
    auto found = found_in(shown->second);
    if (!found) return found.error();
    identity = std::move(*found);
  }
  const wire::Operation join =
      signed_join(config_, key, client, now() + 1, identity ? &*identity : nullptr);
  const wire::Outcome outcome =
      order({SessionId{}, RequestNumber{1}, key.public_key(), {wire::encode(join)}});
  clients_.erase(client);
  if (const auto* joined = std::get_if<wire::JoinedReply>(&outcome))
    clients_.emplace(client, Client{key, joined->session, 1});
  return outcome;
}

void Trial::vouch_for(const std::string& client, wire::Identity identity, bool judged,
                      std::string audience) {
  identities_.insert_or_assign(client, Vouched{std::move(identity), judged, std::move(audience)});
}

std::optional<wire::Identity> Trial::identity_of(const std::string& client) const {
  const auto shown = identities_.find(client);
  return shown == identities_.end() ? std::nullopt : std::optional(shown->second.identity);
}

/// What replicas say to the same (docs/reference/identification.md).
Result<wire::Identity, wire::ErrorReply> Trial::found_in(const Vouched& shown) {
  if (!shown.judged) return shown.identity;
  if (shown.identity.kind.text == app::id_token_kind) return found_in_token(shown);
  const auto authorities = executor_->certificate_authorities();
  if (!authorities) return untrusted(authorities.error());
  for (const std::string& pem : *authorities)
    for (const Bytes& der : crypto::certificates_of_pem(pem))
      if (crypto::sha256(der).hex() == shown.identity.issuer.text) return shown.identity;
  return trial_refusal("untrusted_issuer",
                       "the application trusts " +
                           std::string(authorities->empty() ? "no authority's certificates"
                                                            : "other authorities, not this one"));
}

Result<wire::Identity, wire::ErrorReply> Trial::found_in_token(const Vouched& shown) {
  const auto keys = executor_->token_keys(shown.identity.issuer.text);
  if (!keys) return untrusted(keys.error());
  if (keys->empty())
    return trial_refusal("untrusted_issuer",
                         "the application trusts no key of this token's issuer");
  for (const app::TokenKey& key : *keys) {
    if (key.audience != shown.audience) continue;
    wire::Identity found = shown.identity;
    found.claims.text = app::claims_named(found.claims.text, key.claims);
    return found;
  }
  return trial_refusal("wrong_audience", "the ID token was made for somebody else (aud)");
}

std::optional<app::SessionView> Trial::session(const std::string& client) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return std::nullopt;
  // A session that was idle too long is still in the table for a while; asked to read, it is not.
  const auto& [key, id, next] = found->second;
  if (!executor_->session_read(id, key.public_key(), wire::encode(wire::Operation(wire::Null{}))))
    return std::nullopt;
  return executor_->session(id);
}

SessionId Trial::session_id(const std::string& client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? SessionId{} : found->second.session;
}

wire::Outcome Trial::ask(const std::string& client, const wire::Operation& operation) {
  if (!client::fits(operation))
    return trial_refusal("request_too_large", "too large for one request");
  Bytes encoded = wire::encode(operation);
  if (encoded.size() > limits::request_bytes_max)
    return trial_refusal("request_too_large", "too large for one request");
  Client& asking = clients_.at(client);
  return order({asking.session,
                RequestNumber{asking.next_number++},
                asking.key.public_key(),
                {std::move(encoded)}});
}

wire::Outcome Trial::look(const std::string& sql) {
  const std::string admin(trial_admin);
  wire::Execute execute;
  execute.statements.items.push_back({{sql}, {}, {}});
  execute.read_only = true;
  const wire::Operation operation(execute);
  if (!client::fits(operation))
    return trial_refusal("request_too_large", "too large for one request");
  if (!session(admin)) {
    wire::Outcome joined = join(admin);
    if (std::holds_alternative<wire::ErrorReply>(joined)) return joined;
  }
  const Client& asking = clients_.at(admin);
  auto outcome =
      executor_->session_read(asking.session, asking.key.public_key(), wire::encode(operation));
  if (!outcome) return trial_refusal("budget_exceeded", "this takes too long to compute");
  return std::move(*outcome);
}

void Trial::set_clock(AgreedTime time) {
  constexpr int runs_max = 1000;
  for (int i = 0; i < runs_max && executor_->due() && std::max(*executor_->due(), now() + 1) < time;
       ++i)
    execute({}, std::max(*executor_->due(), now() + 1));
  execute({}, time);
}

wire::Outcome Trial::order(const wire::RequestBody& body) {
  app::Executed executed = execute(wire::Batch{{{wire::ClientRequest{body, {}}}}}, now() + 1);
  return std::move(executed.replies.at(0).outcome);
}

app::Executed Trial::execute(const wire::Batch& batch, AgreedTime time) {
  const Seq seq = executor_->executed() + 1;
  const wire::Agreed agreed{time, {}};
  app::Executed executed =
      executor_->execute(seq, wire::batch_digest(batch, agreed), batch, agreed);
  // As on a cluster: the SQL handle is opened anew, and sessions are written to their table.
  if (seq.value % config_.checkpoint_interval == 0) {
    executor_->checkpoint(seq);
    store_->discard_below(vfs::Label{seq.value});
  }
  return executed;
}

}  // namespace prytany::cli
