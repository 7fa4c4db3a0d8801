#include "server/node/clients.h"

#include <algorithm>
#include <iterator>

#include "server/node/hosts.h"
#include "server/wire/client_json.h"

namespace prytany::node {
namespace {

constexpr std::size_t waiting_per_connection_max = 4 * limits::session_window;
constexpr std::size_t early_per_connection_max = limits::session_window;
constexpr std::size_t early_max = 4096;
/// Nobody has proven anything yet who sends such a request, so what it holds is bounded too.
constexpr std::size_t early_bytes_max = 16 << 20;
constexpr std::size_t left_max = 1024;
/// A client knows its session from the first weak_quorum() replicas that executed its join: we may
/// be the next to execute it, so its first request is kept for a moment instead of refused.
constexpr std::uint64_t early_us = 1'000'000;
constexpr std::size_t sessions_seen_max = 200'000;
constexpr std::size_t reads_per_host_max = 64;
constexpr std::size_t reads_max = 4096;
constexpr std::size_t reads_per_host_bytes_max = 4 << 20;
constexpr std::size_t reads_bytes_max = 64 << 20;
constexpr std::size_t fast_reads_per_connection_max = 4 * limits::session_window;
/// Its client has long ordered what was not answered by then.
constexpr std::uint64_t barred_us = 2'000'000;

wire::Name name(std::string_view text) {
  return {std::string(text.substr(0, limits::name_bytes_max))};
}

constexpr std::string_view weak_key_words =
    "session and credential keys must be Ed25519 of large order";

constexpr std::string_view static_words = "this cluster's clients are those that genesis lists";

bool has_weak_key(const wire::JoinBegin& join) {
  return !crypto::public_key_from(join.session_key.bytes) ||
         !crypto::public_key_from(join.identification.credential.bytes);
}

}  // namespace

void Clients::connected(ConnectionId id, std::string address) {
  if (address.size() > limits::name_bytes_max) address.resize(limits::name_bytes_max);
  std::string host = host_of(address);
  connections_.emplace(
      id, Connection{std::move(address), std::move(host), std::nullopt, {}, {}, {}, {}, 0, 0});
}

void Clients::read(ConnectionId id, std::string address, wire::Call call) {
  connected(id, std::move(address));
  Connection& c = connections_.at(id);
  c.plain = true;
  const std::size_t bytes = wire::encode(call).size();
  on(id, c, wire::PublicRead{0, std::move(call)}, bytes);
}

void Clients::close_all(std::string_view reason) {
  std::vector<ConnectionId> all;
  all.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) all.push_back(id);
  for (const ConnectionId id : all) {
    const bool ours = !connections_.at(id).road;
    closed(id);
    if (ours) setting_.transport.close(id, reason);
  }
}

void Clients::closed(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  wait_no_more(id, found->second);
  if (found->second.early > 0)
    std::erase_if(early_, [&](const Early& e) {
      if (e.connection == id) early_bytes_ -= e.bytes();
      return e.connection == id;
    });
  if (found->second.reading > 0)
    std::erase_if(barred_, [&](const auto& entry) {
      const bool its = entry.second.read.connection == id;
      if (its) reads_bytes_ -= entry.second.read.bytes;
      return its;
    });
  subscriptions_.closed(id);
  leave_roads(id, found->second);
  for (const SessionId session : found->second.sessions) last_seen_.erase(session);
  connections_.erase(found);
}

