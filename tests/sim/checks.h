// All checkers of one run together, and the readers that feed them from what crosses the ports.
#pragma once

#include <set>
#include <utility>

#include "tests/sim/answers_checker.h"
#include "tests/sim/checkers.h"
#include "tests/sim/history_checker.h"
#include "tests/sim/hostile/bounds_checker.h"
#include "tests/sim/identity_checker.h"
#include "tests/sim/leave_checker.h"
#include "tests/sim/lie_checker.h"
#include "tests/sim/missed_checker.h"
#include "tests/sim/proof_checker.h"
#include "tests/sim/read_checker.h"
#include "tests/sim/refusal_checker.h"
#include "tests/sim/service_checker.h"
#include "tests/sim/view_checker.h"
#include "tests/sim/watch_checker.h"

namespace prytany::sim {

/// The messages of a frame (server/wire/frame.h), whose tag is the receiver's business.
Result<std::vector<wire::PeerMessage>, wire::Malformed> messages_of(ByteView frame);
/// "prepare v1 n5, commit v1 n4": for people.
std::string describe_frame(ByteView frame);

struct Checks {
  /// `forgets`: those whose disks may forget what they voted, by plan. Nothing is asked of their
  /// own history; they still count in all that is asked of others. `damages`: those whose state.db
  /// may be damaged: they halt, or start from any state from which their journals go on.
  /// `byzantine`: those that lie, of `forgets`, too; what they say proves nothing against anybody.
  Checks(const Digest& cluster, const pbft::Group& group, std::set<ReplicaId> forgets = {},
         std::set<ReplicaId> damages = {}, std::set<ReplicaId> liars = {})
      : forgetful(std::move(forgets)),
        damaged(std::move(damages)),
        byzantine(std::move(liars)),
        views(violations, group, forgetful, byzantine),
        replies(violations, cluster),
        missed(violations, group.weak_quorum()),
        leaving(violations, group.weak_quorum()),
        lies(violations, group.weak_quorum()),
        answers(violations, group.n),
        refusals(violations, [this](ReplicaId id) { return correct(id); }) {}

  Violations violations;
  std::set<ReplicaId> forgetful;
  const std::set<ReplicaId> damaged;
  const std::set<ReplicaId> byzantine;
  AgreementChecker agreement{violations};
  VoteChecker votes{violations};
  ViewChecker views;
  StateChecker state{violations};
  ProgressChecker progress{violations};
  TimeChecker times{violations};
  ConfigurationChecker configurations{violations};
  ReplyChecker replies;
  HistoryChecker history{violations};
  ReadChecker reads{violations};
  MissedChecker missed;
  LeaveChecker leaving;
  LieChecker lies;
  AnswersChecker answers;
  ProofChecker proofs{violations};
  RefusalChecker refusals;
  BoundsChecker bounds{violations};
  WatchChecker watching{violations};
  IdentityChecker identities{violations};
  ServiceChecker service{violations};

  /// Now, and as far as the plan goes: all is asked of it, and its words are what they should be.
  [[nodiscard]] bool correct(ReplicaId id) const {
    return !forgetful.contains(id) && !damaged.contains(id) && !byzantine.contains(id);
  }

  /// A newer incarnation takes this one's place: from now on all is asked of it, as if nothing had
  /// been said before.
  void born(ReplicaId id);
  /// A restart found this.
  void recovered(ReplicaId by, const pbft::Recovered& recovered, Seq image);
  /// Its journal holds durably what it was told so far.
  void synced(ReplicaId by);
  /// A sealed frame leaves for another replica.
  void frame_left(ReplicaId from, ByteView frame);
  /// A JSON text leaves for a client, who keeps the rules, or is of those who do not.
  void text_left(ReplicaId from, node::ConnectionId to, std::string_view text,
                 bool to_honest = false);
  /// A client's text leaves for the replicas.
  void client_text_left(std::string_view text);

 private:
  void commits_left(ReplicaId from, const std::vector<wire::PeerMessage>& messages);

  /// What is said to all is looked at once: without its tag, the frame that each sent last, until
  /// what may be said changes.
  std::map<ReplicaId, Bytes> last_frames_;
};

}  // namespace prytany::sim
