// What a hostile client does as any other: connections, joins, requests.
#include "tests/sim/hostile/stranger.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "server/wire/client_json.h"

namespace prytany::sim {

namespace {

constexpr std::size_t said_max = 96;
constexpr std::uint64_t join_patience_us = 400'000;

}  // namespace

Stranger::Stranger(Hostiles& all, std::size_t index, crypto::Signer credential,
                   std::vector<Attack> attacks, Rng rng)
    : all_(all),
      index_(index),
      credential_(std::move(credential)),
      attacks_(std::move(attacks)),
      rng_(rng),
      workload_(all.run().parameters, Rng(rng_.next())) {}

void Stranger::tick() {
  come();
  if (ready().empty()) return;
  const Time now = all_.run().queue.now();
  if (!in() && (!session_ || now > session_->asked + join_patience_us)) session_ = begin_join();
  const Attack attack = attacks_[rng_.below(attacks_.size())];
  make(attack);
}

/// A connection to every replica.
void Stranger::come() {
  for (const ReplicaId replica : all_.view()->replicas()) {
    if (lines_.contains(replica) || !dialled_.insert(replica).second) continue;
    all_.dial(*this, replica, "10.66.0." + std::to_string(index_),
              [this, replica](node::ConnectionId id) {
                lines_[replica] = id;
                const auto entropy = [this](std::span<std::uint8_t> out) { rng_.fill(out); };
                all_.say(id, {all_.find(id)->channel.greet(entropy)});
              });
    // Nobody may be there: then it calls again.
    all_.run().queue.after(200'000, [this, replica] { dialled_.erase(replica); });
  }
}

void Stranger::greeted(node::ConnectionId) {}

void Stranger::lost(node::ConnectionId line) {
  for (const auto& [gateway, own] : lines_)
    if (own == line)
      std::erase_if(ways_, [&](const auto& way) { return way.first.first == gateway; });
  std::erase_if(lines_, [&](const auto& each) { return each.second == line; });
  std::erase_if(proven_watches_, [&](const auto& each) { return each.first == line; });
  extra_.erase(line);
  crowd_.erase(line);
}

std::vector<std::pair<ReplicaId, node::ConnectionId>> Stranger::ready() const {
  std::vector<std::pair<ReplicaId, node::ConnectionId>> all;
  for (const auto& [replica, id] : lines_) {
    const Hostiles::Line* line = all_.find(id);
    if (line != nullptr && line->channel.ready()) all.emplace_back(replica, id);
  }
  return all;
}

node::ConnectionId Stranger::target(Attack attack) {
  const auto all = ready();
  const auto& [replica, line] = all[rng_.below(all.size())];
  all_.act(attack, replica);
  return line;
}

// ---- joining ------------------------------------------------------------------------------------

std::shared_ptr<Stranger::Session> Stranger::begin_join() {
  auto session = std::make_shared<Session>(some_key());
  wire::JoinBegin& begin = session->begin;
  begin.session_key = session->key.public_key();
  begin.nonce = rng_.bytes<16>();
  begin.identification = {{"key"}, {name()}, credential_.public_key(), {}};
  begin.identification.signature =
      credential_.sign(wire::credential_signed_bytes(all_.view()->cluster, begin));
  session->asked = all_.run().queue.now();
  for (const auto& [replica, line] : ready()) say(line, wire::to_json(wire::FromClient{begin}));
  joining_.push_back(session);
  constexpr std::size_t joining_max = 16;
  if (joining_.size() > joining_max) joining_.erase(joining_.begin());
  return session;
}

void Stranger::heard(ReplicaId from, const wire::ToClient& message) {
  if (const auto* bundle = std::get_if<wire::Bundle>(&message)) return heard(from, bundle->reply);
  if (const auto* passed = std::get_if<wire::PassedBack>(&message)) return on(from, *passed);
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { m.number; } && requires { m.request; })
          if (!proven_.contains(m.request) && !all_.run().checks.byzantine.contains(from))
            all_.run().checks.violations.add(
                "privacy", replica_name(from) + " told " + name() + " what request " +
                               std::to_string(m.number.value) + " of session " +
                               std::to_string(m.session.value) +
                               " was answered, who could not prove that it had asked");
      },
      message);
  if (!all_.run().checks.byzantine.contains(from)) {
    if (const auto* whole = std::get_if<wire::FastReadReply>(&message))
      heard_read(from, whole->question);
    if (const auto* digest = std::get_if<wire::FastReadDigest>(&message))
      heard_read(from, digest->question);
  }
  if (const auto* token = std::get_if<wire::JoinTokenReply>(&message)) return on(from, *token);
  if (const auto* reply = std::get_if<wire::Reply>(&message)) return on(from, *reply);
  if (const auto* ended = std::get_if<wire::SessionEnded>(&message))
    if (session_ && session_->id == ended->session) session_.reset();
}

