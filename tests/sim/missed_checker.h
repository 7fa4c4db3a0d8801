// Who missed something has it within one retransmission interval, from its peers: neither the next
// checkpoint nor a client is waited for ("On the Practicality of 'Practical' Byzantine Fault
// Tolerance", sections 2.3 and 2.4).
//
// What is asked, and from when on. All replicas that are well run, are linked and are in one view
// whose primary is one of them; something was lost among them; from then on nothing is lost and no
// client says anything. Whatever was proposed until then is executed by all of them. The next
// number of each, counted from when weak_quorum() others have executed it (until then: from the
// last progress of anybody), is executed within
//
//   the retransmission interval  (the time since its last progress says how often it has doubled)
//   + one interval more, if it, or, while nobody has executed the number, any of them has not heard
//     of any number above: then its peers must tell it first
//   + hops_max times (the longest that a frame took + two of the longest turns)
//
// and what a quorum of backups vouched for has a number when nothing has moved for as long, and
// words_us more (and forward_us for each further round of the pipeline that all that waits would
// take). Excused is who cannot have it in that way: its number was discarded by others, so that it
// fetches state; a view change that had begun; a proposal whose time is not that of a backup's
// clock, or which is above a window that a slow disk does not let go on.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/replica.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

/// What a replica shows of itself.
struct Shown {
  ReplicaId id;
  pbft::ReplicaStatus status;
};

class MissedChecker {
 public:
  MissedChecker(Violations& violations, unsigned weak_quorum)
      : violations_(violations), weak_quorum_(weak_quorum) {}

  // ---- measured while it watches ----
  [[nodiscard]] bool watches() const { return watches_; }
  void watch(bool on);
  void turn_took(std::uint64_t us) { turn_us_ = watches_ ? std::max(turn_us_, us) : 0; }
  void frame_took(std::uint64_t us) { frame_us_ = watches_ ? std::max(frame_us_, us) : 0; }
  /// A replica's VERIFIED leaves.
  void vouched(ReplicaId by, const Digest& request);
  /// After every event.
  void saw(Time now, const std::vector<Shown>& all);

  // ---- one round ----
  /// Something may be lost from now on. Requires: nothing is under way.
  void begins(Time now);
  /// Nothing is lost any more, and clients are silent. `patience_us`: what a primary is given.
  /// `window`: L, the numbers above its stable checkpoint that a replica votes for. False: this
  /// round shows nothing, because views change or somebody fetches state.
  bool quiet(Time now, const std::vector<Shown>& all, std::uint64_t patience_us,
             std::uint64_t window);
  /// True when nothing more is to be seen of this round.
  bool judge(Time now, const std::vector<Shown>& all);
  /// Requests that so many of `backups` vouched for and `has_number` does not know, when nothing
  /// has moved for long: a violation. True: there are none. `rounds` of the pipeline may pass until
  /// a primary that has them all comes by each: so long backups wait before they forward.
  template <class HasNumber>
  bool none_forgotten(Time now, const std::set<ReplicaId>& backups, unsigned quorum,
                      std::uint64_t rounds, const HasNumber& has_number) {
    for (const auto& [request, by] : words_) {
      std::size_t voices = 0;
      for (const ReplicaId id : by) voices += backups.contains(id);
      if (voices < quorum || has_number(request)) continue;
      if (now > moved_ + words_us + (rounds - 1) * forward_us + travel_us())
        violations_.add("missed", "request " + request.brief() + ", for which " +
                                      std::to_string(voices) +
                                      " backups vouch, has no number after " +
                                      std::to_string(now - moved_) + " us in which nothing moved");
      return false;
    }
    words_.clear();
    return true;
  }

  /// Rounds in which somebody had missed something, and had it in time.
  [[nodiscard]] std::uint64_t made_up() const { return made_up_; }

  /// STATUS, a STATUS in return, the proposal, the words that a request in it lacks, the question
  /// for a body and the body, PREPARE, COMMIT.
  static constexpr std::uint64_t hops_max = 8;
  static constexpr std::uint64_t interval_us = 50'000;
  static constexpr std::uint64_t interval_max_us = 3'200'000;
  /// A backup forwards what it vouched for when its word is due for the third time.
  static constexpr std::uint64_t words_us = 350'000;
  static constexpr std::uint64_t forward_us = 150'000;

 private:
  struct Progress {
    Seq executed;
    Time since;
  };
  [[nodiscard]] std::uint64_t travel_us() const { return hops_max * (frame_us_ + 2 * turn_us_); }
  /// The longest until somebody who has waited for so long asks again.
  static std::uint64_t next_question(std::uint64_t waited_us);

  /// weak_quorum() replicas have executed the number after it.
  [[nodiscard]] bool others_have(Seq above, const std::vector<Shown>& all) const;
  /// From when on the others must have given it its next number.
  Time owed_since(Time now, const Shown& to, const std::vector<Shown>& all);

  Violations& violations_;
  const unsigned weak_quorum_;
  std::uint64_t window_ = 0;
  bool watches_ = false;
  std::uint64_t turn_us_ = 0;
  std::uint64_t frame_us_ = 0;
  std::map<ReplicaId, Progress> progress_;
  std::map<Digest, std::set<ReplicaId>> words_;
  Time moved_;  // anybody
  Time began_;
  Time quiet_since_;
  View view_;
  Seq target_;
  bool views_may_change_ = false;
  bool lacking_ = false;
  struct Owed {
    Seq above;
    Time since;
  };
  std::map<ReplicaId, Owed> owed_;
  std::set<ReplicaId> unaware_;
  std::uint64_t made_up_ = 0;
};

}  // namespace prytany::sim
