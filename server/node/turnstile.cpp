#include "server/node/turnstile.h"

#include <algorithm>
#include <iterator>

namespace prytany::node {
namespace {

constexpr std::size_t hosts_max = 4096;

}  // namespace

bool Turnstile::admit(const std::string& host, Time now) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end() && hosts_.size() >= hosts_max && !forget_the_rested(now)) return false;
  Store& its = hosts_.try_emplace(host, Store{of_host_.burst * whole, now}).first->second;
  // Its own first: whoever has used that up takes nothing of the others'.
  return take(its, of_host_, now) && take(all_, of_all_, now);
}

bool Turnstile::refill(Store& store, Rule rule, Time now) {
  const std::uint64_t full = rule.burst * whole;
  const std::uint64_t passed_us = now.value - store.at.value;
  const std::uint64_t back =
      passed_us >= full / rule.per_second ? full : passed_us * rule.per_second;
  store.millionths = std::min(full, store.millionths + back);
  store.at = now;
  return store.millionths == full;
}

bool Turnstile::take(Store& store, Rule rule, Time now) {
  refill(store, rule, now);
  if (store.millionths < whole) return false;
  store.millionths -= whole;
  return true;
}

bool Turnstile::forget_the_rested(Time now) {
  const std::size_t before = hosts_.size();
  for (auto it = hosts_.begin(); it != hosts_.end();)
    it = refill(it->second, of_host_, now) ? hosts_.erase(it) : std::next(it);
  return hosts_.size() < before;
}

}  // namespace prytany::node