Clients::Wish Clients::text(ConnectionId id, std::string_view text, wire::Verifier& verifier) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return Nothing{};
  Connection& c = found->second;
  auto parsed = wire::from_client_json(text);
  if (!parsed) return refuse(id, c, {}, "malformed", parsed.error().text());
  if (auto* hello = std::get_if<wire::ClientHello>(&*parsed)) return on(id, c, *hello);
  if (!c.key) return refuse(id, c, {}, "hello_first", "say hello before anything else");
  if (auto* speak = std::get_if<wire::SpeakFor>(&*parsed)) return on(id, c, *speak);
  if (auto* join = std::get_if<wire::JoinBegin>(&*parsed)) return on(id, c, *join);
  if (auto* identify = std::get_if<wire::Identify>(&*parsed)) return on(id, c, *identify);
  if (auto* submit = std::get_if<wire::SubmitRequest>(&*parsed))
    return on(id, c, std::move(*submit), verifier);
  if (auto* read = std::get_if<wire::PublicRead>(&*parsed))
    return on(id, c, std::move(*read), text.size());
  if (auto* read = std::get_if<wire::FastRead>(&*parsed)) return on(id, c, std::move(*read));
  if (auto* asked = std::get_if<wire::ConfigurationsRequest>(&*parsed)) return on(id, c, *asked);
  if (auto* watch = std::get_if<wire::Subscribe>(&*parsed)) return on(id, c, std::move(*watch));
  if (auto* more = std::get_if<wire::More>(&*parsed)) return on(id, c, *more);
  if (auto* end = std::get_if<wire::Unsubscribe>(&*parsed)) return on(id, c, *end);
  if (auto* passing = std::get_if<wire::PassOn>(&*parsed)) return on(id, c, *passing);
  if (auto* asked = std::get_if<wire::BundleRequest>(&*parsed))
    return on(id, c, std::move(*asked), verifier);
  return on(id, c, std::get<wire::StatusRequest>(*parsed));
}

Clients::Wish Clients::on(ConnectionId id, Connection& c,
                          const wire::ConfigurationsRequest& request) {
  constexpr std::size_t links_bytes_max = 64 << 10;
  wire::ConfigurationsReply reply;
  if (setting_.chain != nullptr)
    reply.links = setting_.chain->links_above(request.above, links_bytes_max);
  send(id, c, reply);
  return Nothing{};
}

Clients::Wish Clients::on(ConnectionId id, Connection& c, const wire::ClientHello& hello) {
  if (c.key) return refuse(id, c, {}, "hello_again", "one hello per connection");
  if (hello.cluster != setting_.membership.cluster)
    return refuse(id, c, {}, "wrong_cluster",
                  "this replica serves another cluster: check genesis.json");
  crypto::DhSecret::Seed seed{};
  setting_.random(seed);
  const crypto::DhSecret secret(seed);
  wire::ServerHello answer;
  answer.replica = setting_.self;
  answer.key = secret.public_key();
  setting_.random(answer.nonce);
  answer.configuration = setting_.membership.config;
  answer.signature = setting_.signer.sign(wire::hello_signed_bytes(hello, answer));
  const auto key = wire::client_tag_key(secret, hello.key, hello, answer);
  if (!key) return refuse(id, c, {}, "weak_key", "the hello's key is of small order");
  deliver(id, c, wire::TaggedToClient{answer, std::nullopt});
  c.key.emplace(*key);
  c.hello = crypto::sha256(wire::hello_signed_bytes(hello, answer));
  return Nothing{};
}

/// One signature for a connection and a session, instead of one for each of its requests.
Clients::Wish Clients::on(ConnectionId id, Connection& c, const wire::SpeakFor& speak) {
  if (!setting_.membership.mac_requests || c.speaks_for.contains(speak.key)) return Nothing{};
  if (c.speaks_for.size() >= limits::connection_sessions_max)
    return refuse(id, c, {}, "overloaded", "too many sessions share this connection");
  if (!crypto::public_key_from(speak.key.bytes) ||
      !crypto::verify(speak.key, wire::speak_for_signed_bytes(c.hello, speak.key), speak.signature))
    return refuse(id, c, {}, "bad_signature", "wrong signature of speak_for");
  c.speaks_for.insert(speak.key);
  return Nothing{};
}

wire::JoinToken Clients::unsigned_token(const Connection& c) const {
  wire::JoinToken token;
  token.replica = setting_.self;
  token.address = name(c.address);
  token.expires = AgreedTime{setting_.clock.wall().value + setting_.join_token_life_us};
  return token;
}

