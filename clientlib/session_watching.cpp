// Subscriptions: every replica is asked what changed, each at its own pace; what enough of them say
// alike is told (watch.h).
#include <algorithm>

#include "clientlib/fits.h"
#include "clientlib/session.h"
#include "server/wire/client_json.h"

namespace prytany::client {
namespace {

/// What the caller has not dealt with yet, at most (and what was on its way).
constexpr std::size_t unconsumed_max = 4096;
/// Who refused is asked again: it may only be behind.
constexpr std::uint64_t refused_again_us = 200'000;
constexpr std::uint64_t refused_again_max_us = 5'000'000;
/// Who said what cannot be is asked again, but not as often as it can say it.
constexpr std::uint64_t nonsense_again_us = 1'000'000;

std::shared_ptr<const std::string> text_of(const wire::FromClient& message) {
  return std::make_shared<const std::string>(wire::to_json(message));
}

}  // namespace

Ticket Session::subscribe(Time, const std::vector<std::string>& topics,
                          std::optional<std::uint64_t> after, Effects& out) {
  const Ticket ticket = next_ticket();
  wire::SubscribeBody body{++last_read_, session_, signer_.public_key(), {}};
  for (const std::string& topic : topics) body.topics.items.push_back({topic});
  if (session_.value == 0 || ended_) {
    out.push_back(SubscriptionEnded{ticket, "session_ended", "there is no session, or no more"});
    return ticket;
  }
  if (topics.empty() || !fits(body)) {
    out.push_back(SubscriptionEnded{ticket, "usage",
                                    "a subscription has 1 to 64 topics, of 256 bytes at most"});
    return ticket;
  }
  const Digest digest = wire::subscription_digest(body);
  Watching watching{std::move(body), digest, Watch(cluster_, topics, after), 0, {}, {}};
  Watching& made = watching_.emplace(ticket, std::move(watching)).first->second;
  for (const ReplicaId replica : ready()) subscribe_at(replica, made, out);
  return ticket;
}

void Session::unsubscribe(Ticket ticket, Effects& out) {
  const auto found = watching_.find(ticket);
  if (found == watching_.end()) return;
  const auto text = text_of(wire::Unsubscribe{found->second.digest});
  for (const ReplicaId replica : ready()) out.push_back(Send{replica, text});
  watching_.erase(found);
}

void Session::consumed(Ticket ticket, std::size_t changes, Effects& out) {
  const auto found = watching_.find(ticket);
  if (found == watching_.end()) return;
  found->second.unconsumed -= std::min(changes, found->second.unconsumed);
  ask_more(found->second, out);
}

void Session::subscribe_at(ReplicaId replica, Watching& watching, Effects& out) {
  watching.again.erase(replica);
  watching.watch.asked(replica);
  out.push_back(
      Send{replica, std::make_shared<const std::string>(peers_[replica.value].channel.subscribe(
                        signer_, watching.body, watching.watch.position()))});
}

void Session::ask_more(Watching& watching, Effects& out) {
  std::shared_ptr<const std::string> more;
  for (const ReplicaId replica : ready()) {
    if (watching.again.contains(replica)) continue;
    if (watching.watch.wants_anew(replica)) {
      subscribe_at(replica, watching, out);
    } else if (watching.unconsumed < unconsumed_max && watching.watch.wants_more(replica)) {
      if (!more) more = text_of(wire::More{watching.digest});
      watching.watch.asked_more(replica);
      out.push_back(Send{replica, more});
    }
  }
}

void Session::on_changes(Time now, ReplicaId from, wire::Changes said, Effects& out) {
  const auto found = std::ranges::find_if(
      watching_, [&](const auto& entry) { return entry.second.digest == said.question; });
  if (found == watching_.end()) return;
  Watching& watching = found->second;
  if (!watching.watch.hear(from, std::move(said))) {
    ++peers_[from.value].standing.differed;
    out.push_back(Note{"replica " + std::to_string(from.value) +
                       " says of a subscription what was not asked, or cannot be -> not heard"});
    watching.again.insert_or_assign(from, now + nonsense_again_us);
    return;
  }
  watching.refusals.erase(from);
  weigh_watch(found->first, watching, out);
}

void Session::weigh_watch(Ticket ticket, Watching& watching, Effects& out) {
  const auto before = watching.watch.position();
  Watch::News news = watching.watch.weigh();
  for (const ReplicaId replica : news.differed) {
    ++peers_[replica.value].standing.differed;
    out.push_back(Note{"replica " + std::to_string(replica.value) +
                       " differs about a change -> its word is not used"});
  }
  const auto& position = watching.watch.position();
  if (position && position != before) {
    watching.unconsumed += news.items.size();
    out.push_back(ChangesHeard{ticket, news.missed, std::move(news.items), *position});
  }
  ask_more(watching, out);
}

bool Session::on_watch_refused(Time now, ReplicaId from, const wire::Refused& refused,
                               Effects& out) {
  const auto found = std::ranges::find_if(
      watching_, [&](const auto& entry) { return entry.second.digest == refused.request; });
  if (found == watching_.end()) return false;
  Watching& watching = found->second;
  Refusal& refusal = watching.refusals[from];
  if (refusal.code != refused.code.text) refusal = {refused.code.text, refused.message.text, 0, 0};
  ++refusal.rounds;
  const std::uint64_t doubled = refused_again_us << std::min(refusal.rounds - 1, 5U);
  watching.again.insert_or_assign(from, now + std::min(doubled, refused_again_max_us));
  watching.watch.forget(from);
  // Our own LEAVE is about to be answered.
  if (is_passing(refusal.code) || (leaving() && means_no_session(refusal.code))) return true;
  const auto alike =
      static_cast<std::size_t>(std::ranges::count_if(watching.refusals, [&](const auto& entry) {
        return entry.second.code == refusal.code && entry.second.rounds >= options_.refusal_rounds;
      }));
  if (alike < cluster_->quorum()) return true;
  const Ticket ticket = found->first;
  out.push_back(SubscriptionEnded{ticket, refusal.code,
                                  "the replicas refuse to tell of these topics: " + refusal.code});
  unsubscribe(ticket, out);
  return true;
}

void Session::unwatch(ReplicaId replica) {
  for (auto& [ticket, watching] : watching_) {
    watching.watch.forget(replica);
    watching.refusals.erase(replica);
    watching.again.erase(replica);
  }
}

void Session::end_watching(const std::string& code, const std::string& message, Effects& out) {
  std::map<Ticket, Watching> all;
  all.swap(watching_);
  for (const auto& [ticket, watching] : all)
    out.push_back(SubscriptionEnded{ticket, code, message});
}

void Session::tick_watching(Time now, Effects& out) {
  for (auto& [ticket, watching] : watching_)
    for (const ReplicaId replica : ready()) {
      const auto again = watching.again.find(replica);
      if (again != watching.again.end() && now >= again->second)
        subscribe_at(replica, watching, out);
    }
}

}  // namespace prytany::client
