#include "server/node/subscriptions.h"

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::node {
namespace {

constexpr std::size_t subscriptions_of_connection_max = 64;
/// Counted as often as they are watched: each is an entry of two maps.
constexpr std::size_t topics_of_host_max = 16'384;
constexpr std::size_t topics_watched_max = 262'144;

}  // namespace

bool Subscriptions::add(const Key& key, Subscription subscription) {
  ENSURE(!subscription.topics.empty());
  remove(key);
  const auto size = subscription.topics.size();
  const auto host = topics_of_host_.find(subscription.host);
  const auto mine = of_connection_.find(key.first);
  if ((mine != of_connection_.end() && mine->second >= subscriptions_of_connection_max) ||
      (host != topics_of_host_.end() && host->second + size > topics_of_host_max) ||
      topics_ + size > topics_watched_max)
    return false;
  for (const std::string& topic : subscription.topics) by_topic_[topic].insert(key);
  ++of_connection_[key.first];
  topics_of_host_[subscription.host] += size;
  topics_ += size;
  all_.emplace(key, std::move(subscription));
  return true;
}

void Subscriptions::unlist(const Key& key, const Subscription& subscription) {
  for (const std::string& topic : subscription.topics) {
    const auto watched = by_topic_.find(topic);
    if (watched == by_topic_.end()) continue;  // the same topic twice
    watched->second.erase(key);
    if (watched->second.empty()) by_topic_.erase(watched);
  }
  const auto host = topics_of_host_.find(subscription.host);
  host->second -= subscription.topics.size();
  if (host->second == 0) topics_of_host_.erase(host);
  topics_ -= subscription.topics.size();
  if (!subscription.queued) return;
  const auto turns = turns_of_host_.find(subscription.host);
  turns->second.waiting.erase(key);
  if (turns->second.waiting.empty()) turns_of_host_.erase(turns);
  --turns_;
}

void Subscriptions::remove(const Key& key) {
  const auto found = all_.find(key);
  if (found == all_.end()) return;
  unlist(key, found->second);
  const auto mine = of_connection_.find(key.first);
  if (--mine->second == 0) of_connection_.erase(mine);
  all_.erase(found);
}

void Subscriptions::closed(ConnectionId connection) {
  if (!of_connection_.contains(connection)) return;
  const auto begin = all_.lower_bound({connection, Digest{}});
  auto end = begin;
  for (; end != all_.end() && end->first.first == connection; ++end)
    unlist(end->first, end->second);
  all_.erase(begin, end);
  of_connection_.erase(connection);
}

Subscription* Subscriptions::find(const Key& key) {
  const auto found = all_.find(key);
  return found == all_.end() ? nullptr : &found->second;
}

void Subscriptions::queue(const Key& key) {
  Subscription* const subscription = find(key);
  if (subscription == nullptr || !subscription->ready || subscription->queued) return;
  subscription->queued = true;
  turns_of_host_[subscription->host].waiting.insert(key);
  ++turns_;
}

void Subscriptions::changed(const std::set<std::string>& topics) {
  for (const std::string& topic : topics) {
    const auto watched = by_topic_.find(topic);
    if (watched == by_topic_.end()) continue;
    for (const Key& key : watched->second) queue(key);
  }
}

void Subscriptions::queue_all() {
  for (const auto& [key, subscription] : all_) queue(key);
}

Subscriptions::Key Subscriptions::take_turn() {
  ENSURE(has_turns());
  // The host after the one served last, around the circle; of its turns likewise.
  auto host = turns_of_host_.upper_bound(host_last_);
  if (host == turns_of_host_.end()) host = turns_of_host_.begin();
  host_last_ = host->first;
  Turns& turns = host->second;
  auto next = turns.waiting.upper_bound(turns.last);
  if (next == turns.waiting.end()) next = turns.waiting.begin();
  const Key key = turns.last = *next;
  turns.waiting.erase(next);
  if (turns.waiting.empty()) turns_of_host_.erase(host);
  --turns_;
  find(key)->queued = false;
  return key;
}

void Subscriptions::count(Held& held) const {
  held.subscriptions = all_.size();
  for (const auto& [connection, many] : of_connection_)
    held.subscriptions_of_one = std::max(held.subscriptions_of_one, many);
  held.turns = turns_;
}

}  // namespace prytany::node
