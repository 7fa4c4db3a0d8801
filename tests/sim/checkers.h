// The checkers: what must hold among all replicas of a run, whatever happened to them. They see
// what crosses the ports (records, frames, replies, statuses) and nothing inside, so that a bug in
// the core cannot hide itself from them. Each is told of facts and adds violations; docs/testing.md
// lists them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "server/pbft/journal.h"
#include "server/pbft/replica.h"
#include "server/wire/client_messages.h"
#include "server/wire/configuration.h"
#include "server/wire/messages.h"
#include "server/wire/values.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

std::string replica_name(ReplicaId id);

/// One committed number, as the first replica that knew it wrote it down.
struct CommittedBatch {
  Digest digest;
  wire::Batch batch;
  wire::Agreed agreed;
};
using CommittedLog = std::map<Seq, CommittedBatch>;

/// Agreement and validity: one digest for each number among all replicas ever, whose content is
/// what the digest says, and holds only requests that clients made (pitfalls I1, I2).
class AgreementChecker {
 public:
  explicit AgreementChecker(Violations& violations) : violations_(violations) {}

  /// A client signed and sent this.
  void issued(const Digest& request) { issued_.insert(request); }
  /// A correct replica accepts this batch: some correct one could prove each request of it.
  void accepted(ReplicaId by, Seq seq, const wire::Batch& batch);
  /// This replica wrote down that `seq` is committed. `content`: batch and agreed values, as it has
  /// them.
  void committed(ReplicaId by, Seq seq, const Digest& digest, const wire::Batch& batch,
                 const wire::Agreed& agreed);
  /// This replica told others that `seq` is committed: perhaps before it wrote that down, because
  /// it promises nothing that a restart could contradict.
  void claimed(ReplicaId by, Seq seq, const Digest& digest);
  /// At the end: what was claimed is what was committed.
  void finish();

  [[nodiscard]] const CommittedLog& log() const { return log_; }
  [[nodiscard]] bool has_number(const Digest& request) const { return requests_.contains(request); }
  /// Requests in the log, counted once each.
  [[nodiscard]] std::size_t requests() const { return requests_.size(); }
  /// Requests that were committed again after they had been: executed once all the same.
  [[nodiscard]] std::size_t repeated() const { return committed_requests_ - requests_.size(); }
  /// The highest number below which the log has no gap.
  [[nodiscard]] Seq contiguous() const { return contiguous_; }

 private:
  Violations& violations_;
  std::set<Digest> issued_;
  std::set<Digest> requests_;
  CommittedLog log_;
  std::map<Seq, std::pair<Digest, ReplicaId>> claims_;
  Seq contiguous_;
  std::size_t committed_requests_ = 0;
};

enum class Phase : std::uint8_t { pre_prepare, prepare, commit };

/// Votes: nobody ever says two things of one (phase, view, number), also not across restarts
/// (pitfalls I5); no vote leaves before its record is synced (I6); after a restart the journal
/// holds every vote that was sent above the image (I12).
class VoteChecker {
 public:
  explicit VoteChecker(Violations& violations) : violations_(violations) {}

  /// The journal holds this durably from now on.
  void synced(ReplicaId by, const pbft::JournalRecord& record);
  /// What was said under its older key is another's.
  void born(ReplicaId by);
  void sent(ReplicaId by, const wire::PeerMessage& message);
  /// A restart found this; it is durable from now on, synced or not before. Requires: the records
  /// of the first life were reported as synced.
  void recovered(ReplicaId by, const pbft::Recovered& recovered);

 private:
  using Key = std::tuple<ReplicaId, Phase, View, Seq>;
  void vote(ReplicaId by, Phase phase, View view, Seq seq, const Digest& digest,
            bool durable_first);

  Violations& violations_;
  std::map<Key, Digest> said_;
  std::set<std::pair<Key, Digest>> durable_;
};

/// State: one digest for each checkpoint among all replicas ever (pitfalls I10).
class StateChecker {
 public:
  explicit StateChecker(Violations& violations) : violations_(violations) {}

  void signed_checkpoint(ReplicaId by, Seq seq, const Digest& state);
  void proof(ReplicaId by, const wire::CheckpointProof& proof);

  /// What was agreed for each checkpoint, in order.
  [[nodiscard]] const std::map<Seq, Digest>& states() const { return states_; }
  /// Checkpoints that somebody held a proof of.
  [[nodiscard]] std::size_t stable_count() const { return stable_.size(); }

 private:
  void state(ReplicaId by, Seq seq, const Digest& digest);

  Violations& violations_;
  std::map<Seq, Digest> states_;
  std::map<Seq, ReplicaId> first_;
  std::set<Seq> stable_;
};

/// Progress: numbers that never decrease, within a life and across lives (pitfalls I4, I9).
class ProgressChecker {
 public:
  explicit ProgressChecker(Violations& violations) : violations_(violations) {}

