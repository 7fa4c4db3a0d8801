// Everything a replica can ask for, in the order in which it must be done. A Persist is durable before any
// Send after it. A host may run many steps, then sync once, then send everything: moving a Persist earlier
// never breaks that order.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/pbft/journal.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

struct Persist { JournalRecord record; };
/// To one peer, or to all others.
struct Send {
  std::optional<ReplicaId> to;
  wire::PeerMessage message;
};
/// In order, without gaps, and only what is committed.
struct Execute {
  Seq seq;
  Digest digest;  // of batch and agreed: the seed of request i is H(n, d, i)
  wire::Batch batch;
  wire::Agreed agreed;
};
struct TakeCheckpoint { Seq seq; };
/// This checkpoint is certified (its record was persisted before): bring state.db to it, then say CheckpointDurable.
struct Stable { Seq seq; Digest state; };
/// state.db is at seq: journal records of numbers at or below it are not needed any more.
struct DiscardJournal { Seq seq; };
/// We are behind what peers can resend, or our state is wrong: get this certified state, then say StateInstalled.
struct FetchState { wire::CheckpointProof proof; };
/// "condition -> decision": the operator's log, the message trace, and a test's expectation.
struct Note { std::string text; };

using Effect =
    std::variant<Persist, Send, Execute, TakeCheckpoint, Stable, DiscardJournal, FetchState, Note>;
using Effects = std::vector<Effect>;

}  // namespace prytany::pbft
