#include "tests/sim/watch_checker.h"

#include <algorithm>
#include <utility>

namespace prytany::sim {

void WatchChecker::began(const std::string& who, std::vector<std::string> topics,
                         std::optional<std::uint64_t> after) {
  subscriptions_.insert_or_assign(who, Subscription{std::move(topics), after, {}, false});
}

void WatchChecker::heard(const std::string& who, Heard heard) {
  changes_heard_ += heard.items.size();
  subscriptions_.at(who).heard.push_back(std::move(heard));
}

void WatchChecker::ended(const std::string& who) {
  if (const auto found = subscriptions_.find(who); found != subscriptions_.end())
    found->second.ended = true;
}

void WatchChecker::compare(const std::vector<wire::Change>& told, bool to_the_end) {
  for (auto& [who, watched] : subscriptions_) {
    compare(who, watched, told);
    if (to_the_end && !watched.ended && watched.at && violations_.none())
      none_between(who, watched, told, told.size());
  }
}

void WatchChecker::compare(const std::string& who, Subscription& watched,
                           const std::vector<wire::Change>& told) {
  const auto complain = [&](std::uint64_t position, const std::string& text) {
    violations_.add("subscriptions",
                    who + " heard of change " + std::to_string(position) + ", " + text);
  };
  for (const Heard& heard : watched.heard) {
    if (heard.missed) complain(heard.position, "and that some before are kept no more");
    for (const wire::Change& change : heard.items) {
      if (change.position == 0 || change.position > told.size() ||
          told[change.position - 1] != change)
        return complain(change.position, "which the committed log does not tell");
      if (std::ranges::find(watched.topics, change.topic.text) == watched.topics.end())
        return complain(change.position, "whose topic it does not watch");
      if (watched.at && change.position <= *watched.at)
        return complain(change.position, "after " + std::to_string(*watched.at));
      if (!watched.at) watched.at = change.position - 1;
      none_between(who, watched, told, change.position - 1);
      watched.at = change.position;
    }
    if (heard.position > told.size())
      return complain(heard.position, "and there are only " + std::to_string(told.size()));
    if (!watched.at) watched.at = heard.position;
    none_between(who, watched, told, heard.position);
    watched.at = std::max(*watched.at, heard.position);
  }
}

void WatchChecker::none_between(const std::string& who, const Subscription& watched,
                                const std::vector<wire::Change>& told, std::uint64_t upto) {
  for (std::uint64_t position = *watched.at + 1; position <= upto; ++position) {
    const std::string& topic = told[position - 1].topic.text;
    if (std::ranges::find(watched.topics, topic) == watched.topics.end()) continue;
    return violations_.add("subscriptions", who + " was not told of change " +
                                                std::to_string(position) + ", of " + topic);
  }
}

}  // namespace prytany::sim
