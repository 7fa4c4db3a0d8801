// Everything that can happen to a replica. Past participles: they have happened.
#pragma once

#include <variant>

#include "server/wire/authentic.h"

namespace prytany::pbft {

/// deadline() has passed.
struct Tick {};
/// By a client.
struct Submitted {
  wire::AuthenticRequest request;
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
};
/// TakeCheckpoint{seq} is done.
struct CheckpointTaken {
  Seq seq;
  Digest state;
};
/// Stable{seq}: state.db's commit point is on disk.
struct CheckpointDurable {
  Seq seq;
};
/// FetchState is done, verified and durable; of one of the last sixteen asked for.
struct StateInstalled {
  Seq seq;
  Digest state;
};
/// The request with this digest, of an AskIfWanted, will not be executed any more.
struct NotWanted {
  Digest request;
};

using Event = std::variant<Tick, Submitted, Received, PeerConnected, Executed, CheckpointTaken,
                           CheckpointDurable, StateInstalled, NotWanted>;

}  // namespace prytany::pbft
