#include "tests/sim/byzantine/mouth.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/wire/client_json.h"

namespace prytany::sim {

namespace {

/// Seeds of connections whose hello has not left yet.
constexpr std::size_t seeds_max = 64;
constexpr std::string_view request_begins = R"({"type":"request")";

}  // namespace

void Strategy::speak(ReplicaId, Words&, Mouth&) {}
void Strategy::hear(ReplicaId, const wire::PeerMessage&, Mouth&) {}
void Strategy::tick(Mouth&) {}
void Strategy::asked(const wire::FastRead&, Mouth&) {}
void Strategy::requested(const wire::ClientRequest&, Mouth&) {}
void Strategy::confided(const wire::ClientRequest&, Mouth&) {}
bool Strategy::answer(wire::ToClient&, Mouth&) { return true; }

Mouth::Mouth(Run run, Machine& machine, Outside& outside, Plot& plot, const Liar& liar, Rng rng)
    : run_(run), machine_(machine), outside_(outside), plot_(plot), rng_(rng) {
  for (const Lie lie : liar.lies) strategies_.push_back(make_strategy(lie, plot_, rng_));
}

// ---- what its process has and does --------------------------------------------------------------

void Mouth::link_up(ReplicaId peer, wire::LinkKeys& keys) {
  keys_.erase(peer);
  keys_.emplace(peer, std::exchange(keys.send, crypto::Mac(crypto::MacKey{})));
}
void Mouth::link_down(ReplicaId peer) { keys_.erase(peer); }

void Mouth::died() {
  keys_.clear();
  clients_.clear();
  seeds_.clear();
}

void Mouth::drew(ByteView random) {
  crypto::DhSecret::Seed seed{};
  if (random.size() != seed.size()) return;
  std::copy(random.begin(), random.end(), seed.begin());
  seeds_.push_back(seed);
  if (seeds_.size() > seeds_max) seeds_.pop_front();
}

void Mouth::frame(ReplicaId to, Time departs, ByteView sealed) {
  auto messages = messages_of(sealed);
  ENSURE(messages);
  wire::Reader header(sealed.subspan(sizeof(std::uint32_t) + sizeof(std::uint8_t)));
  config_ = ConfigNumber{header.number<std::uint64_t>()};
  Words words;
  for (wire::PeerMessage& message : *messages) {
    learn(message);
    words.push_back({std::move(message)});
  }
  const Words truth = words;
  for (const auto& strategy : strategies_) strategy->speak(to, words, *this);
  if (words != truth) ++lies_told_;
  utter(to, departs, words);
}

/// What can go together does; what is late or apart has a frame of its own.
void Mouth::utter(ReplicaId to, Time departs, const Words& words) {
  std::vector<std::shared_ptr<const wire::EncodedMessage>> together;
  for (const Word& word : words) {
    auto encoded = std::make_shared<const wire::EncodedMessage>(wire::encode_message(word.message));
    if (word.after_us == 0 && !word.apart && !word.mistagged) {
      together.push_back(std::move(encoded));
    } else {
      seal(to, departs + word.after_us, {std::move(encoded)}, word.mistagged);
    }
  }
  if (!together.empty()) seal(to, departs, together);
}

void Mouth::seal(ReplicaId to, Time departs,
                 const std::vector<std::shared_ptr<const wire::EncodedMessage>>& messages,
                 bool mistagged) {
  const auto key = keys_.find(to);
  if (key == keys_.end()) return;
  Bytes sealed = wire::seal(config_, key->second, messages);
  // The tag comes last (server/wire/frame.h).
  if (mistagged) sealed.back() ^= 1;
  if (run_.trace.has_reader())
    run_.trace.say(run_.queue.now(), replica_name(self()),
                   "lies or not to " + replica_name(to) + ": " + describe_frame(sealed));
  run_.checks.frame_left(self(), sealed);
  outside_.frame_departs(self(), to, departs, std::move(sealed));
}

// ---- clients ------------------------------------------------------------------------------------

void Mouth::client_text(node::ConnectionId from, std::string_view text) {
  // Of all others only what somebody asks is of interest.
  const bool asks = text.starts_with(R"({"type":"fast_read")") || text.starts_with(request_begins);
  if (clients_[from].hello && !asks) return;
  const auto parsed = wire::from_client_json(text);
  if (!parsed) return;
  if (const auto* asked = std::get_if<wire::FastRead>(&*parsed))
    for (const auto& strategy : strategies_) strategy->asked(*asked, *this);
  if (const auto* submit = std::get_if<wire::SubmitRequest>(&*parsed))
    for (const auto& strategy : strategies_) strategy->requested(submit->request, *this);
  if (clients_[from].hello) return;
  if (const auto* hello = std::get_if<wire::ClientHello>(&*parsed)) clients_[from].hello = *hello;
}

void Mouth::confided(std::string_view text) {
  if (!text.starts_with(request_begins)) return;
  const auto parsed = wire::from_client_json(text);
  const auto* submit = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr;
  if (submit == nullptr) return;
  for (const auto& strategy : strategies_) strategy->confided(submit->request, *this);
}

/// The process's secret is one of those that it drew.
void Mouth::greeted(Client& client, const wire::ServerHello& hello) {
  if (!client.hello) return;
  for (const crypto::DhSecret::Seed& seed : seeds_) {
    const crypto::DhSecret secret(seed);
    if (secret.public_key() != hello.key) continue;
    const auto key = wire::client_tag_key(secret, client.hello->key, *client.hello, hello);
    if (key) client.key.emplace(*key);
    return;
  }
}

void Mouth::text(node::ConnectionId to, Time departs, std::string text) {
  auto parsed = wire::to_client_json(text);
  ENSURE(parsed);
  Client& client = clients_[to];
  if (const auto* hello = std::get_if<wire::ServerHello>(&parsed->message)) greeted(client, *hello);
  if (!client.key || !parsed->tag)
    return outside_.text_departs(self(), to, departs, std::move(text));
  const wire::ToClient truth = parsed->message;
  for (const auto& strategy : strategies_)
    if (!strategy->answer(parsed->message, *this)) {
      ++lies_told_;
      return;
    }
  if (parsed->message != truth) ++lies_told_;
  leave(to, departs, client, parsed->message);
}

void Mouth::leave(node::ConnectionId to, Time departs, Client& client,
                  const wire::ToClient& message) {
  const crypto::Tag16 tag = client.key->tag(wire::tagged_bytes(plot_.cluster, self(), message));
  outside_.text_departs(self(), to, departs, wire::to_json(wire::TaggedToClient{message, tag}));
}

void Mouth::tell(node::ConnectionId to, const wire::ToClient& message) {
  const auto client = clients_.find(to);
  if (client == clients_.end() || !client->second.key) return;
  ++lies_told_;
  leave(to, run_.queue.now(), client->second, message);
}

std::vector<node::ConnectionId> Mouth::clients() const {
  std::vector<node::ConnectionId> all;
  for (const auto& [id, client] : clients_)
    if (client.key) all.push_back(id);
  return all;
}

// ---- for strategies -----------------------------------------------------------------------------

wire::Membership Mouth::membership() const {
  wire::Membership group;
  group.cluster = plot_.cluster;
  group.config = config_;
  return group;
}

void Mouth::sign_anew(wire::PeerMessage& message) const {
  std::visit(
      [&](auto& m) {
        if constexpr (requires { m.signature; }) m = sign(m.message);
      },
      message);
}

void Mouth::say(ReplicaId to, const wire::PeerMessage& message) {
  ++lies_told_;
  utter(to, run_.queue.now(), {{message}});
}
void Mouth::say_to_all(const wire::PeerMessage& message) {
  for (const ReplicaId peer : peers()) say(peer, message);
}
void Mouth::say_bytes(ReplicaId to, Bytes message) {
  ++lies_told_;
  const Digest digest = crypto::sha256(message);
  seal(to, run_.queue.now(),
       {std::make_shared<const wire::EncodedMessage>(
           wire::EncodedMessage{std::move(message), digest})});
}

void Mouth::later(std::uint64_t microseconds, std::function<void()> what) {
  run_.queue.after(microseconds, std::move(what));
}
void Mouth::hang_up() {
  ++lies_told_;
  later(0, [this] { outside_.hangs_up(self()); });
}

std::vector<ReplicaId> Mouth::peers() const {
  std::vector<ReplicaId> all;
  for (const auto& [peer, key] : keys_) all.push_back(peer);
  return all;
}

void Mouth::learn(const wire::PeerMessage& message) {
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { m.view; } && requires { m.seq; }) {
          view_ = std::max(view_, m.view);
          seq_ = std::max(seq_, m.seq);
        }
      },
      message);
  if (const auto* entered = std::get_if<wire::Signed<wire::NewView>>(&message))
    view_ = std::max(view_, entered->message.view);
}

