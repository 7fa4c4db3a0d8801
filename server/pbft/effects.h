// Everything a replica can ask for, in the order in which it must be done. A Persist is durable
// before any Send after it. A host may run many steps, then sync once, then send everything: moving
// a Persist earlier never breaks that order.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/pbft/journal.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

/// Batches inside records, messages and Execute are shared, not copied (wire/shared_list.h).
struct Persist {
  JournalRecord record;
  /// No Send waits for it: it may become durable together with a later one, in order. (What was
  /// committed can be told again by others.) A turn whose Persists are all lazy needs no sync.
  bool lazy = false;
};
/// Every Persist so far, the lazy ones too, is durable before any Send after this.
struct MakeDurable {};
/// To one peer, or to all others.
struct Send {
  std::optional<ReplicaId> to;
  wire::PeerMessage message;
  /// Promises nothing that a restart could contradict: may leave before any Persist is durable.
  bool at_once = false;
};
/// In order, without gaps, and only what is committed.
struct Execute {
  Seq seq;
  Digest digest;  // of batch and agreed: the seed of request i is H(n, d, i)
  wire::Batch batch;
  wire::Agreed agreed;
  std::vector<Digest> requests;  // digests of the batch's
};
/// Every Execute before it is done.
struct TakeCheckpoint {
  Seq seq;
};
/// This checkpoint is certified (its record was persisted before): bring state.db to it, then say
/// CheckpointDurable.
struct Stable {
  Seq seq;
  Digest state;
};
/// state.db is at seq: journal records of numbers at or below it are not needed any more.
struct DiscardJournal {
  Seq seq;
};
/// We are behind what peers can resend, or our state is wrong: get this certified state, then say
/// StateInstalled. (Its StableRecord was persisted before.) May come again while a fetch runs: with
/// a newer proof, when the state does not come for long; the host decides whether to go on with the
/// older one.
struct FetchState {
  wire::CheckpointProof proof;
  /// Our own state differs from what was certified: answer no client until it is replaced.
  bool diverged = false;
};
/// This request has waited for half the time that the primary is given for it. If it will not be
/// executed any more (its session ended, its number was used), say NotWanted: the primary may know,
/// and is not to blame.
struct AskIfWanted {
  wire::ClientRequest request;
};
/// The disk was lost, or put back to an older state: end the process. No step does anything more.
struct Stop {
  std::string reason;
};
/// "condition -> decision": the operator's log, the message trace, and a test's expectation.
struct Note {
  std::string text;
  bool important = false;  // for the operator; others come only with Config::notes
};

using Effect = std::variant<Persist, MakeDurable, Send, Execute, TakeCheckpoint, Stable,
                            DiscardJournal, FetchState, AskIfWanted, Stop, Note>;
using Effects = std::vector<Effect>;

}  // namespace prytany::pbft
