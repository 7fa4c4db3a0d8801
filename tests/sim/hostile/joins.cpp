// Attacks by those who come and go.
#include <algorithm>
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

/// A connection beside the others, on which something that should not be is said, or nothing.
void Stranger::comings_and_goings() {
  constexpr std::size_t extra_max = 24;
  const auto all = ready();
  const ReplicaId replica = all[rng_.below(all.size())].first;
  all_.act(Attack::comings_and_goings, replica);
  if (extra_.size() >= extra_max || rng_.chance(300'000)) {
    if (!extra_.empty()) all_.hang_up(*extra_.begin());
    return;
  }
  const std::uint64_t kind = rng_.below(6);
  const std::string address = "10.66.1." + std::to_string(rng_.below(200));
  all_.dial(*this, replica, address, [this, kind](node::ConnectionId id) {
    extra_.insert(id);
    wire::ClientHello hello{all_.view()->cluster, {}, rng_.bytes<16>()};
    const auto entropy = [this](std::span<std::uint8_t> out) { rng_.fill(out); };
    client::Channel& channel = all_.find(id)->channel;
    switch (kind) {
      case 0: return;  // not a word
      case 1: return say(id, channel.greet(entropy));
      case 2: {
        const std::string once = channel.greet(entropy);
        return all_.say(id, {once, once, R"({"type":"status","id":"1"})"});
      }
      case 3: return say(id, wire::to_json(wire::FromClient{hello}));  // a key of small order
      case 4: {
        hello.cluster = crypto::sha256(as_bytes("elsewhere"));
        rng_.fill(hello.key);
        return say(id, wire::to_json(wire::FromClient{hello}));
      }
      default: say(id, R"({"type":"status","id":"1"})"); return all_.hang_up(id);
    }
  });
}

/// What no host alone can do: so many joins that wait at once, each with a turn of its own. Whether
/// a join is any good is found when it is executed.
void Stranger::crowds() {
  constexpr std::size_t lines_max = 400;
  if (crowd_.size() >= lines_max) return;
  (void)target(Attack::crowds);
  const std::map<ReplicaId, wire::JoinToken> tokens =
      joining_.empty() ? std::map<ReplicaId, wire::JoinToken>{} : joining_.back()->tokens;
  struct Member {
    crypto::Signer key;
    wire::RequestBody join;
    std::string address;
  };
  std::vector<Member> members;
  const std::uint64_t many = rng_.between(8, 64);
  for (std::uint64_t i = 0; i < many; ++i) {
    Session one(some_key());
    one.begin.session_key = one.key.public_key();
    one.begin.nonce = rng_.bytes<16>();
    one.begin.identification = {{"key"}, {name()}, credential_.public_key(), {}};
    const wire::RequestBody join = join_of(one, tokens);
    false_joins_.insert(wire::request_digest(join));
    members.push_back({one.key, join, "10.77." + std::to_string(index_) + "." + std::to_string(i)});
  }
  // Each replica hears them in another order: whoever is first here may be last at the primary.
  for (const auto& [replica, line] : ready()) {
    for (std::size_t i = members.size(); i > 1; --i)
      std::swap(members[i - 1], members[rng_.below(i)]);
    for (const Member& each : members) come_and_join(replica, each.address, each.join, each.key);
  }
}

void Stranger::come_and_join(ReplicaId replica, const std::string& address,
                             const wire::RequestBody& join, const crypto::Signer& key) {
  // Longer than a replica waits before it asks whether somebody still does, or not so long.
  const std::uint64_t stays_us = rng_.between(300'000, 4'000'000);
  all_.dial(*this, replica, address, [this, join, key, stays_us](node::ConnectionId id) {
    crowd_.insert(id);
    say(id, text_of(join, key, Proof::right, id));
    all_.run().queue.after(stays_us, [this, id] { all_.hang_up(id); });
  });
}

/// Phase two without an honest phase one.
void Stranger::false_joins() {
  (void)target(Attack::false_joins);
  if (rng_.chance(250'000)) return one_voice_often();
  if (rng_.chance(300'000)) {
    // Many that ask for tokens, and never come back.
    for (int i = 0; i < 6; ++i) (void)begin_join();
    return;
  }
  Session liar(some_key());
  liar.begin.session_key = liar.key.public_key();
  liar.begin.nonce = rng_.bytes<16>();
  liar.begin.identification = {{"key"}, {name()}, credential_.public_key(), {}};
  if (rng_.chance(500'000))
    liar.begin.identification.signature =
        credential_.sign(wire::credential_signed_bytes(all_.view()->cluster, liar.begin));
  std::map<ReplicaId, wire::JoinToken> tokens;
  if (!joining_.empty()) tokens = joining_[rng_.below(joining_.size())]->tokens;  // of another join
  if (rng_.chance(300'000)) {
    wire::JoinToken forged{ReplicaId{0}, {"10.0.0.1"}, AgreedTime{1'750'000'030'000'000}, {}};
    for (std::uint16_t i = 0; i < 3; ++i) {
      forged.replica = ReplicaId{i};
      rng_.fill(forged.signature.bytes);
      tokens.insert_or_assign(forged.replica, forged);
    }
  }
  if (rng_.chance(200'000)) tokens.clear();
  wire::RequestBody body = join_of(liar, tokens);
  if (rng_.chance(100'000)) body.operation = {rng_.chance(500'000) ? Bytes{0xFF, 1} : Bytes{}};
  if (rng_.chance(100'000)) body.operation = {wire::encode(wire::Operation{wire::Leave{}})};
  false_joins_.insert(wire::request_digest(body));
  submit(body, liar.key);
}

/// One replica's token, as many times as there are replicas; of a join that has no other, so that
/// nothing but this is wrong with it.
void Stranger::one_voice_often() {
  if (!lonely_ || lonely_->tokens.empty()) {
    lonely_ = begin_join();
    lonely_->ordered = true;  // not when the others' tokens arrive
    return;
  }
  const std::shared_ptr<Session> session = std::exchange(lonely_, nullptr);
  const auto latest = std::ranges::max_element(
      session->tokens, {}, [](const auto& each) { return each.second.expires.value; });
  wire::Join join{session->begin, {}};
  join.tokens.items.assign(all_.view()->replicas().size(), latest->second);
  const wire::RequestBody body{SessionId{0},
                               RequestNumber{rng_.below(1'000)},
                               session->key.public_key(),
                               {wire::encode(wire::Operation{join})}};
  false_joins_.insert(wire::request_digest(body));
  submit(body, session->key);
}

/// One credential, two keys at once: one of the sessions ends the other. The one that lost goes on,
/// and its join is said again.
void Stranger::join_races() {
  (void)target(Attack::join_races);
  const std::shared_ptr<Session> one = begin_join();
  const std::shared_ptr<Session> other = begin_join();
  if (!in()) session_ = one;
  for (const auto& session : joining_) {
    if (session == one || session == other || session->tokens.empty()) continue;
    if (rng_.chance(300'000)) submit(join_of(*session, session->tokens), session->key);
    if (session->id.value != 0 && session != session_ && rng_.chance(300'000))
      submit(body_of(*session, session->next++, workload_.next()), session->key);
  }
}

}  // namespace prytany::sim