/// The dear one of the two ways to begin: it reads the database and checks foreign signatures.
Clients::Wish Clients::on(ConnectionId id, Connection& c, const wire::Identify& asked) {
  const Digest digest = wire::join_digest(asked.begin);
  if (has_weak_key(asked.begin)) return refuse(id, c, digest, "weak_key", weak_key_words);
  if (setting_.executor.is_static()) return refuse(id, c, digest, "static_clients", static_words);
  // It vouches for what its state says.
  if (silent_) return Nothing{};
  if (!proofs_.admit(c.host, setting_.clock.now()))
    return refuse(id, c, digest, "overloaded", "too many proofs are to be checked here");
  auto identity = setting_.executor.identify(asked, setting_.clock.wall());
  if (!identity) return refuse(id, c, digest, identity.error().code, identity.error().message);
  wire::JoinToken token = unsigned_token(c);
  token.signature = setting_.signer.sign(wire::identity_token_signed_bytes(
      setting_.membership.cluster, digest, *identity, token.address, token.expires));
  send(id, c, wire::IdentityTokenReply{digest, std::move(*identity), token});
  return Nothing{};
}

Clients::Wish Clients::on(ConnectionId id, Connection& c, const wire::JoinBegin& join) {
  const Digest digest = wire::join_digest(join);
  if (has_weak_key(join)) return refuse(id, c, digest, "weak_key", weak_key_words);
  if (setting_.executor.is_static()) return refuse(id, c, digest, "static_clients", static_words);
  if (!tokens_.admit(c.host, setting_.clock.now()))
    return refuse(id, c, digest, "overloaded", "too many tokens are asked for here");
  wire::JoinToken token = unsigned_token(c);
  token.signature = setting_.signer.sign(wire::join_token_signed_bytes(
      setting_.membership.cluster, digest, token.address, token.expires));
  send(id, c, wire::JoinTokenReply{digest, token});
  return Nothing{};
}

Clients::Wish Clients::on(ConnectionId id, Connection& c, wire::SubmitRequest submit,
                          wire::Verifier& verifier) {
  const wire::RequestBody& body = submit.request.body;
  const Digest digest = wire::request_digest(body);
  // A stored answer is for who can prove that the question was theirs: its words may be easy to
  // guess, as those of a vote are.
  const auto known = known_reply(body, digest);
  const auto code = known ? std::nullopt : setting_.executor.refuse(body);
  if (code) {
    if (*code == "unknown_session") {
      const auto barrier = setting_.read_barrier();
      if (keep_early(id, c, digest, submit, barrier)) return Nothing{};
      return unknown_session(id, c, digest, barrier);
    }
    return refuse(id, c, digest, *code, "this replica will not propose it");
  }
  const SessionId session = body.session;
  const auto designated = submit.designated;
  auto checked = prove(id, c, digest, std::move(submit), verifier);
  if (!checked) return Nothing{};
  c.bundles.erase(digest);  // whoever asks in this way has given it up
  if (known) {
    // The group may have been faster with it than this connection: its end is told here, too. But
    // whoever repeats what another one signed does not take that one's place.
    const auto* joined = std::get_if<wire::JoinedReply>(&known->outcome);
    const SessionId of = joined != nullptr ? joined->session : session;
    if (!last_seen_.contains(of) && setting_.executor.session(of)) saw(of, id);
    send_reply(id, c, *known, designated);
    // The answer to a LEAVE is this process's alone. If too few others still have theirs, it is the
    // refusals that a quorum has to agree on.
    if (left_.contains(digest)) return unknown_session(id, c, digest, setting_.read_barrier());
    return Nothing{};
  }
  if (!wait(id, c, digest, designated))
    return refuse(id, c, digest, "overloaded", "too many requests are waiting on this connection");
  if (session.value != 0) saw(session, id);
  return Submit{*std::move(checked), session.value == 0 ? number_of_host(c.host) : 0};
}

