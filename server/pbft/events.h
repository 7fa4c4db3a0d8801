// Everything that can happen to a replica. Past participles: they have happened.
#pragma once

#include <variant>

#include "server/wire/authentic.h"

namespace prytany::pbft {

struct Tick {};  // deadline() has passed
struct Submitted {
  wire::AuthenticRequest request;
};  // by a client
struct Received {
  wire::AuthenticPeerMessage message;
};  // sender and nested proofs checked
struct PeerConnected {
  ReplicaId peer;
};  // a link is up: exchange status at once
struct Executed {
  Seq seq;
};  // Execute{seq} is done
struct CheckpointTaken {
  Seq seq;
  Digest state;
};  // TakeCheckpoint{seq} is done
struct CheckpointDurable {
  Seq seq;
};  // Stable{seq}: state.db's commit point is on disk
struct StateInstalled {
  Seq seq;
  Digest state;
};  // FetchState is done, verified and durable

using Event = std::variant<Tick, Submitted, Received, PeerConnected, Executed, CheckpointTaken,
                           CheckpointDurable, StateInstalled>;

}  // namespace prytany::pbft