void Mouth::heard(ReplicaId from, ByteView frame) {
  const auto messages = messages_of(frame);
  if (!messages) return;  // another one that lies
  for (const wire::PeerMessage& message : *messages) {
    if (!plot_.liars.contains(from)) learn(message);
    for (const auto& strategy : strategies_) strategy->hear(from, message, *this);
  }
}

void Mouth::tick() {
  if (keys_.empty()) return;
  for (const auto& strategy : strategies_) strategy->tick(*this);
}

// ---- all of them --------------------------------------------------------------------------------

Mouths::Mouths(Run run, std::deque<Machine>& machines, Outside& outside, const Plot& plot)
    : run_(run), rng_(run.parameters.options.seed, 22), plot_(plot) {
  for (const Liar& liar : run.parameters.liars) {
    Machine& machine = machines[liar.replica.value];
    plot_.liars.insert(liar.replica);
    // Others saw votes of it that are not its process's.
    machine.may_find = {Finding::votes};
    machine.mouth = &mouths_.emplace_back(run, machine, outside, plot_, liar, Rng(rng_.next()));
  }
}

void Mouths::start() {
  for (Mouth& mouth : mouths_) tick_later(mouth, rng_.between(10'000, 150'000));
}

std::uint64_t Mouths::lies_told() const {
  std::uint64_t told = 0;
  for (const Mouth& mouth : mouths_) told += mouth.lies_told();
  return told;
}

void Mouths::confide(const wire::ClientRequest& request) {
  confided_.insert(wire::request_digest(request.body));
  plot_.confided.push_back(request);
  if (plot_.confided.size() > Plot::confided_max) plot_.confided.pop_front();
}

void Mouths::tick_later(Mouth& mouth, std::uint64_t every_us) {
  run_.queue.after(1 + rng_.exponential(every_us), [this, &mouth, every_us] {
    mouth.tick();
    tick_later(mouth, every_us);
  });
}

}  // namespace prytany::sim