/// That its session asked for it, and on this connection; else it is refused.
std::optional<wire::AuthenticRequest> Clients::prove(ConnectionId id, Connection& c,
                                                     const Digest& digest,
                                                     wire::SubmitRequest submit,
                                                     wire::Verifier& verifier) {
  if (submit.tag && !c.speaks_for.contains(submit.request.body.signer)) {
    refuse(id, c, digest, "speak_for_first", "a tag needs a speak_for of its session's key");
    return std::nullopt;
  }
  auto checked = submit.tag ? verifier.check(digest, std::move(submit.request), *c.key, *submit.tag)
                            : verifier.check(digest, std::move(submit.request));
  if (checked) return *std::move(checked);
  refuse(id, c, digest, "bad_signature", checked.error().text());
  return std::nullopt;
}

bool Clients::keep_early(ConnectionId id, Connection& c, const Digest& digest,
                         wire::SubmitRequest& submit, std::optional<Seq> barrier) {
  const std::size_t bytes = submit.request.body.operation.bytes.size();
  if (c.early >= early_per_connection_max || early_.size() >= early_max ||
      early_bytes_ + bytes > early_bytes_max)
    return false;
  ++c.early;
  early_bytes_ += bytes;
  early_.push_back({id, digest, std::move(submit), setting_.clock.now() + early_us, barrier});
  return true;
}

/// Who restarts has forgotten what it executed after its checkpoint, and may have voted for more
/// than it executed. A client that hears "no such session" from a quorum believes it: so only who
/// has executed all that it may have helped to tell says so. The others say nothing, and are asked
/// again.
Clients::Wish Clients::unknown_session(ConnectionId id, Connection& c, const Digest& digest,
                                       std::optional<Seq> barrier) {
  // Votes or state may have been found wrong since it was heard.
  if (silent_ || !barrier || !setting_.read_barrier()) return Nothing{};
  if (setting_.executor.executed() < *barrier) return Nothing{};
  return refuse(id, c, digest, "unknown_session", "this replica will not propose it");
}

Clients::Wish Clients::on(ConnectionId id, Connection& c, wire::PublicRead read,
                          std::size_t bytes) {
  const auto mine = reads_.find(c.host);
  const bool full = mine != reads_.end() && (mine->second.waiting.size() >= reads_per_host_max ||
                                             mine->second.bytes + bytes > reads_per_host_bytes_max);
  if (full || reads_waiting_ >= reads_max || reads_bytes_ + bytes > reads_bytes_max)
    return refuse(id, c, wire::read_digest(read), "overloaded",
                  "too many public reads are waiting here");
  reads_bytes_ += bytes;
  queue({id, std::move(read), bytes});
  return Nothing{};
}

/// One that this replica cannot answer, or not in time, is not refused: its client orders it.
Clients::Wish Clients::on(ConnectionId id, Connection& c, wire::FastRead read) {
  const Digest digest = wire::fast_read_digest(read.body);
  if (!c.speaks_for.contains(read.body.signer))
    return refuse(id, c, digest, "speak_for_first", "a tag needs a speak_for of its session's key");
  if (!c.key->check(wire::fast_read_tagged_bytes(setting_.membership.cluster, digest), read.tag))
    return refuse(id, c, digest, "bad_signature", "wrong tag of a read");
  const auto barrier = setting_.read_barrier();
  if (!barrier || silent_) return Nothing{};
  if (barred_.size() >= reads_max / 2) drop_overdue();
  const std::size_t bytes = read.body.operation.bytes.size();
  if (c.reading >= fast_reads_per_connection_max || reads_waiting_ + barred_.size() >= reads_max ||
      reads_bytes_ + bytes > reads_bytes_max)
    return refuse(id, c, digest, "overloaded", "too many reads are waiting here");
  ++c.reading;
  reads_bytes_ += bytes;
  Read waiting{id, std::move(read), bytes};
  if (*barrier <= setting_.executor.executed()) {
    queue(std::move(waiting));
  } else {
    barred_.emplace(*barrier, Barred{std::move(waiting), setting_.clock.now() + barred_us});
  }
  return Nothing{};
}

void Clients::queue(Read read) {
  Reads& host = reads_[connections_.at(read.connection).host];
  host.bytes += read.bytes;
  host.waiting.push_back(std::move(read));
  ++reads_waiting_;
}

