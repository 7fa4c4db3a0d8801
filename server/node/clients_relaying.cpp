// Clients that keep one connection (docs/decisions/0027-a-reply-bundle.md). Here is both ends of
// the road: the gateway, which passes on and gathers, and the replica beyond it, for which such a
// client is a connection like any other but for how its words travel.
#include <algorithm>

#include "server/node/clients.h"

namespace prytany::node {
namespace {

constexpr std::size_t bundles_per_connection_max = 4 * limits::session_window;
/// A larger reply goes at once, and the others' words after it: so much is kept for each at most.
constexpr std::size_t bundled_bytes_max = 16 << 10;
/// Some may never hear the others' words: of one connection, and of all together.
constexpr std::size_t gathered_bytes_of_one_max = 1 << 20;
constexpr std::size_t gathered_bytes_max = 64 << 20;
constexpr std::size_t gathering_bytes = 512;  // a bundle's own, about, whatever the reply
constexpr std::size_t relayed_numbers_max = 1 << 18;
/// As many as a gateway takes clients.
constexpr std::size_t roads_per_gateway_max = limits::client_connections_max;
/// A hello costs a hundred microseconds, and here no new connection that would be counted.
constexpr std::uint64_t hello_pause_us = 500'000;
constexpr Turnstile::Rule greetings_of_host = {500, 100};
constexpr Turnstile::Rule greetings_of_all = {1000, 200};
/// So many a gateway may bring: what a correct one lets through, and a tenth, for clocks differ.
constexpr Turnstile::Rule greetings_of_gateway = {1100, 220};
constexpr std::size_t answers_max = 2 * bundles_per_connection_max;
constexpr std::size_t relay_bytes_max = 256 << 10;

template <class... Fs>
struct Cases : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Cases(Fs...) -> Cases<Fs...>;

std::size_t bytes_of(const wire::Relayed& item) {
  const auto* const asked = std::get_if<wire::BundleRequest>(&item.message);
  return asked == nullptr ? 0 : asked->request.body.operation.bytes.size();
}

std::size_t values_of(const wire::ResultSet& results) {
  return results.rows.size() * results.columns.size();
}

/// What a reply takes in memory, about: a NULL is one byte on the wire.
std::size_t held_by(const wire::Outcome& outcome) {
  std::size_t values = 0;
  if (const auto* const results = std::get_if<wire::ResultSets>(&outcome)) {
    for (const wire::ResultSet& each : results->items) values += values_of(each);
  } else if (const auto* const steps = std::get_if<wire::StepResults>(&outcome)) {
    for (const auto& step : steps->items)
      if (const auto* const each = std::get_if<wire::ResultSet>(&step)) values += values_of(*each);
  }
  return wire::encode(outcome).size() + values * sizeof(wire::Value);
}

}  // namespace

// ---- the gateway ------------------------------------------------------------------------------

Clients::Wish Clients::on(ConnectionId id, Connection& c, const wire::PassOn& passing) {
  if (passing.to == setting_.self || passing.to.value >= setting_.membership.replica_keys.size())
    return refuse(id, c, {}, "malformed", "to: not another replica");
  Passed& passed = c.passed[passing.to];
  wire::Relayed item{id.value, {}};
  if (const auto* const hello = std::get_if<wire::ClientHello>(&passing.message)) {
    const Time now = setting_.clock.now();
    if (now < passed.hello_again)
      return refuse(id, c, {}, "overloaded", "so many hellos are not passed on");
    if (!may_greet(passing.to, c.host, now))
      return refuse(id, c, {}, "overloaded", "so many hellos of one host are not passed on");
    passed.hello_again = now + hello_pause_us;
    passed.may_speak = limits::connection_sessions_max;
    item.message = *hello;
  } else {
    // It is checked there as a signature, at a time that is ours and not this client's. The first
    // belongs to its hello.
    const bool first = passed.may_speak == limits::connection_sessions_max;
    if (passed.may_speak == 0 || (!first && !may_greet(passing.to, c.host, setting_.clock.now())))
      return refuse(id, c, {}, "overloaded", "so many speak_for are not passed on after a hello");
    --passed.may_speak;
    item.message = std::get<wire::SpeakFor>(passing.message);
  }
  allow_answers(passed);
  relay_.emplace_back(passing.to, std::move(item));
  return Nothing{};
}

/// Of clients of one host, and of all, that are brought to one replica: it has the work.
bool Clients::may_greet(ReplicaId to, const std::string& host, Time now) {
  const auto door = hellos_.try_emplace(to, greetings_of_host, greetings_of_all).first;
  return door->second.admit(host, now);
}

/// A replica may say no more to somebody else's client than it was asked: what a client does not
/// read in time costs it its connection.
void Clients::allow_answers(Passed& passed) {
  passed.answers = std::min(passed.answers + 2, answers_max);
}

Clients::Wish Clients::on(ConnectionId id, Connection& c, wire::BundleRequest asked,
                          wire::Verifier& verifier) {
  const wire::RequestBody& body = asked.request.body;
  const Digest digest = wire::request_digest(body);
  const SessionId session = body.session;
  const std::size_t replicas = setting_.membership.replica_keys.size();
  if (session.value == 0 || (!asked.tags.empty() && asked.tags.size() != replicas))
    return refuse(id, c, digest, "malformed", "no join, and a tag for each replica or none");
  // Whoever asks again asks everybody: so nobody makes us repeat what others have long had.
  const bool repeated = !may_relay(body) || known_reply(body, digest).has_value();
  if (repeated || body.operation.bytes.size() > limits::bundled_request_bytes_max)
    return refuse(id, c, digest, "not_bundled", "too large, or asked before: ask all replicas");
  // Nobody reads what a mute replica says; and a bundle needs others' words.
  if (silent_ || c.passed.size() < others_wanted() ||
      gathered_ + gathering_bytes > gathered_bytes_max)
    return refuse(id, c, digest, "not_bundled", "this replica cannot bring others: ask all");
  if (const auto code = setting_.executor.refuse(body)) {
    // Who is behind is no good gateway: its client asks everybody, and knows whom it leaves.
    const bool behind = *code == "unknown_session";
    return refuse(id, c, digest, behind ? "not_bundled" : *code, "this replica will not bundle it");
  }
  wire::SubmitRequest submit{asked.request, setting_.self};
  if (!asked.tags.empty()) submit.tag = asked.tags.items[setting_.self.value];
  auto checked = prove(id, c, digest, std::move(submit), verifier);
  if (!checked) return Nothing{};
  if (c.bundles.size() >= bundles_per_connection_max || !wait(id, c, digest, setting_.self))
    return refuse(id, c, digest, "overloaded", "too many requests are waiting on this connection");
  c.bundles[digest].room = Room(gathered_, gathering_bytes);
  relayed_[session].push_back(body.number);
  ++relayed_numbers_;
  saw(session, id);
  for (auto& [to, passed] : c.passed) allow_answers(passed);
  // The same for all, with everybody's tags: it is encoded and hashed once.
  relay_.emplace_back(std::nullopt, wire::Relayed{id.value, std::move(asked)});
  return Submit{*std::move(checked)};
}

/// Their tags say nothing to us, and f of them may be wrong: then as many are right.
std::size_t Clients::others_wanted() const { return 2 * (setting_.weak_quorum - 1); }

void Clients::say_own(ConnectionId id, Connection& c, const wire::Reply& reply) {
  const auto found = c.bundles.find(reply.request);
  Gathering& gathering = found->second;
  gathering.said = wire::reply_digest(setting_.membership.cluster, reply);
  const std::size_t bytes = held_by(reply.outcome);
  if (bytes <= bundled_bytes_max && gathered_ + bytes <= gathered_bytes_max &&
      *c.gathered + bytes <= gathered_bytes_of_one_max) {
    gathering.own = reply;
    gathering.reply_room = Room(gathered_, bytes);
    gathering.reply_room_here = Room(*c.gathered, bytes);
  } else {
    send(id, c, reply);
  }
  weigh(id, c, found);
}

void Clients::relayed_back(ReplicaId from, const wire::RelayedVoice& said) {
  const ConnectionId id{said.connection};
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second.road) return;
  Connection& c = found->second;
  const auto passed = c.passed.find(from);
  if (passed == c.passed.end()) return;
  if (const auto* const digest = std::get_if<wire::ReplyDigest>(&said.voice.message)) {
    const auto gathering = c.bundles.find(digest->request);
    if (gathering == c.bundles.end() || !said.voice.tag) return;
    auto& others = gathering->second.others;
    const auto same = [from](const auto& other) { return other.first == from; };
    if (std::ranges::any_of(others, same)) return;  // one voice each
    others.emplace_back(from, said.voice);
    return weigh(id, c, gathering);
  }
  if (passed->second.answers == 0) return;
  --passed->second.answers;
  send(id, c, wire::PassedBack{from, said.voice});
}