  /// Its journal holds durably that `seq` is committed, with its batch.
  void committed_durably(ReplicaId by, Seq seq);
  /// It threw away what its journal said of numbers at or below `seq`.
  void discarded(ReplicaId by, Seq seq);
  /// A life begins with this image.
  void started(ReplicaId by, Seq image);
  /// Likewise, on a disk that may be another than before.
  void forgot(ReplicaId by, Seq image);
  /// After every turn; in a life's first, the journal's numbers are executed again.
  void after_turn(ReplicaId by, const pbft::ReplicaStatus& status, Seq highest_committed,
                  std::uint64_t window);

 private:
  struct Life {
    View view;
    Seq stable;
    Seq executed;
    Seq promised;  // executed must reach this in the first turn: what was executed durably before
    bool first_turn = true;
  };
  struct Durable {
    Seq image;                // the highest a life began with
    Seq discarded;            // below this the journal holds nothing
    std::set<Seq> committed;  // in the journal, durably
  };
  Violations& violations_;
  std::map<ReplicaId, Life> lives_;
  std::map<ReplicaId, Durable> durable_;
};

/// Configurations: what is said of a number is said in the configuration that governs it. Nobody
/// votes beyond the end of one, and nobody votes in the next one up to there
/// (docs/protocol.md, reconfiguration).
class ConfigurationChecker {
 public:
  explicit ConfigurationChecker(Violations& violations) : violations_(violations) {}

  /// Somebody proved that it began there.
  void began(ReplicaId by, const wire::Configuration& configuration);
  /// It was never rightly asked for.
  void never(const crypto::PublicKey& key) { never_.insert(key); }
  /// A vote, or a proposal.
  void voted(ReplicaId by, ConfigNumber number, Seq seq);
  void finish();

 private:
  struct Votes {
    Seq lowest{~std::uint64_t{0}};
    Seq highest;
    ReplicaId of_lowest;
    ReplicaId of_highest;
  };
  Violations& violations_;
  std::map<ConfigNumber, wire::Configuration> known_;
  std::set<crypto::PublicKey> never_;
  std::map<ConfigNumber, Votes> votes_;
};

/// Agreed time: nothing is committed whose time is further ahead than a correct clock allows
/// (server/node/nondeterminism.h), whatever a primary says.
class TimeChecker {
 public:
  explicit TimeChecker(Violations& violations) : violations_(violations) {}

  /// A replica whose clock is honest looked at it.
  void read(AgreedTime wall) { latest_ = std::max(latest_, wall); }
  void committed(ReplicaId by, Seq seq, AgreedTime agreed);

 private:
  static constexpr std::int64_t ahead_max_us = 500'000;

  Violations& violations_;
  AgreedTime latest_{0};
};

/// An answer that says why a request was not executed. Nothing remembers it.
bool judged_not_executed(const wire::Outcome& outcome);

/// Replies: one answer for each request among all replicas ever, given at one number: a request
/// that was executed twice has two (pitfalls I3, I13).
class ReplyChecker {
 public:
  ReplyChecker(Violations& violations, const Digest& cluster)
      : violations_(violations), cluster_(cluster) {}

  /// A replica sent this to a client, whole or as a digest.
  void replied(ReplicaId by, const wire::Reply& reply);
  void replied(ReplicaId by, const wire::ReplyDigest& digest);
  /// Somebody who lies sent this: of use when others say the same by its digest.
  void offered(const wire::Reply& reply);
  /// Somebody who keeps no rules said it. What is refused without being executed is not stored, so
  /// each time that it is ordered it is judged anew; each answer must be in the reference.
  void capricious(const Digest& request) { capricious_.insert(request); }
  /// A client took this for its request; for a join, session and number are 0.
  struct Accepted {
    SessionId session;
    RequestNumber number;
    Seq seq;
    AgreedTime agreed;
    wire::Outcome outcome;
  };
  void accepted(const std::string& client, const Accepted& what);

  struct Given {
    Digest reply;
    std::optional<wire::Reply> whole;
    ReplicaId by;  // the first that gave it
    /// A join that was refused is not remembered: ordered again, it is refused again, at another
    /// number. Each answer must be in the reference.
    std::vector<Given> others;
  };
  /// By (session, number, request): joins have session 0 and numbers that their clients chose.
  using Key = std::tuple<SessionId, RequestNumber, Digest>;
  [[nodiscard]] const std::map<Key, Given>& given() const { return given_; }

 private:
  void note(ReplicaId by, const Key& key, const Digest& reply, const wire::Reply* whole);
  [[nodiscard]] const wire::Reply* whole_of(const Given& given) const;
  [[nodiscard]] const wire::Reply* find(const Accepted& what) const;

  Violations& violations_;
  Digest cluster_;
  std::map<Key, Given> given_;
  std::map<Digest, wire::Reply> offered_;
  std::set<Digest> capricious_;
  std::map<std::pair<SessionId, RequestNumber>, std::pair<Digest, Seq>> executed_at_;
};

}  // namespace prytany::sim