void Clients::pass_barriers() {
  drop_overdue();
  const auto end = barred_.upper_bound(setting_.executor.executed());
  for (auto it = barred_.begin(); it != end; it = barred_.erase(it))
    queue(std::move(it->second.read));
}

void Clients::drop_overdue() {
  const Time now = setting_.clock.now();
  std::erase_if(barred_, [&](const auto& entry) {
    if (now < entry.second.until) return false;
    reads_bytes_ -= entry.second.read.bytes;
    --connections_.at(entry.second.read.connection).reading;
    return true;
  });
}

void Clients::serve_read() {
  ENSURE(has_reads());
  // By turns, so that neither waits for all of the other.
  read_was_last_ = reads_waiting_ > 0 && !(read_was_last_ && subscriptions_.has_turns());
  if (read_was_last_) return serve_waiting_read();
  serve_subscription();
}

void Clients::serve_waiting_read() {
  // The host after the one served last, around the circle.
  auto host = reads_.upper_bound(read_last_);
  if (host == reads_.end()) host = reads_.begin();
  read_last_ = host->first;
  const Read read = std::move(host->second.waiting.front());
  host->second.waiting.pop_front();
  host->second.bytes -= read.bytes;
  reads_bytes_ -= read.bytes;
  if (host->second.waiting.empty()) reads_.erase(host);
  --reads_waiting_;
  const auto found = connections_.find(read.connection);
  if (found == connections_.end()) return;
  std::visit([&](const auto& asked) { answer(read.connection, found->second, asked); }, read.read);
}

void Clients::answer(ConnectionId id, Connection& c, const wire::PublicRead& read) {
  if (silent_) {
    if (c.plain)
      refuse(id, c, wire::read_digest(read), "unavailable", "this replica's state is being mended");
    return;
  }
  wire::PublicReadReply reply;
  reply.id = read.id;
  reply.question = wire::read_digest(read);
  reply.executed = setting_.executor.executed();
  reply.agreed = setting_.executor.agreed();
  reply.outcome = setting_.executor.public_read(read.call);
  if (!c.plain) return send(id, c, reply);
  const Bytes said = wire::signed_read_bytes(setting_.membership.cluster, setting_.self, reply);
  setting_.transport.reply(id, wire::to_json(wire::SignedRead{setting_.self, std::move(reply),
                                                              setting_.signer.sign(said)}));
}

void Clients::answer(ConnectionId id, Connection& c, const wire::FastRead& read) {
  --c.reading;
  // Votes or state may have been found wrong since it was let in.
  if (silent_ || !setting_.read_barrier()) return;
  const wire::FastReadBody& body = read.body;
  auto outcome = setting_.executor.session_read(body.session, body.signer, body.operation.view());
  if (!outcome) return;
  const Digest digest = wire::fast_read_digest(body);
  const Seq executed = setting_.executor.executed();
  const AgreedTime agreed = setting_.executor.agreed();
  if (read.designated && *read.designated != setting_.self)
    send(id, c,
         wire::FastReadDigest{body.id, digest, executed, agreed,
                              wire::fast_outcome_digest(*outcome)});
  else
    send(id, c, wire::FastReadReply{body.id, digest, executed, agreed, std::move(*outcome)});
}

Clients::Wish Clients::on(ConnectionId id, Connection&, const wire::StatusRequest& request) {
  return AskStatus{id, request.id};
}

void Clients::answer(const AskStatus& question, wire::StatusReply status) {
  const auto found = connections_.find(question.connection);
  if (found == connections_.end()) return;
  status.id = question.id;
  send(question.connection, found->second, status);
}

