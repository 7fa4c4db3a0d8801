#include "server/pbft/pace.h"

#include <algorithm>
#include <functional>

#include "server/base/ensure.h"
#include "server/pbft/catch_up.h"

namespace prytany::pbft {

void Pace::watch(Time now, bool could_propose) {
  count(now);
  if (!could_propose) {
    running_since_ = never;
  } else if (running_since_ == never) {
    running_since_ = now;
  }
}

void Pace::count(Time now) {
  for (auto& [request, trial] : trials_)
    if (trial.from != never && running_since_ != never)
      trial.waited_us += now - std::max(counted_, trial.from);
  for (auto& [number, trial] : numbers_) trial.waited_us += now - std::max(counted_, trial.from);
  counted_ = now;
}

/// Where others are known to need long, too, a trial would begin with every request; but never so
/// late that little is left of the primary's time.
std::uint64_t Pace::after() const {
  return std::max(config_.slow_after_us,
                  std::min(2 * round_trip_us_, config_.request_timeout_us / 8));
}

Time Pace::trial_at(Time first_since) const {
  if (!may_try() || first_since == never) return never;
  return not_before(std::max(first_since, running_since_) + after());
}

Time Pace::number_trial_at(Time since) const {
  if (since == never || full() || !has_others()) return never;
  return not_before(since + after());
}

/// Peers answer only so many.
Time Pace::not_before(Time due) const {
  if (asks_ == 0) return due;
  return std::max(due, began_ + config_.retransmit_us / Peers::trials_per_interval);
}

bool Pace::may_try() const { return running_since_ != never && !full() && has_others(); }

std::uint64_t Pace::begin(Time now, ReplicaId primary, const Digest& request, Place place,
                          std::uint64_t rounds, bool vouched_for) {
  if (!vouched_for) make_room();
  Trial& trial = trials_[request];
  trial.place = place;
  trial.rounds = rounds;
  if (vouched_for) trial.from = now;
  return prepare(trial, now, primary);
}

std::uint64_t Pace::prepare(Trial& trial, Time now, ReplicaId primary) {
  trial.ask = ++asks_;
  trial.primary = primary;
  trial.began = began_ = now;
  trial.answers.resize(config_.group.n);
  return asks_;
}

std::uint64_t Pace::begin_number(Time now, ReplicaId primary, Seq seq,
                                 std::vector<ReplicaId> judges) {
  count(now);
  Trial& trial = numbers_[seq];
  trial.from = now;
  trial.judges = std::move(judges);
  return prepare(trial, now, primary);
}

void Pace::came(Time now, Seq seq) {
  const auto trial = numbers_.find(seq);
  if (trial == numbers_.end()) return;
  count(now);
  end(now, trial->second);
  numbers_.erase(trial);
}

void Pace::make_room() {
  std::size_t unproven = 0;
  auto oldest = trials_.end();
  for (auto it = trials_.begin(); it != trials_.end(); ++it) {
    if (it->second.from != never) continue;
    ++unproven;
    if (oldest == trials_.end() || it->second.ask < oldest->second.ask) oldest = it;
  }
  if (unproven >= unproven_max) trials_.erase(oldest);
}

void Pace::answered(Time now, ReplicaId peer, std::uint64_t ask) {
  const auto note = [&](Trial& trial) {
    if (trial.ask == ask && !trial.answers[peer.value])
      trial.answers[peer.value] = now - trial.began;
  };
  for (auto& [request, trial] : trials_) note(trial);
  for (auto& [number, trial] : numbers_) note(trial);
}

/// If the primary is faulty, fewer than f of the other backups are: the f-th longest of their
/// answers is no longer than a correct one's. Nothing as long as f of them have not answered.
std::optional<std::uint64_t> Pace::round_trip(const Trial& trial) const {
  std::optional<std::uint64_t> slowest;
  for (const ReplicaId judge : trial.judges) {
    if (!trial.answers[judge.value]) return std::nullopt;
    slowest = std::max(slowest.value_or(0), *trial.answers[judge.value]);
  }
  if (slowest) return slowest;
  std::vector<std::uint64_t> times;
  std::size_t missing = 0;
  for (std::uint16_t i = 0; i < config_.group.size(); ++i) {
    if (ReplicaId{i} == config_.self || ReplicaId{i} == trial.primary) continue;
    if (const auto& answer = trial.answers[i]) {
      times.push_back(*answer);
    } else {
      ++missing;
    }
  }
  const std::size_t nth = std::max(config_.group.f, 1U);
  if (missing >= nth) return std::nullopt;
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(nth - missing - 1);
  std::nth_element(times.begin(), at, times.end(), std::greater<>());
  return *at;
}

bool Pace::proposed(Time now, const std::vector<Digest>& requests) {
  if (trials_.empty()) return false;
  count(now);
  bool ended = false;
  for (const Digest& request : requests) {
    const auto trial = trials_.find(request);
    if (trial == trials_.end()) continue;
    end(now, trial->second);
    trials_.erase(trial);
    ended = true;
  }
  return ended;
}

void Pace::served(Place place) {
  std::erase_if(trials_, [&](const auto& each) {
    const Place& tried = each.second.place;
    return tried.session == place.session && tried.signer == place.signer &&
           tried.number > place.number;
  });
}

void Pace::drop(Time now) {
  const std::uint64_t each = drop_again_after * config_.request_timeout_us;
  const std::uint64_t more = (now - drops_counted_) / each;
  drops_counted_ = drops_counted_ + more * each;
  drops_left_ = std::min(drops_max, drops_left_ + more);
  if (drops_left_ == 0) return;
  --drops_left_;
  trials_.clear();
  numbers_.clear();
}

/// The f+1 others of whom one is correct have not taken it for right either, or this replica would
/// have followed them.
void Pace::held(Time now, std::uint64_t us) {
  last_ = {us, 0};
  charge(now, us);
}

/// Those who waited at the same time waited once.
void Pace::charge(Time now, std::uint64_t us) {
  excess_us_ = excess_at(now) + std::min(us, now - excess_since_);
  excess_since_ = now;
}

void Pace::end(Time now, const Trial& trial) {
  // Who is done before the others have answered, or given their word, is fast enough.
  const auto round_trip_us = round_trip(trial);
  if (!round_trip_us || trial.from == never) return;
  round_trip_us_ = *round_trip_us;
  const std::uint64_t needs = std::max(*round_trip_us, execution_us_);
  const std::uint64_t allowed = (times_allowed * needs + config_.slow_after_us) * trial.rounds
                                << doublings(now);
  last_ = {trial.waited_us, allowed};
  charge(now, trial.waited_us - std::min(trial.waited_us, allowed));
}

void Pace::executed(std::uint64_t us) {
  execution_us_ = std::max(us, execution_us_ - execution_us_ / 8);
}

std::uint64_t Pace::excess_at(Time now) const {
  return excess_us_ - std::min(excess_us_, (now - excess_since_) / runs_off);
}

unsigned Pace::doublings(Time now) const {
  const std::uint64_t ended = (now - doubled_) / (calm_after * config_.request_timeout_us);
  return doublings_ - static_cast<unsigned>(std::min<std::uint64_t>(doublings_, ended));
}

void Pace::left(Time now) {
  doublings_ = std::min(doublings(now) + 1, doublings_max);
  doubled_ = now;
}

void Pace::begin_view() {
  trials_.clear();
  numbers_.clear();
  excess_us_ = 0;
  running_since_ = never;
}

}  // namespace prytany::pbft
