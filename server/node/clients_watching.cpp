// Sessions that watch topics (docs/reference/subscriptions.md): each is told, when it is ready,
// what has changed here since it was told last. What f+1 replicas tell alike its client believes.
#include <algorithm>

#include "server/node/clients.h"

namespace prytany::node {
namespace {

/// Everybody hears now and then how far the log has come: who comes back must not seem to have
/// missed what was not for it.
constexpr std::uint64_t progress_parts = 16;

std::uint64_t progress_step(std::uint64_t kept) {
  return std::max<std::uint64_t>(kept / progress_parts, 1);
}

std::set<std::string> topics_of(const std::vector<wire::Change>& changes) {
  std::set<std::string> topics;
  for (const wire::Change& change : changes) topics.insert(change.topic.text);
  return topics;
}

}  // namespace

Clients::Wish Clients::on(ConnectionId id, Connection& c, wire::Subscribe subscribe) {
  wire::SubscribeBody& body = subscribe.body;
  const Digest digest = wire::subscription_digest(body);
  // One of none would take a place that no bound on topics counts.
  if (body.topics.empty()) return refuse(id, c, digest, "malformed", "topics: one at least");
  Subscription wanted;
  for (wire::Name& topic : body.topics.items) wanted.topics.push_back(std::move(topic.text));
  // Looked at first, since it costs less than the signature: but who has no right to ask is told no
  // more than that.
  const auto refused = setting_.executor.refuse_watching(body.session, body.signer, wanted.topics);
  if (!refused || *refused == "unknown_topic" || *refused == "not_allowed") {
    const Bytes said = wire::subscribe_signed_bytes(c.hello, digest, subscribe.after);
    if (!crypto::public_key_from(body.signer.bytes) ||
        !crypto::verify(body.signer, said, subscribe.signature))
      return refuse(id, c, digest, "bad_signature", "wrong signature of a subscription");
  }
  if (refused)
    return refuse(id, c, digest, *refused, "this replica will not tell it of these topics");
  wanted.host = c.host;
  wanted.session = body.session;
  wanted.signer = body.signer;
  wanted.anew = !subscribe.after;
  wanted.told = wanted.looked = subscribe.after.value_or(setting_.executor.last_change());
  const Subscriptions::Key key{id, digest};
  if (!subscriptions_.add(key, std::move(wanted)))
    return refuse(id, c, digest, "overloaded", "too many topics are watched here");
  saw(body.session, id);
  subscriptions_.queue(key);
  return Nothing{};
}

Clients::Wish Clients::on(ConnectionId id, Connection& c, const wire::More& more) {
  const Subscriptions::Key key{id, more.question};
  Subscription* const subscription = subscriptions_.find(key);
  if (subscription == nullptr)
    return refuse(id, c, more.question, "unknown_subscription",
                  "there is no such subscription on this connection");
  subscription->ready = true;
  subscriptions_.queue(key);
  return Nothing{};
}

Clients::Wish Clients::on(ConnectionId id, Connection&, const wire::Unsubscribe& unsubscribe) {
  subscriptions_.remove({id, unsubscribe.question});
  return Nothing{};
}

void Clients::tell_of(const std::vector<wire::Change>& changes) {
  if (changes.empty()) return;
  const std::uint64_t last = setting_.executor.last_change();
  if (last < all_told_at_ ||
      last - all_told_at_ >= progress_step(setting_.executor.changes_kept())) {
    all_told_at_ = last;
    subscriptions_.queue_all();
  } else {
    subscriptions_.changed(topics_of(changes));
  }
}

void Clients::serve_subscription() {
  const Subscriptions::Key key = subscriptions_.take_turn();
  // Another state will be here, and then everybody has a turn.
  if (silent_) return;
  Connection& c = connections_.at(key.first);
  Subscription& s = *subscriptions_.find(key);
  // Roles, topics and the session may have changed meanwhile.
  if (const auto refused = setting_.executor.refuse_watching(s.session, s.signer, s.topics)) {
    subscriptions_.remove(key);
    (void)refuse(key.first, c, key.second, *refused, "this replica will not tell it any more");
    return;
  }
  const std::uint64_t last = setting_.executor.last_change();
  if (s.looked > last) return;  // it was told more elsewhere: we are behind
  app::ChangesPart part = setting_.executor.changes(s.looked, s.topics);
  const bool missed = part.from > s.looked;
  const bool far = part.upto - s.told >= progress_step(setting_.executor.changes_kept());
  s.looked = part.upto;
  if (part.items.empty() && !missed && !far && !s.anew) return;
  wire::Changes message{key.second, missed ? part.from : s.told, part.upto, {}};
  message.items.items = std::move(part.items);
  s.told = part.upto;
  s.ready = s.anew = false;
  send(key.first, c, message);
}

}  // namespace prytany::node
