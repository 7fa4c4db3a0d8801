// Who is missing what, and when to say so (section 5.2; Practicality section 2.4 shows what happens
// without it). Retransmission is asked for, never blind: a STATUS names what is missing, peers
// answer with their own votes, with COMMITTED, and with proofs. Every question has a deadline that
// doubles; every peer's answers have a budget.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "server/pbft/config.h"

namespace prytany::pbft {

/// A deadline for something awaited. Only progress moves it away; each time it passes, the next is
/// twice as far, so that waiting for the dead costs next to nothing.
class Overdue {
 public:
  /// `times_max`: after so many it waits no longer, until there is progress; 0 for ever.
  Overdue(std::uint64_t first_us, std::uint64_t longest_us, unsigned times_max = 0)
      : first_us_(first_us), longest_us_(longest_us), times_max_(times_max) {}

  /// At the end of every step: whether something is awaited, and a number that changes with
  /// progress on it.
  void watch(Time now, bool awaited, std::uint64_t progress);
  /// The deadline passed and was acted on.
  void fired(Time now);
  /// The world has changed (a link came up): if something is awaited, the waits are short again. A
  /// peer that connects over and over does not put the deadline off, nor what times() decides.
  void hurry(Time now);

  [[nodiscard]] Time due() const { return due_; }
  /// How often it has passed since the last progress.
  [[nodiscard]] unsigned times() const { return times_; }

 private:
  std::uint64_t first_us_;
  std::uint64_t longest_us_;
  unsigned times_max_;
  bool awaiting_ = false;
  std::uint64_t interval_us_ = 0;
  std::uint64_t progress_ = 0;
  unsigned times_ = 0;
  Time due_ = never;
};

/// What each peer says of itself, and what it may still ask of us.
class Peers {
 public:
  explicit Peers(const Config& config) : config_(config), peers_(config.group.n) {}

  /// The peer says that it executed, and holds as stable, up to here.
  void heard(ReplicaId peer, Seq executed, Seq stable);
  /// Some correct replica has executed up to here: weak_quorum() say so.
  [[nodiscard]] Seq executed_by_some_correct() const { return some_correct_; }
  /// Whether this peer has not been heard to have reached `seq`.
  [[nodiscard]] bool behind(ReplicaId peer, Seq seq) const {
    return peers_[peer.value].executed < seq;
  }
  [[nodiscard]] bool any_behind(Seq seq) const;
  /// At most f others have not said that a checkpoint at or above `seq` is stable with them: to
  /// wait for messages about numbers up to it is to wait for those f.
  [[nodiscard]] bool discarded(Seq seq) const;
  /// The peer spoke of this number: what it misses of it, it asks for itself.
  void spoke(ReplicaId peer, Seq seq);
  /// Whether this peer has never spoken of `seq` or a higher number, and perhaps knows of none.
  [[nodiscard]] bool unaware(ReplicaId peer, Seq seq) const {
    return peers_[peer.value].spoken < seq;
  }
  [[nodiscard]] bool any_unaware(Seq seq) const;

  /// A peer's question is answered while its budget lasts: `answer_units` per retransmission
  /// interval.
  [[nodiscard]] bool may_answer(Time now, ReplicaId peer);
  void answered(ReplicaId peer, std::size_t units);
  /// As many per retransmission interval as a correct backup forwards: each may cost a place in a
  /// batch. Not of the budget above: whoever forwards what clients wait for may be the same who
  /// waits for a PRE-PREPARE.
  bool may_forward(Time now, ReplicaId peer);
  /// Requests that it vouches for: as many as a correct backup can have waiting, per interval.
  bool may_vouch(Time now, ReplicaId peer, std::size_t requests);
  /// As many per interval as a correct backup puts the primary to the test.
  bool may_ping(Time now, ReplicaId peer);
  /// As many per interval as a correct backup tries the primary with, so that others give all their
  /// word of them.
  bool may_hurry(Time now, ReplicaId peer);
  /// At most one STATUS of ours to a peer, unasked, per half an interval.
  bool may_ask(Time now, ReplicaId peer);

  /// A link to it came up: whether to act on that, and then we may ask at once. A correct peer
  /// whose links do not last calls less and less often, and stays within this. (The budgets above
  /// stay: reconnecting is no way around them.)
  [[nodiscard]] bool connected(Time now, ReplicaId peer);

  /// A unit is one small message, or 4 KiB of a body.
  static constexpr std::size_t answer_units = 1024;
  static constexpr std::size_t unit_bytes = 4096;
  static constexpr std::size_t forwards_per_interval = 32;
  static constexpr std::size_t trials_per_interval = 8;
  static constexpr std::size_t links_per_second = 8;

 private:
  struct Budget {
    Time from;
    std::size_t used = 0;
  };
  struct Peer {
    Seq executed;
    Seq stable;
    Seq spoken;
    Budget answers;
    Budget forwards;
    Budget vouchers;
    Budget pings;
    Budget hurries;
    Budget links;
    Time asked = never;
  };
  /// Afresh every interval.
  Budget& at(Budget& budget, Time now) const { return at(budget, now, config_.retransmit_us); }
  static Budget& at(Budget& budget, Time now, std::uint64_t interval_us);

  const Config& config_;
  std::vector<Peer> peers_;
  Seq some_correct_;
};

}  // namespace prytany::pbft
