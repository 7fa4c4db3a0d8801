// Which requests of clients go to the core at once, and which wait here for their turn: nobody may
// keep the others waiting for long with what takes long to execute. A batch is executed whole, and
// a request within its budget may take half a second, so it is too late when that is known.
//
//   risky   what brings SQL of its own, and calls of procedures that took long of late, or were
//           never seen to be executed. They go in up to a few numbers above the highest that was
//           executed of the session: the same ones everywhere, else none might have a quorum's
//           word.
//   debt    a session whose request took long waits several times as long before its next one.
//
// Only while other sessions ask for something, too; whoever is alone waits for nobody. All replicas
// do the same with what they execute themselves, the others for a little longer than the primary,
// so that nobody finds it slow. Nothing of this is agreed on: it decides when a request is ordered,
// not what becomes of it (docs/decisions/0035-what-takes-long-waits.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/pbft/events.h"

namespace prytany::node {

class Lanes {
 public:
  /// So many steps of a request take about a microsecond.
  static constexpr std::uint64_t steps_per_us = 100;
  /// What takes longer is dear.
  static constexpr std::uint64_t dear_us = 20'000;
  /// So far above the highest number that was executed a session's risky requests go in; one while
  /// it has been dear of late.
  static constexpr std::uint64_t risky_max = 4;
  /// Who is dear waits so many times as long as it took.
  static constexpr std::uint64_t times = 8;
  /// Others are there if they asked, or were answered, within this time, and while they could not
  /// be.
  static constexpr std::uint64_t others_us = 1'000'000;
  /// What was dear is remembered for so long.
  static constexpr std::uint64_t remembered_us = 60'000'000;

  /// Of a session: the highest number that was executed. Nothing: it is not known here.
  using Highest = std::function<std::optional<RequestNumber>(SessionId)>;
  explicit Lanes(Highest highest) : highest_(std::move(highest)) {}

  /// It comes back if it goes to the core now, and else is kept here; or is dropped where there is
  /// no room, and its client repeats it. `leads`: this replica is the primary.
  std::optional<pbft::Submitted> enter(Time now, bool leads, pbft::Submitted request);
  /// Whether it may go to the core that another replica passed on: a faulty one must not bring past
  /// its lane what its client said there.
  bool pass(Time now, const wire::RequestBody& body);
  /// `steps[i]` of request i; all of it took so long here.
  void executed(Time now, std::uint64_t took_us, const wire::Batch& batch,
                std::span<const std::uint64_t> steps);
  /// Those whose turn has come, each session's in the order of its numbers.
  std::vector<pbft::Submitted> due(Time now, bool leads);
  /// When there will be one that nothing else brings about, or sooner; `never` if nothing is kept.
  [[nodiscard]] Time deadline(Time now, bool leads) const;

  [[nodiscard]] std::size_t kept() const { return kept_; }

 private:
  struct Lane {
    std::map<RequestNumber, pbft::Submitted> waiting;
    std::uint64_t owes_us = 0;  // as of `since`
    Time since;
    Time dear_until;  // it is remembered as dear
    /// Clients of genesis begin at any number: below the first of these, until something of it is
    /// executed, or it has been too long.
    RequestNumber began;
    Time began_at;
  };

  [[nodiscard]] bool risky(Time now, const wire::RequestBody& body) const;
  [[nodiscard]] bool alone(Time now, SessionId session) const;
  Lane* lane_for(Time now, const wire::RequestBody& body);
  [[nodiscard]] RequestNumber base(Time now, SessionId session, const Lane& lane) const;
  void begin(Time now, SessionId session, RequestNumber number, Lane& lane) const;
  [[nodiscard]] bool may_go(Time now, bool leads, SessionId session, RequestNumber number,
                            const Lane& lane) const;
  void forget(Lane& lane, std::map<RequestNumber, pbft::Submitted>::iterator waiting);
  void spoke(Time now, SessionId session);
  void sweep(Time now);

  static constexpr std::size_t kept_max = 4096;
  static constexpr std::size_t kept_bytes_max = 64 << 20;
  static constexpr std::size_t lanes_max = 16'384;
  static constexpr std::size_t procedures_max = 1024;

  static constexpr std::uint64_t began_us = 10'000'000;

  Highest highest_;
  std::map<SessionId, Lane> lanes_;  // of those with anything to remember
  std::set<SessionId> full_;         // those with something waiting
  std::size_t kept_ = 0;
  std::size_t kept_bytes_ = 0;
  /// By procedure: until when it is dear. Those not in it were not executed yet.
  std::map<std::string, Time, std::less<>> procedures_;
  /// The session that asked last, and the last other one.
  SessionId last_;
  Time last_at_;
  Time other_at_;
  Time swept_;
};

}  // namespace prytany::node
