// One replica of Castro and Liskov's algorithm, as a pure state machine: time and events in,
// effects out. This file dispatches; slot, window, backlog, checkpoints, catch_up, view_change and
// new_view decide.
#pragma once

#include <map>
#include <memory>

#include "server/crypto/sign.h"
#include "server/pbft/config.h"
#include "server/pbft/effects.h"
#include "server/pbft/events.h"
#include "server/pbft/journal.h"
#include "server/pbft/nondeterminism.h"
#include "server/pbft/refusal.h"

namespace prytany::pbft {

/// For people, gateways and tests; a copy, never a reference into the replica.
struct ReplicaStatus {
  View view;
  ReplicaId primary;
  bool active = true;  // false while changing view
  ConfigNumber configuration;
  Seq stable;  // h
  Digest stable_state;
  Seq executed;
  Seq proposed;               // highest number seen proposed
  std::size_t waiting = 0;    // requests in the backlog
  std::uint64_t refused = 0;  // messages refused for reasons that correct peers do not give
  std::size_t untimely = 0;   // proposals not voted for yet, because of the time that they name
  bool fetching = false;      // state is being fetched; nothing is executed meanwhile
  bool voting = true;         // false: it has just started and asks what it voted; or it diverged
  bool diverged = false;      // our state differed from a certified one: no votes, no replies
  std::map<ReplicaId, Refusal> blamed;  // who said what no correct one says, and what came first
};

/// Requests that wait here, and how many of them are one's: bounded by backlog_*_max.
struct Held {
  std::size_t requests = 0;  // to be ordered
  std::size_t bytes = 0;
  std::size_t of_one_session = 0;
  std::size_t joins = 0;
  std::size_t unproven = 0;  // for more replicas' word
  std::size_t unproven_of_one = 0;
  std::size_t brought_by_one = 0;  // of those, passed on by one peer
};

class Replica {
 public:
  /// Requires: !config.refuse(). `recovered` is what the journal held. What it tells to be executed
  /// again comes out of the first step.
  Replica(const Config& config, const crypto::Signer& signer, NonDeterminism& nondeterminism,
          Recovered recovered);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  /// The only ways in. `now` never decreases. Appends to `out` what the host must do: it keeps what
  /// is in there until conclude(). What has happened by now is heard, one after the other, and then
  /// concluded: what came together is proposed together, and time is looked at once.
  void hear(Time now, Event event, Effects& out);
  void conclude(Time now, Effects& out);
  /// One event alone.
  void step(Time now, Event event, Effects& out);
  /// When a Tick is owed, as of the last conclude(); `never` if nothing is waited for.
  [[nodiscard]] Time deadline() const;
  [[nodiscard]] ReplicaStatus status() const;
  /// The primary of the last view that I entered.
  [[nodiscard]] bool leads() const;
  /// Takes time in proportion to what is held.
  [[nodiscard]] Held held() const;
  /// Of h; nothing at genesis.
  [[nodiscard]] const std::optional<wire::CheckpointProof>& stable_proof() const;
  /// The highest number that I ever sent COMMIT for, or know to be committed; also across views and
  /// restarts. Whatever somebody may have been told before now was committed by a quorum, so at
  /// least one correct replica of any other quorum names no lower number than that: who reads
  /// without ordering it answers when that is executed (docs/design.md section 7). Nothing while
  /// votes of mine may be forgotten, or my state is wrong.
  [[nodiscard]] std::optional<Seq> read_barrier() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace prytany::pbft
