// Everything that can happen to a replica. Past participles: they have happened.
#pragma once

#include <optional>
#include <variant>

#include "server/wire/authentic.h"

namespace prytany::pbft {

/// deadline() has passed.
struct Tick {};
/// By a client. `host`: a number that stands for where it is, equal for all whom it costs nothing
/// to be one more of.
struct Submitted {
  wire::AuthenticRequest request;
  std::uint64_t host = 0;
};
/// From a replica; sender and nested proofs are checked.
struct Received {
  wire::AuthenticPeerMessage message;
};
/// A link is up: exchange status at once.
struct PeerConnected {
  ReplicaId peer;
};
/// Execute{seq}, and every one before, is done. None comes after a StateInstalled that replaced
/// what it was of.
struct Executed {
  Seq seq;
  std::optional<Seq> ends = {};  // Config::ends_at, from now on
};
/// TakeCheckpoint{seq} is done.
struct CheckpointTaken {
  Seq seq;
  Digest state;
  Digest configuration = {};  // of the numbers above it
};
/// Stable{seq}: state.db's commit point is on disk.
struct CheckpointDurable {
  Seq seq;
};
/// FetchState is done, verified and durable: the last one asked for, or an earlier one since the
/// last that was installed.
struct StateInstalled {
  wire::CheckpointProof proof;  // as FetchState had it
  /// Config::ends_at, from now on. At or below seq: the host is about to begin the next
  /// configuration.
  std::optional<Seq> ends = {};
};
/// Too few others hold the state of FetchState{seq} for it to come: they have gone on.
struct StateGone {
  Seq seq;
};
/// This checkpoint is certified, and ends my configuration or is of a later one. Whoever is there
/// does not repeat to me what is missing here.
struct Superseded {
  wire::CheckpointProof proof;
};
/// A replica that has not come to my configuration yet says what checkpoint it holds.
struct Behind {
  ReplicaId peer;
  Seq stable;
};
/// The request with this digest, of an AskIfWanted, will not be executed any more.
struct NotWanted {
  Digest request;
};
/// The application has work for the next batch at or after `at`, though nobody may ask for
/// anything: an idle primary orders an empty one then. Comes before the Executed that it is of,
/// which is over when it takes the place of the last one.
struct BatchDue {
  Time at = never;
  Time overdue = never;  // a correct primary has begun by then, whatever its clock
};

using Event = std::variant<Tick, Submitted, Received, PeerConnected, Executed, CheckpointTaken,
                           CheckpointDurable, StateInstalled, StateGone, NotWanted, Superseded,
                           Behind, BatchDue>;

}  // namespace prytany::pbft