/// Sends what can be sent, and forgets it then.
void Clients::weigh(ConnectionId id, Connection& c,
                    std::map<Digest, Gathering>::iterator gathering) {
  Gathering& g = gathering->second;
  if (!g.said) return;
  const std::size_t wanted = others_wanted();
  if (!g.own) {  // it was sent
    for (; g.passed_back < g.others.size(); ++g.passed_back) {
      const auto& [from, voice] = g.others[g.passed_back];
      send(id, c, wire::PassedBack{from, voice});
      g.alike += std::get<wire::ReplyDigest>(voice.message).reply == *g.said ? 1U : 0U;
    }
    // Enough to be believed, for all that we can see: others may be silent for ever.
    if (g.alike >= wanted) c.bundles.erase(gathering);
    return;
  }
  wire::Bundle bundle;
  for (const auto& [from, voice] : g.others) {
    const auto& digest = std::get<wire::ReplyDigest>(voice.message);
    // Who says otherwise proves nothing of our reply, and we cannot know who is right.
    if (digest.reply == *g.said && bundle.others.size() < wanted)
      bundle.others.items.push_back({from, *voice.tag});
  }
  if (bundle.others.size() < wanted) return;
  bundle.reply = *std::move(g.own);
  const wire::ReplyDigest own{bundle.reply.session, bundle.reply.number, bundle.reply.request,
                              *g.said};
  const auto tag = c.key->tag(wire::tagged_bytes(setting_.membership.cluster, setting_.self, own));
  c.bundles.erase(gathering);
  deliver(id, c, wire::TaggedToClient{std::move(bundle), tag});
}

