// The boot question (docs/design.md section 10): before a replica that has just started votes, it
// asks the others what it had voted. A disk that was lost, or put back to an older state, has
// forgotten votes; whoever votes again after that may contradict itself, which is a Byzantine
// fault.
//
// A vote leaves only after its record is durable. So a correct replica's journal knows every vote
// that anybody can have seen, and no answer of a correct peer names one that is missing: f+1
// answers that do are proof of loss. Everybody answers at once, also while it asks itself, so a
// group that starts all together waits for nothing but its links.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/journal.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

/// What my journal knew of my own votes when I started.
class BootQuestion {
 public:
  BootQuestion(const Config& config, const Recovered& recovered);

  /// Until then nothing may leave that is a vote, or a proposal.
  [[nodiscard]] bool asking() const { return asking_; }
  /// Until the end of this configuration: no answer can let it vote.
  [[nodiscard]] bool mute() const { return mute_; }
  /// state.db holds what was decided up to here: votes at or below are not asked for.
  [[nodiscard]] Seq above() const { return image_; }
  /// Also when enough have answered: who is asked learns that I have started anew, and can prove
  /// nothing of what I vouched for.
  [[nodiscard]] bool awaits(ReplicaId peer) const;
  [[nodiscard]] std::size_t answers() const { return answered_.size() + above_me_.size(); }

  enum class Verdict {
    wait,
    go_on,  // n-f replicas, this one among them, know of nothing that the journal lacks
    lost,   // weak_quorum() others do: one of them is correct
  };
  /// One answer counts per peer, the last. Requires: asking().
  Verdict answer(ReplicaId from, const wire::VotesSeen& seen);
  /// An answer that came when there were enough, and says nothing any more.
  void late(ReplicaId from) { answered_.insert(from); }
  /// What the journal lacks of it, in words; nothing if it knows all.
  [[nodiscard]] std::optional<std::string> lacks(const wire::VotesSeen& seen) const;

 private:
  struct Mine {
    std::vector<wire::PrePreparedEntry> prepares;  // each digest with its latest view
    std::optional<wire::Commit> commit;            // the latest
  };

  const Group group_;
  const bool mute_;
  Seq image_;
  View view_;  // in which the journal ends
  Seq prepared_;
  Seq committed_;
  std::map<Seq, Mine> mine_;
  std::set<ReplicaId> answered_;
  std::set<ReplicaId> above_me_;
  bool asking_ = false;
  const bool asked_;
};

/// What I have seen of others' votes, however old: all that is left of them when their numbers are
/// covered by a checkpoint.
class SeenVotes {
 public:
  SeenVotes(const Config& config, const Recovered& recovered);

  void saw(ReplicaId from, const wire::PeerMessage& message);
  /// Without single votes, which slots know.
  [[nodiscard]] wire::VotesSeen of(ReplicaId peer) const { return seen_[peer.value]; }

 private:
  void saw(ReplicaId from, View view);
  void saw(const wire::NewView& message);

  const Group group_;
  std::vector<wire::VotesSeen> seen_;  // by replica
};

}  // namespace prytany::pbft
