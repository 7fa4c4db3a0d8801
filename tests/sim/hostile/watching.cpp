// Attacks with subscriptions (docs/reference/subscriptions.md): a session's changes are told to who
// signed for them with its key, on that connection and on no other; places and turns are bounded.
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/account_book.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

namespace {

/// Whose session somebody else named in what it said, and with which key.
std::optional<wire::SubscribeBody> watcher_in(const wire::FromClient& said) {
  const auto of = [](const auto& body) {
    return wire::SubscribeBody{0, body.session, body.signer, {}};
  };
  if (const auto* request = std::get_if<wire::SubmitRequest>(&said))
    return of(request->request.body);
  if (const auto* bundle = std::get_if<wire::BundleRequest>(&said)) return of(bundle->request.body);
  if (const auto* read = std::get_if<wire::FastRead>(&said)) return of(read->body);
  if (const auto* subscribe = std::get_if<wire::Subscribe>(&said)) return subscribe->body;
  return std::nullopt;
}

/// More than may be written any other way.
std::string with_more_topics(std::string text, const std::string& topics) {
  return text.insert(text.find('[') + 1, topics);
}

}  // namespace

void Stranger::watching() {
  const node::ConnectionId id = target(Attack::watching);
  switch (rng_.below(8)) {
    case 0: return watch_again(id);
    case 1: return watch_odd_topics(id);
    case 2: return watch_often(id);
    case 3: return ask_for_more(id);
    case 4: return say(id, subscribe_text(watchable(), id, Proof::wrong));
    default: return watch_others(id);
  }
}

/// Topics that there are, most often.
wire::SubscribeBody Stranger::watchable() {
  wire::SubscribeBody body{rng_.next(), session_->id, session_->key.public_key(), {}};
  for (const std::string_view topic : topic_names())
    if (rng_.chance(500'000)) body.topics.items.push_back({std::string(topic)});
  if (body.topics.empty()) body.topics.items.push_back({std::string(topic_names().front())});
  if (rng_.chance(50'000)) body.topics.items.push_back({"of nothing"});
  return body;
}

/// Signed by its own key, whatever the subscription says; rightly, it may be told, and here alone.
std::string Stranger::subscribe_text(const wire::SubscribeBody& body, node::ConnectionId id,
                                     Proof proof) {
  std::optional<std::uint64_t> after;
  if (rng_.chance(300'000)) after = rng_.chance(800'000) ? 0 : rng_.next();
  const std::string text = all_.find(id)->channel.subscribe(session_->key, body, after);
  if (proof == Proof::right) {
    if (body.session == session_->id && body.signer == session_->key.public_key())
      proven_watches_.emplace(id, wire::subscription_digest(body));
    return text;
  }
  auto parsed = wire::from_client_json(text);
  crypto::Signature& signature = std::get<wire::Subscribe>(*parsed).signature;
  if (proof == Proof::wrong) signature.bytes[rng_.below(signature.bytes.size())] ^= 4;
  if (proof == Proof::none) signature = {};
  return wire::to_json(*parsed);
}

/// Another's session: with its key and a signature of mine, or none; with my key; its key in a
/// session of mine; its very words; and what it alone may ask for or end.
void Stranger::watch_others(node::ConnectionId id) {
  const auto& heard = all_.heard();
  if (heard.empty()) return;
  const std::string& text = *heard[rng_.below(heard.size())];
  const auto parsed = wire::from_client_json(text);
  if (!parsed) return;
  const auto theirs = watcher_in(*parsed);
  // What was asked before its session was known names none.
  if (!theirs || theirs->session.value == 0 || theirs->session == session_->id) return;
  if (!theirs->topics.empty() && rng_.chance(300'000)) return say(id, text);
  wire::SubscribeBody body = watchable();
  if (!theirs->topics.empty() && rng_.chance(500'000)) body = *theirs;
  body.session = theirs->session;
  body.signer = theirs->signer;
  const std::uint64_t kind = rng_.below(5);
  if (kind == 0) body.signer = session_->key.public_key();
  if (kind == 1) body.session = session_->id;
  say(id, subscribe_text(body, id, rng_.chance(800'000) ? Proof::right : Proof::none));
  const Digest question = wire::subscription_digest(body);
  if (rng_.chance(300'000)) say(id, wire::to_json(wire::FromClient{wire::More{question}}));
  if (rng_.chance(100'000)) say(id, wire::to_json(wire::FromClient{wire::Unsubscribe{question}}));
}

/// What is right on one connection is nothing on the others, nor on one that comes after it.
void Stranger::watch_again(node::ConnectionId id) {
  if (watched_.empty() || rng_.chance(500'000))
    watched_ = subscribe_text(watchable(), id, Proof::right);
  for (const auto& [replica, line] : ready()) say(line, watched_);
}

/// None, one many times, and more and longer ones than there may be.
void Stranger::watch_odd_topics(node::ConnectionId id) {
  wire::SubscribeBody body = watchable();
  std::string more;
  switch (rng_.below(4)) {
    case 0: {
      // They go one by one.
      body.topics.items.clear();
      const Digest question = wire::subscription_digest(body);
      const std::string end = wire::to_json(wire::FromClient{wire::Unsubscribe{question}});
      say(id, subscribe_text(body, id, Proof::right));
      ++body.id;
      return all_.say(id, {subscribe_text(body, id, Proof::right), end});
    }
    case 1: {
      const wire::Name topic = body.topics.items.front();
      body.topics.items.resize(limits::topics_max, topic);
      break;
    }
    case 2:
      for (std::uint64_t i = rng_.between(limits::topics_max, 5'000); i > 0; --i) more += "\"m\",";
      break;
    default: more = "\"" + std::string(rng_.between(257, 50'000), 'n') + "\","; break;
  }
  std::string text = subscribe_text(body, id, Proof::right);
  say(id, more.empty() ? text : with_more_topics(std::move(text), more));
}

/// More than a connection has places for, each different.
void Stranger::watch_often(node::ConnectionId id) {
  std::vector<std::string> texts;
  for (std::uint64_t i = rng_.between(50, 90); i > 0; --i)
    texts.push_back(subscribe_text(watchable(), id, Proof::right));
  all_.say(id, std::move(texts));
}

/// Without a subscription, or far more often than there is news; some end it then.
void Stranger::ask_for_more(node::ConnectionId id) {
  const wire::SubscribeBody body = watchable();
  const Digest question = wire::subscription_digest(body);
  std::vector<std::string> texts;
  if (rng_.chance(700'000)) texts.push_back(subscribe_text(body, id, Proof::right));
  for (std::uint64_t i = rng_.between(20, 300); i > 0; --i)
    texts.push_back(wire::to_json(wire::FromClient{wire::More{question}}));
  if (rng_.chance(500'000))
    texts.push_back(wire::to_json(wire::FromClient{wire::Unsubscribe{question}}));
  all_.say(id, std::move(texts));
}

void Stranger::told(node::ConnectionId id, ReplicaId from, const wire::Changes& changes) {
  Checks& checks = all_.run().checks;
  if (!proven_watches_.contains({id, changes.question}) && !checks.byzantine.contains(from))
    checks.violations.add("privacy", replica_name(from) + " told " + name() +
                                         " what changes, who did not rightly sign on that "
                                         "connection that it watches");
  if (rng_.chance(500'000)) say(id, wire::to_json(wire::FromClient{wire::More{changes.question}}));
}

}  // namespace prytany::sim