std::vector<Clients::ToReplica> Clients::take_relayed() {
  std::vector<ToReplica> out;
  std::size_t bytes = 0;
  for (auto& [to, item] : std::exchange(relay_, {})) {
    auto* last = out.empty() ? nullptr : std::get_if<wire::Relay>(&out.back().second);
    bytes += bytes_of(item);
    if (last == nullptr || out.back().first != to || bytes > relay_bytes_max ||
        last->items.size() >= limits::relayed_max) {
      last = &std::get<wire::Relay>(out.emplace_back(to, wire::Relay{}).second);
      bytes = bytes_of(item);
    }
    last->items.items.push_back(std::move(item));
  }
  for (auto& [gateway, voices] : std::exchange(relay_back_, {})) {
    wire::RelayBack* last = nullptr;
    for (wire::RelayedVoice& voice : voices) {
      if (last == nullptr || last->items.size() >= limits::relayed_max)
        last = &std::get<wire::RelayBack>(out.emplace_back(gateway, wire::RelayBack{}).second);
      last->items.items.push_back(std::move(voice));
    }
  }
  return out;
}

void Clients::leave_roads(ConnectionId id, const Connection& c) {
  for (const auto& [to, passed] : c.passed)
    relay_.emplace_back(to, wire::Relayed{id.value, wire::Gone{}});
  if (!c.road) return;
  roads_.erase(*c.road);
  const auto from = roads_from_.find(c.road->first);
  if (--from->second == 0) roads_from_.erase(from);
}

/// Not what was passed on already, nor more of one session than its window: what others never took,
/// such as requests with wrong tags, its client must ask of all.
bool Clients::may_relay(const wire::RequestBody& body) const {
  if (relayed_numbers_ >= relayed_numbers_max) return false;
  const auto of_it = relayed_.find(body.session);
  return of_it == relayed_.end() ||
         (of_it->second.size() < limits::session_window &&
          std::ranges::find(of_it->second, body.number) == of_it->second.end());
}

