#include "tests/sim/missed_checker.h"

#include <algorithm>

#include "tests/sim/checkers.h"

namespace prytany::sim {

void MissedChecker::watch(bool on) {
  watches_ = on;
  words_.clear();
  progress_.clear();
}

void MissedChecker::vouched(ReplicaId by, const Digest& request) {
  if (watches_) words_[request].insert(by);
}

void MissedChecker::saw(Time now, const std::vector<Shown>& all) {
  for (const Shown& each : all) {
    Progress& known = progress_[each.id];
    if (known.executed == each.status.executed) continue;
    known = {each.status.executed, now};
    moved_ = now;
  }
}

void MissedChecker::begins(Time now) {
  began_ = now;
  for (auto& [id, known] : progress_) known.since = now;
}

std::uint64_t MissedChecker::next_question(std::uint64_t waited_us) {
  std::uint64_t interval = interval_us;
  for (std::uint64_t asked = interval_us; asked <= waited_us && interval < interval_max_us;
       asked += interval)
    interval *= 2;
  return std::min(interval, interval_max_us);
}

bool MissedChecker::quiet(Time now, const std::vector<Shown>& all, std::uint64_t patience_us,
                          std::uint64_t window) {
  quiet_since_ = now;
  window_ = window;
  view_ = all.front().status.view;
  target_ = Seq{0};
  lacking_ = false;
  owed_.clear();
  unaware_.clear();
  std::uint64_t longest_us = 0;
  for (const auto& [id, s] : all) {
    if (!s.active || s.fetching || s.view != view_) return false;
    target_ = std::max({target_, s.proposed, s.executed});
  }
  for (const auto& [id, s] : all) {
    lacking_ = lacking_ || s.executed < target_;
    if (s.proposed <= s.executed) unaware_.insert(id);
    longest_us = std::max(longest_us, next_question(now - progress_[id].since));
  }
  views_may_change_ = patience_us < now - began_ + 2 * (longest_us + travel_us());
  return true;
}

bool MissedChecker::others_have(Seq above, const std::vector<Shown>& all) const {
  const auto ahead =
      std::ranges::count_if(all, [&](const Shown& other) { return other.status.executed > above; });
  return ahead >= static_cast<std::ptrdiff_t>(weak_quorum_);
}

Time MissedChecker::owed_since(Time now, const Shown& to, const std::vector<Shown>& all) {
  const Seq above = to.status.executed;
  if (!others_have(above, all)) return std::max(quiet_since_, moved_);
  const auto [known, fresh] = owed_.try_emplace(to.id, Owed{above, now});
  if (known->second.above != above) known->second = {above, now};
  return known->second.since;
}

bool MissedChecker::judge(Time now, const std::vector<Shown>& all) {
  bool somebody_waits = false;
  Seq discarded;
  for (const Shown& each : all) {
    if (each.status.untimely > 0 || each.status.stable + window_ < target_) return true;
    discarded = std::max(discarded, each.status.stable);
  }
  for (const Shown& each : all) {
    const auto& [id, s] = each;
    if (s.executed >= target_ || s.fetching || s.executed < discarded) continue;
    if (s.view != view_ || !s.active) {
      if (views_may_change_) return true;
      violations_.add("missed", replica_name(id) + " leaves view " + std::to_string(view_.value) +
                                    ", whose primary has its time yet, for n" +
                                    std::to_string(s.executed.value + 1) +
                                    ", which its peers could have made up");
      return true;
    }
    somebody_waits = true;
    const Time since = owed_since(now, each, all);
    const Time waits_since = progress_[id].since;
    // What nobody has executed may lack a vote of who has not heard of it, and asks later.
    const bool must_be_told =
        others_have(s.executed, all) ? unaware_.contains(id) : !unaware_.empty();
    const std::uint64_t within = next_question(since > waits_since ? since - waits_since : 0) +
                                 (must_be_told ? interval_us : 0) + travel_us();
    if (now <= since + within) continue;
    violations_.add("missed", replica_name(id) + " has executed n" +
                                  std::to_string(s.executed.value) + " of n" +
                                  std::to_string(target_.value) +
                                  ", although nothing was lost for " + std::to_string(now - since) +
                                  " us, of which its peers need " + std::to_string(within));
    return true;
  }
  if (somebody_waits) return false;
  made_up_ += lacking_;
  return true;
}

}  // namespace prytany::sim
