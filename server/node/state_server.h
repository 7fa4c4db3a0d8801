// What peers may read of our checkpoints: bounded work for each ask, bounded bytes for each peer,
// and old pages kept because a peer is reading them, for a bounded time and in bounded number.
#pragma once

#include <cstdint>
#include <map>

#include "server/wire/messages.h"
#include "vfs/page_store.h"

namespace prytany::node {

struct StateServerOptions {
  /// What one peer may be sent at once, and per second. Frames of pages queue on its link, and
  /// reading and sending them takes this replica's one thread from the group's work.
  std::uint64_t burst_bytes = 8U << 20;
  std::uint64_t bytes_per_s = 64U << 20;
  /// Longest that one reader makes us keep one checkpoint, and how many of its old pages at most: a
  /// liar must not hold them for ever.
  std::uint64_t reader_total_us = 600'000'000;
  std::uint64_t reader_idle_us = 5'000'000;
  std::uint64_t retained_pages_max = 131'072;  // 512 MiB
};

class StateServer {
 public:
  explicit StateServer(const vfs::PageStore& store, StateServerOptions options = {})
      : store_(store), options_(options) {}

  wire::StatePart serve(ReplicaId to, const wire::FetchPart& ask, Time now);
  /// The lowest checkpoint that must be kept: `stable`, or a lower one that somebody reads. Forgets
  /// readers that stopped asking, or read for too long or at too high a price.
  Seq keep_from(Seq stable, Time now);

  [[nodiscard]] std::uint64_t bytes_served() const { return bytes_served_; }

 private:
  struct Reader {  // one checkpoint per peer: bounded by the group
    Seq seq;
    Time since;
    Time last;
    bool pins = true;
    std::uint64_t allowance = 0;  // bytes
  };
  [[nodiscard]] Seq lowest_pinned(Seq stable, Time now);
  Reader& reader(ReplicaId peer, Seq seq, Time now);

  const vfs::PageStore& store_;
  StateServerOptions options_;
  std::map<ReplicaId, Reader> readers_;
  std::uint64_t bytes_served_ = 0;
};

}  // namespace prytany::node