void Clients::forget_relayed(SessionId session) {
  const auto of_it = relayed_.find(session);
  if (of_it == relayed_.end()) return;
  relayed_numbers_ -= of_it->second.size();
  relayed_.erase(of_it);
}

void Clients::forget_relayed(SessionId session, RequestNumber number) {
  const auto of_it = relayed_.find(session);
  if (of_it == relayed_.end()) return;
  relayed_numbers_ -= std::erase(of_it->second, number);
  if (of_it->second.empty()) relayed_.erase(of_it);
}

// ---- beyond it --------------------------------------------------------------------------------

/// A gateway may be faulty, and bring greetings without end.
bool Clients::may_bring(ReplicaId gateway) {
  const auto door = brought_.try_emplace(gateway, greetings_of_gateway, greetings_of_gateway).first;
  const bool may = door->second.admit("", setting_.clock.now());
  if (!may) ++refused_;
  return may;
}

Clients::Wish Clients::relayed(ReplicaId gateway, const wire::Relayed& said,
                               wire::Verifier& verifier) {
  const std::pair road{gateway, said.connection};
  const auto found = roads_.find(road);
  if (const auto* const hello = std::get_if<wire::ClientHello>(&said.message)) {
    if (!may_bring(gateway)) return Nothing{};
    if (found != roads_.end()) closed(found->second);  // it begins anew
    const std::size_t mine = roads_from_.contains(gateway) ? roads_from_.at(gateway) : 0;
    if (mine >= roads_per_gateway_max) {
      ++refused_;
      return Nothing{};
    }
    const ConnectionId id{++last_road_};
    connected(id, "");
    Connection& c = connections_.at(id);
    c.road = road;
    roads_.emplace(road, id);
    ++roads_from_[gateway];
    return on(id, c, *hello);
  }
  if (found == roads_.end()) {
    const auto* const asked = std::get_if<wire::BundleRequest>(&said.message);
    if (asked == nullptr) return Nothing{};
    ++refused_;
    relay_back_[gateway].push_back(
        {said.connection,
         {wire::Refused{wire::request_digest(asked->request.body),
                        {"hello_first"},
                        {"this replica has not met the client of this connection"}},
          std::nullopt}});
    return Nothing{};
  }
  const ConnectionId id = found->second;
  Connection& c = connections_.at(id);
  return std::visit(
      Cases{[&](const wire::ClientHello&) -> Wish { return Nothing{}; },
            [&](const wire::SpeakFor& speak) -> Wish {
              // As the gateway counts: the first belongs to its hello.
              if (c.key && (!std::exchange(c.spoke, true) || may_bring(gateway)))
                return on(id, c, speak);
              return Nothing{};
            },
            [&](const wire::BundleRequest& asked) -> Wish {
              const Digest digest = wire::request_digest(asked.request.body);
              if (!c.key) return refuse(id, c, digest, "hello_first", "its hello was refused");
              if (asked.request.body.session.value == 0)
                return refuse(id, c, digest, "malformed", "a join needs a connection of its own");
              wire::SubmitRequest submit{asked.request, gateway};  // who sends the whole reply
              if (asked.tags.size() > setting_.self.value)
                submit.tag = asked.tags.items[setting_.self.value];
              return on(id, c, std::move(submit), verifier);
            },
            [&](const wire::Gone&) -> Wish {
              closed(id);
              return Nothing{};
            }},
      said.message);
}

void Clients::relay_back(const Connection& c, const wire::TaggedToClient& message) {
  const auto put = [&](const auto& said) {
    if constexpr (requires { wire::Voice{said, message.tag}; })
      relay_back_[c.road->first].push_back({c.road->second, {said, message.tag}});
    // Nothing else can be asked for on this road.
  };
  std::visit(put, message.message);
}

void Clients::gateway_gone(ReplicaId gateway) {
  auto road = roads_.lower_bound({gateway, 0});
  while (road != roads_.end() && road->first.first == gateway) {
    const ConnectionId id = road->second;
    ++road;
    closed(id);
  }
  relay_back_.erase(gateway);
}

}  // namespace prytany::node