void Stranger::on(ReplicaId from, const wire::JoinTokenReply& said) {
  for (const auto& session : joining_) {
    if (wire::join_digest(session->begin) != said.join) continue;
    session->tokens.insert_or_assign(from, said.token);
    const pbft::Group group{all_.run().parameters.options.replicas,
                            all_.run().parameters.options.faults};
    if (!session->ordered && session->tokens.size() >= group.weak_quorum()) order(*session);
  }
}

wire::RequestBody Stranger::join_of(const Session& session,
                                    const std::map<ReplicaId, wire::JoinToken>& tokens) {
  wire::Join join{session.begin, {}};
  for (const auto& [replica, token] : tokens) join.tokens.items.push_back(token);
  return {SessionId{0},
          RequestNumber{rng_.below(1'000)},
          session.key.public_key(),
          {wire::encode(wire::Operation{join})}};
}

void Stranger::order(Session& session) {
  session.ordered = true;
  submit(join_of(session, session.tokens), session.key);
}

void Stranger::on(ReplicaId from, const wire::Reply& said) {
  const auto* joined = std::get_if<wire::JoinedReply>(&said.outcome);
  if (joined == nullptr) return;
  Checks& checks = all_.run().checks;
  if (false_joins_.contains(said.request) && !checks.byzantine.contains(from))
    checks.violations.add("joins", replica_name(from) + " let " + name() +
                                       " in, without tokens from replicas that it had asked");
  for (const auto& session : joining_) {
    const bool mine = std::ranges::any_of(said_, [&](const Said& each) {
      return each.key.public_key() == session->key.public_key() &&
             wire::request_digest(each.body) == said.request;
    });
    if (!mine || session->id.value != 0) continue;
    auto& voices = session->given[joined->session];
    voices.insert(from);
    if (voices.size() > all_.run().parameters.options.faults) {
      session->id = joined->session;
      session->role = joined->role.text;
      session_ = session;
    }
  }
}

// ---- requests -----------------------------------------------------------------------------------

wire::RequestBody Stranger::body_of(const Session& session, std::uint64_t number,
                                    const wire::Operation& operation) {
  return {session.id, RequestNumber{number}, session.key.public_key(), {wire::encode(operation)}};
}

wire::RequestBody Stranger::next() {
  return body_of(*session_, session_->next++, workload_.next());
}

wire::RequestProof Stranger::signed_by(const crypto::Signer& key,
                                       const wire::RequestBody& body) const {
  return {key.sign(wire::request_signed_bytes(all_.view()->cluster, wire::request_digest(body)))};
}

void Stranger::provable(const wire::RequestBody& body, const crypto::Signer& key) {
  if (key.public_key() != body.signer) return;
  const Digest digest = wire::request_digest(body);
  all_.made(digest);
  proven_.insert(digest);
  said_.push_back({body, key});
  if (said_.size() > said_max) said_.pop_front();
}

std::string Stranger::text_of(const wire::RequestBody& body, const crypto::Signer& key, Proof proof,
                              node::ConnectionId id) {
  const Digest digest = wire::request_digest(body);
  all_.capricious(digest);
  wire::SubmitRequest submit{{body, {}}, std::nullopt, std::nullopt};
  Hostiles::Line* line = all_.find(id);
  const bool tagged = all_.run().parameters.choices.mac_requests && body.session.value != 0 &&
                      line != nullptr && line->channel.ready() && rng_.chance(500'000);
  if (tagged) {
    if (line->spoken_for != key.public_key()) {
      line->spoken_for = key.public_key();
      say(id, line->channel.speak_for(key));
    }
    submit.tag = line->channel.tag(digest);
    if (proof == Proof::wrong) submit.tag->front() ^= 1;
  } else {
    submit.request.proof = signed_by(key, body);
    if (proof == Proof::wrong) submit.request.proof.signature->bytes[rng_.below(64)] ^= 4;
  }
  if (proof == Proof::none) {
    submit.tag.reset();
    submit.request.proof.signature.reset();
  }
  if (proof == Proof::right) provable(body, key);
  return wire::to_json(wire::FromClient{submit});
}

void Stranger::say(node::ConnectionId line, std::string text) {
  std::vector<std::string> texts;
  texts.push_back(std::move(text));
  all_.say(line, std::move(texts));
}

void Stranger::submit(const wire::RequestBody& body, const crypto::Signer& key, Proof proof) {
  for (const auto& [replica, line] : ready()) say(line, text_of(body, key, proof, line));
}

}  // namespace prytany::sim
