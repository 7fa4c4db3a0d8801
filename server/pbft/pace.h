// How fast the primary serves, against how fast the others answer. A request that has waited while
// the primary could have proposed it is put on trial: the primary is given it once more, so that it
// surely has it, and the other backups are asked for an answer (PING) at the same moment. Of one
// without a signature everybody also says whether it is authentic there, and the primary's time
// begins when a quorum has. What the primary then takes beyond a few of their round trips, and of
// this replica's executions, is added up, and runs off slowly. So a primary that serves everybody
// just before patience ends is found (compare Aardvark's required throughput and Prime's bounded
// turnaround; docs/decisions/0025), and neither a client that keeps its requests from the primary
// nor a slow network makes a correct one look slow.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "server/crypto/sign.h"
#include "server/pbft/config.h"

namespace prytany::pbft {

class Pace {
 public:
  explicit Pace(const Config& config) : config_(config) {}

  // ---- what may be tried ----
  /// At the end of every step: whether the primary could propose what waits, as far as can be seen
  /// here. A trial's time counts only while that is so.
  void watch(Time now, bool could_propose);
  /// When a request that has been its session's first since `first_since` is due for a trial;
  /// `never` if none may begin now, or if there are too few others to compare with.
  [[nodiscard]] Time trial_at(Time first_since) const;
  [[nodiscard]] bool may_try() const;
  /// The same for a number that hangs since `since` because not all of it can be proven.
  [[nodiscard]] Time number_trial_at(Time since) const;

  // ---- trials ----
  /// A request's place among those of its session; by the key, since others may ask in its name.
  struct Place {
    SessionId session;
    RequestNumber number;
    crypto::PublicKey signer = {};
  };
  /// The primary is told of this request again now; `rounds` is how many it may need to come by it.
  /// Gives back what the others are to be asked with. `vouched_for`: the primary may propose it,
  /// as far as it depends on others. Else nothing counts before believed().
  std::uint64_t begin(Time now, ReplicaId primary, const Digest& request, Place place,
                      std::uint64_t rounds, bool vouched_for = true);
  /// On trial is what the primary owes this number: its time counts in any case. Only `judges` are
  /// compared with, if there are any, and then with the slowest of them: the primary needs all.
  std::uint64_t begin_number(Time now, ReplicaId primary, Seq seq,
                             std::vector<ReplicaId> judges = {});
  /// What it owed is there.
  void came(Time now, Seq seq);
  /// Up to here they hang no more, however that came about.
  void executed_upto(Seq seq) { numbers_.erase(numbers_.begin(), numbers_.upper_bound(seq)); }
  /// Those that `is` holds for can be proposed from now on.
  template <class Predicate>
  void believed(Time now, Predicate is) {
    for (auto& [request, trial] : trials_)
      if (trial.from == never && is(request)) trial.from = now;
  }
  /// This peer answered.
  void answered(Time now, ReplicaId peer, std::uint64_t ask);
  /// These were proposed, or can be proven now. Tells whether a trial ended with that.
  bool proposed(Time now, const std::vector<Digest>& requests);
  /// So was this, for the first time. A session's requests are taken in their own order: nothing is
  /// learned from one that came here first, and whose turn comes after others of its session.
  void served(Place place);
  [[nodiscard]] bool trying() const { return !trials_.empty() || !numbers_.empty(); }
  /// A number hung for so long for nothing but the primary's clock.
  void held(Time now, std::uint64_t us);
  /// Nothing is to be learned from the trials that run: the link was down, or this replica was busy
  /// itself. But not too often: a primary can hang up before each proposal.
  void drop(Time now);
  /// Nor from those of requests that are not wanted any more.
  template <class Predicate>
  void drop_if(Predicate unwanted) {
    std::erase_if(trials_, [&](const auto& each) { return unwanted(each.first); });
  }
  [[nodiscard]] bool contains(const Digest& request) const { return trials_.contains(request); }
  [[nodiscard]] bool contains(Seq number) const { return numbers_.contains(number); }

  /// An execution took so long here.
  void executed(std::uint64_t us);

  // ---- the verdict ----
  /// The primary has taken longer than others would, in all, by more than `patience_us`.
  [[nodiscard]] bool too_slow(Time now, std::uint64_t patience_us) const {
    return excess_at(now) > patience_us;
  }
  /// It is left for that. Its successors are given twice the time for a while: if they are no
  /// faster, that is how this group is.
  void left(Time now);
  /// Another primary: nothing is held against it.
  void begin_view();
  /// Of the trial that ended last.
  struct Measured {
    std::uint64_t took_us = 0;
    std::uint64_t allowed_us = 0;
  };
  [[nodiscard]] Measured last() const { return last_; }

  /// At a time.
  static constexpr std::size_t trials_max = 16;
  /// Of those, such as lack others' word. The oldest gives way: it may never have it.
  static constexpr std::size_t unproven_max = 8;

 private:
  /// Of what others need.
  static constexpr std::uint64_t times_allowed = 8;
  /// The sum falls by one part in so many of the time that passes.
  static constexpr std::uint64_t runs_off = 16;
  static constexpr unsigned doublings_max = 6;
  /// Trials are dropped so often, and once more after each so many request timeouts.
  static constexpr std::uint64_t drops_max = 16;
  static constexpr std::uint64_t drop_again_after = 8;
  /// A doubling ends after so many request timeouts without another.
  static constexpr std::uint64_t calm_after = 64;

  struct Trial {
    std::uint64_t ask = 0;
    Place place;
    std::vector<ReplicaId> judges;  // none: all others
    ReplicaId primary;
    std::uint64_t rounds = 1;
    Time began;
    Time from = never;  // the primary could propose it
    std::uint64_t waited_us = 0;
    std::vector<std::optional<std::uint64_t>> answers;  // by replica, in microseconds
  };

  [[nodiscard]] std::uint64_t after() const;
  void count(Time now);
  void charge(Time now, std::uint64_t us);
  [[nodiscard]] bool has_others() const {
    return config_.group.n >= 2 + std::max(config_.group.f, 1U);
  }
  [[nodiscard]] Time not_before(Time due) const;
  [[nodiscard]] std::uint64_t prepare(Trial& trial, Time now, ReplicaId primary);
  [[nodiscard]] bool full() const { return trials_.size() + numbers_.size() >= trials_max; }
  void make_room();
  void end(Time now, const Trial& trial);
  [[nodiscard]] std::optional<std::uint64_t> round_trip(const Trial& trial) const;
  [[nodiscard]] std::uint64_t excess_at(Time now) const;
  [[nodiscard]] unsigned doublings(Time now) const;

  const Config& config_;
  std::map<Digest, Trial> trials_;  // by request
  std::map<Seq, Trial> numbers_;
  std::uint64_t asks_ = 0;
  Time began_;                       // the last one
  Time running_since_ = never;       // the primary could propose all this time; or it cannot
  Time counted_;                     // up to here
  std::uint64_t round_trip_us_ = 0;  // in the last trial
  std::uint64_t execution_us_ = 0;   // a long one is remembered for a while
  std::uint64_t excess_us_ = 0;
  Time excess_since_;  // as of this moment
  unsigned doublings_ = 0;
  Time doubled_;
  std::uint64_t drops_left_ = drops_max;
  Time drops_counted_;  // up to here
  Measured last_;
};

}  // namespace prytany::pbft
