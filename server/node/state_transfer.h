// State transfer, first form: the whole image of a certified checkpoint, from one peer at a time,
// in chunks, and believed only when its Merkle root is the certified one. (The walk that fetches
// only what differs takes this room over.)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/wire/messages.h"
#include "vfs/page_store.h"

namespace prytany::node {

/// What peers may read of our checkpoints, and for how long we keep one because a peer is reading
/// it.
class StateServer {
 public:
  explicit StateServer(const vfs::PageStore& store) : store_(store) {}

  wire::Pages serve(ReplicaId to, const wire::FetchPages& ask, Time now);
  /// The lowest checkpoint that must be kept: `stable`, or a lower one that somebody reads. Forgets
  /// readers that stopped asking, or read for too long.
  Seq keep_from(Seq stable, Time now);

 private:
  struct Reader {
    Seq seq;
    Time since;
    Time last;
  };
  const vfs::PageStore& store_;
  std::map<ReplicaId, Reader> readers_;  // one checkpoint per peer: bounded by the group
};

/// Fetching one certified image.
class StateFetch {
 public:
  StateFetch(wire::CheckpointProof proof, ReplicaId self, unsigned replicas, Time now);

  using Requests = std::vector<std::pair<ReplicaId, wire::FetchPages>>;
  /// What to ask now; also gives up on a peer that stalls.
  Requests ask(Time now, const std::set<ReplicaId>& connected);
  /// Refused silently unless it is what we asked this peer for.
  void on(ReplicaId from, const wire::Pages& pages, Time now);
  [[nodiscard]] Time deadline() const;

  /// All pages are here: check the root; if it is wrong, the peer is not asked again.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] ByteView image() const { return image_; }
  void reject_peer();

  [[nodiscard]] const wire::CheckpointProof& proof() const { return proof_; }
  [[nodiscard]] std::optional<ReplicaId> source() const { return source_; }
  [[nodiscard]] double progress() const;
  /// No peer is left that might have it: wait for a newer certificate.
  [[nodiscard]] bool exhausted() const;

 private:
  void leave_source(bool for_good);

  wire::CheckpointProof proof_;
  ReplicaId self_;
  unsigned replicas_;
  std::set<ReplicaId> rejected_;  // sent a wrong image
  std::set<ReplicaId> gone_;      // do not hold this checkpoint
  std::optional<ReplicaId> source_;
  ReplicaId next_{};  // round robin
  std::optional<std::uint64_t> pages_total_;
  std::uint64_t received_ = 0;  // pages, in order: chunks of one connection come in order, or again
  std::uint64_t asked_until_ = 0;
  Time stalled_at_;
  Bytes image_;
};

}  // namespace prytany::node