void Clients::executed(const app::Executed& executed) {
  if (silent_) {
    for (const wire::Reply& reply : executed.replies) forget_waiting(reply.request);
    return;
  }
  pass_barriers();
  tell_of(executed.changes);
  for (const wire::Reply& reply : executed.replies) {
    forget_relayed(reply.session, reply.number);
    if (std::holds_alternative<wire::DoneReply>(reply.outcome)) remember_leave(reply);
    std::vector<Waiting>* const waiting = waiting_.find(reply.request);
    if (waiting == nullptr) continue;
    const std::vector<Waiting> asked = std::move(*waiting);
    waiting_.erase(reply.request);
    for (const Waiting& entry : asked) {
      Connection& c = connections_.at(entry.connection);
      c.waiting.erase(reply.request);
      // A session that has asked nothing yet must hear of its end, too.
      if (const auto* joined = std::get_if<wire::JoinedReply>(&reply.outcome))
        saw(joined->session, entry.connection);
      send_reply(entry.connection, c, reply, entry.designated);
    }
  }
  for (const app::SessionEnding& ending : executed.endings) {
    forget_relayed(ending.session);
    const auto seen = last_seen_.find(ending.session);
    if (seen == last_seen_.end()) continue;
    const auto found = connections_.find(seen->second);
    if (found != connections_.end()) {
      send(seen->second, found->second, wire::SessionEnded{ending.session, name(ending.reason)});
      found->second.sessions.erase(ending.session);
    }
    last_seen_.erase(seen);
  }
}

void Clients::count(Held& held) const {
  for (const auto& [id, c] : connections_) {
    held.answers_of_one = std::max(held.answers_of_one, c.waiting.size());
    held.sessions_of_one = std::max(held.sessions_of_one, c.speaks_for.size());
    held.early_of_one = std::max(held.early_of_one, c.early);
    held.session_reads_of_one = std::max(held.session_reads_of_one, c.reading);
    held.bundles_of_one = std::max(held.bundles_of_one, c.bundles.size());
    held.gathered_of_one = std::max(held.gathered_of_one, *c.gathered);
  }
  for (const auto& [gateway, count] : roads_from_)
    held.roads_of_one = std::max(held.roads_of_one, count);
  for (const auto& [host, reads] : reads_) {
    const auto is_public = [](const Read& each) {
      return std::holds_alternative<wire::PublicRead>(each.read);
    };
    const auto many = static_cast<std::size_t>(std::ranges::count_if(reads.waiting, is_public));
    held.reads_of_one = std::max(held.reads_of_one, many);
  }
  for (const auto& [session, numbers] : relayed_)
    held.relayed_of_one = std::max(held.relayed_of_one, numbers.size());
  held.relayed = relayed_numbers_;
  held.gathered = gathered_;
  held.early = early_.size();
  held.reads = reads_waiting_ + barred_.size();
  held.leaves = left_.size();
  subscriptions_.count(held);
}

std::vector<wire::AuthenticRequest> Clients::now_known(Time now, wire::Verifier& verifier) {
  std::vector<wire::AuthenticRequest> known;
  // Asked in every turn, and only what is executed, or fetched, makes sessions known.
  const Seq executed = setting_.executor.executed();
  if (early_.empty() || (now < early_.front().until && executed == early_seen_at_)) return known;
  early_seen_at_ = executed;
  for (std::size_t left = early_.size(); left > 0; --left) {
    Early early = std::move(early_.front());
    early_.pop_front();
    early_bytes_ -= early.bytes();
    const auto found = connections_.find(early.connection);
    if (found == connections_.end()) continue;
    const Digest digest = early.digest;
    const auto code =
        left_.contains(digest) ? std::nullopt : setting_.executor.refuse(early.submit.request.body);
    if (code && *code == "unknown_session" && now < early.until) {
      early_bytes_ += early.bytes();
      early_.push_back(std::move(early));
      continue;
    }
    --found->second.early;
    if (code && *code == "unknown_session") {
      (void)unknown_session(early.connection, found->second, digest, early.barrier);
      continue;
    }
    // It may have been executed meanwhile: then the stored reply is the answer.
    Wish wish = on(early.connection, found->second, std::move(early.submit), verifier);
    if (auto* submit = std::get_if<Submit>(&wish)) known.push_back(std::move(submit->request));
  }
  return known;
}

