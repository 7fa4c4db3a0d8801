// Attacks through a gateway (docs/decisions/0027-a-reply-bundle.md): what a replica passes on to
// the others for a client with one connection. It costs those others, too, and must cost none of
// them more than a client of its own could.
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

namespace {

std::string pass_on(ReplicaId to, const wire::ClientHello& hello) {
  return wire::to_json(wire::FromClient{wire::PassOn{to, hello}});
}
std::string pass_on(ReplicaId to, const wire::SpeakFor& claim) {
  return wire::to_json(wire::FromClient{wire::PassOn{to, claim}});
}

}  // namespace

void Stranger::errands() {
  const auto all = ready();
  const auto& [gateway, line] = all[rng_.below(all.size())];
  all_.act(Attack::errands, gateway);
  switch (rng_.below(7)) {
    case 0: return greet_by(gateway, line);
    case 1: return greet_too_often(line);
    case 2: return claims_by(gateway, line);
    case 3: return bundles_by(gateway, line, rng_.between(1, 3));
    case 4: return bundles_by(gateway, line, rng_.between(40, 150));
    case 5: return others_bundles(line);
    default: return bundled_join(line);
  }
}

/// Who is not in yet has no number that replicas could remember it by: no join may come so, neither
/// one without tokens nor one that is right.
void Stranger::bundled_join(node::ConnectionId line) {
  std::shared_ptr<Session> session;
  if (!joining_.empty() && rng_.chance(400'000)) session = joining_[rng_.below(joining_.size())];
  if (!session || session->tokens.empty()) session = begin_join();
  const wire::RequestBody join = join_of(*session, session->tokens);
  const Digest digest = wire::request_digest(join);
  all_.capricious(digest);
  const pbft::Group group{all_.run().parameters.options.replicas,
                          all_.run().parameters.options.faults};
  if (session->tokens.size() < group.weak_quorum()) false_joins_.insert(digest);
  say(line, wire::to_json(
                wire::FromClient{wire::BundleRequest{{join, signed_by(session->key, join)}, {}}}));
}

/// As a client with one connection does; then it shares a key with each of the others.
void Stranger::greet_by(ReplicaId gateway, node::ConnectionId line) {
  const auto entropy = [this](std::span<std::uint8_t> out) { rng_.fill(out); };
  for (const ReplicaId replica : all_.view()->replicas()) {
    if (replica == gateway) continue;
    client::Channel way(all_.view(), replica);
    way.connecting();
    say(line, pass_on(replica, way.hello(entropy)));
    ways_.insert_or_assign({gateway, replica}, std::move(way));
  }
}

/// To others, to the gateway itself and to nobody; of this cluster and of none.
void Stranger::greet_too_often(node::ConnectionId line) {
  std::vector<std::string> texts;
  for (std::uint64_t i = rng_.between(5, 120); i > 0; --i) {
    wire::ClientHello hello{all_.view()->cluster, rng_.bytes<32>(), rng_.bytes<16>()};
    if (rng_.chance(200'000)) hello.cluster = {};
    if (rng_.chance(100'000)) hello.key = {};
    texts.push_back(pass_on(ReplicaId{static_cast<std::uint16_t>(rng_.below(9))}, hello));
  }
  all_.say(line, std::move(texts));
}

/// For its own key, for one that is another's, and before any hello.
void Stranger::claims_by(ReplicaId gateway, node::ConnectionId line) {
  for (const ReplicaId replica : all_.view()->replicas()) {
    const auto way = ways_.find({gateway, replica});
    wire::SpeakFor claim{session_->key.public_key(), {}};
    if (way != ways_.end() && way->second.ready()) claim = way->second.speaking_for(session_->key);
    if (rng_.chance(300'000)) claim.key = some_key().public_key();
    for (std::uint64_t i = rng_.chance(200'000) ? rng_.between(65, 90) : 1; i > 0; --i)
      say(line, pass_on(replica, claim));
  }
}

void Stranger::bundles_by(ReplicaId gateway, node::ConnectionId line, std::uint64_t many) {
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < many; ++i) {
    wire::RequestBody body = next();
    // What leaves a gap waits for ever.
    if (many > limits::session_window) body.number.value += rng_.below(limits::session_window);
    all_.capricious(wire::request_digest(body));
    texts.push_back(rng_.chance(500'000) ? signed_bundle(body) : tagged_bundle(body, gateway));
    if (rng_.chance(100'000)) texts.push_back(texts.back());
  }
  // The same work brought by all.
  if (rng_.chance(200'000))
    for (const auto& [replica, other] : ready()) all_.say(other, texts);
  all_.say(line, std::move(texts));
}

std::string Stranger::signed_bundle(const wire::RequestBody& body) {
  wire::BundleRequest bundle{{body, signed_by(session_->key, body)}, {}};
  if (rng_.chance(200'000)) {
    bundle.request.proof.signature->bytes[rng_.below(64)] ^= 4;
  } else {
    provable(body, session_->key);
  }
  // Then there is nothing for them to say.
  if (rng_.chance(100'000)) bundle.tags.items.resize(rng_.below(9));
  return wire::to_json(wire::FromClient{bundle});
}

/// Right for whom it shares a key with, and not even always: some replicas can then prove the
/// request and some cannot.
std::string Stranger::tagged_bundle(const wire::RequestBody& body, ReplicaId gateway) {
  const Digest digest = wire::request_digest(body);
  wire::BundleRequest bundle{{body, {}}, {}};
  bool any_right = false;
  for (const ReplicaId replica : all_.view()->replicas()) {
    const auto way = ways_.find({gateway, replica});
    const Hostiles::Line* own = all_.find(lines_.at(gateway));
    const client::Channel* channel = nullptr;
    if (replica == gateway) channel = &own->channel;
    if (way != ways_.end() && way->second.ready()) channel = &way->second;
    crypto::Tag16 tag{};
    if (channel != nullptr && rng_.chance(800'000)) {
      tag = channel->tag(digest);
      any_right = true;
    }
    bundle.tags.items.push_back(tag);
  }
  // Such a one is for nobody, for the gateway passes it on to none.
  const std::size_t replicas = bundle.tags.size();
  if (rng_.chance(100'000)) bundle.tags.items.resize(rng_.below(9));
  const bool whole = bundle.tags.size() == replicas;
  if (any_right && whole && all_.run().parameters.choices.mac_requests)
    provable(body, session_->key);
  return wire::to_json(wire::FromClient{bundle});
}

/// What others signed, for all replicas at once; or their request with tags of mine.
void Stranger::others_bundles(node::ConnectionId line) {
  const auto& heard = all_.heard();
  if (heard.empty()) return;
  const auto parsed = wire::from_client_json(*heard[rng_.below(heard.size())]);
  const auto* submitted = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr;
  if (submitted == nullptr) return;
  wire::BundleRequest bundle{submitted->request, {}};
  const Digest digest = wire::request_digest(bundle.request.body);
  all_.capricious(digest);
  if (bundle.request.proof.signature && rng_.chance(700'000)) {
    // Signed, it is as good here as where its client said it.
    proven_.insert(digest);
  } else {
    bundle.request.proof.signature.reset();
    for (std::size_t i = 0; i < all_.view()->replicas().size(); ++i)
      bundle.tags.items.push_back(all_.find(line)->channel.tag(digest));
  }
  say(line, wire::to_json(wire::FromClient{bundle}));
}

/// Another replica's hello, or what it says to a client that it knows by the gateway alone.
void Stranger::on(ReplicaId gateway, const wire::PassedBack& said) {
  const auto way = ways_.find({gateway, said.from});
  if (way == ways_.end()) return;
  const auto message =
      std::visit([&](const auto& m) { return way->second.hear(wire::ToClient{m}, said.voice.tag); },
                 said.voice.message);
  if (message && *message) heard(said.from, **message);
}

}  // namespace prytany::sim