void Clients::forget_waiting(const Digest& request) {
  const std::vector<Waiting>* const waiting = waiting_.find(request);
  if (waiting == nullptr) return;
  for (const Waiting& entry : *waiting) connections_.at(entry.connection).waiting.erase(request);
  waiting_.erase(request);
}

void Clients::silence(bool silent) {
  silent_ = silent;
  // What a fetched state had executed already is not executed here. Who still waits asks again.
  for (const Digest& request : waiting_.sorted()) forget_waiting(request);
  pass_barriers();  // another state may be here
  subscriptions_.queue_all();
  for (auto& [id, c] : connections_) c.bundles.clear();
  relayed_.clear();
  relayed_numbers_ = 0;
  // What a wrong state answered must not be said again.
  left_.clear();
  left_by_age_.clear();
}

void Clients::remember_leave(const wire::Reply& reply) {
  if (!left_.emplace(reply.request, reply)) return;
  left_by_age_.push_back(reply.request);
  if (left_by_age_.size() <= left_max) return;
  left_.erase(left_by_age_.front());
  left_by_age_.pop_front();
}

std::optional<wire::Reply> Clients::known_reply(const wire::RequestBody& body,
                                                const Digest& digest) const {
  if (silent_) return std::nullopt;
  if (const wire::Reply* left = left_.find(digest)) return *left;
  return setting_.executor.stored_reply(body.session, body.number, digest);
}

void Clients::saw(SessionId session, ConnectionId id) {
  const auto found = last_seen_.find(session);
  if (found == last_seen_.end() && last_seen_.size() >= sessions_seen_max) return;
  if (found != last_seen_.end() && found->second == id) return;
  if (found != last_seen_.end()) connections_.at(found->second).sessions.erase(session);
  last_seen_.insert_or_assign(session, id);
  connections_.at(id).sessions.insert(session);
}

bool Clients::wait(ConnectionId id, Connection& c, const Digest& request,
                   std::optional<ReplicaId> designated) {
  if (std::vector<Waiting>* const others = waiting_.find(request)) {
    const auto mine = std::ranges::find(*others, id, &Waiting::connection);
    if (mine != others->end()) {
      mine->designated = designated;
      return true;
    }
  }
  if (c.waiting.size() >= waiting_per_connection_max) return false;
  waiting_[request].push_back({id, designated});
  c.waiting.insert(request);
  return true;
}

void Clients::wait_no_more(ConnectionId id, const Connection& c) {
  for (const Digest& request : c.waiting.sorted()) {
    std::vector<Waiting>* const asked = waiting_.find(request);
    ENSURE(asked != nullptr);
    std::erase_if(*asked, [&](const Waiting& entry) { return entry.connection == id; });
    if (asked->empty()) waiting_.erase(request);
  }
}

Clients::Wish Clients::refuse(ConnectionId id, Connection& c, const Digest& request,
                              std::string_view code, std::string_view message) {
  ++refused_;
  send(id, c,
       wire::Refused{
           request, name(code), {std::string(message.substr(0, limits::error_bytes_max))}});
  return Nothing{};
}

void Clients::send_reply(ConnectionId id, Connection& c, const wire::Reply& reply,
                         std::optional<ReplicaId> designated) {
  if (c.bundles.contains(reply.request)) return say_own(id, c, reply);
  if (!designated || *designated == setting_.self) {
    send(id, c, reply);
    return;
  }
  send(id, c,
       wire::ReplyDigest{reply.session, reply.number, reply.request,
                         wire::reply_digest(setting_.membership.cluster, reply)});
}

void Clients::send(ConnectionId id, Connection& c, const wire::ToClient& message) {
  std::optional<crypto::Tag16> tag;
  if (c.key)
    tag = c.key->tag(wire::tagged_bytes(setting_.membership.cluster, setting_.self, message));
  deliver(id, c, wire::TaggedToClient{message, tag});
}

void Clients::deliver(ConnectionId id, const Connection& c, const wire::TaggedToClient& message) {
  if (c.road) return relay_back(c, message);
  setting_.transport.reply(id, wire::to_json(message));
}

}  // namespace prytany::node
