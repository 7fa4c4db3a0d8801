// Fetching a certified state (Castro & Liskov TOCS 2002 section 5.3): a walk of its tree from the
// certified root down, into whatever differs from our newest checkpoint, and nowhere else.
//
//   root, proven by the certificate -> nodes, each proven by the one above -> pages, each proven
//   by its leaf -> FetchedPages -> PageStore::install
//
// Nothing is used, kept or passed on before it is proven, so whoever sends a wrong part is known at
// once. Parts are asked of several peers at the same time, by FetchPeers. One transfer may change
// its target: what was proven for the older one is kept by its content.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/node/fetch_peers.h"
#include "server/wire/messages.h"
#include "vfs/fetched_pages.h"
#include "vfs/page_store.h"

namespace prytany::node {

/// Over the life of a replica; for people and tests.
struct TransferCounters {
  std::uint64_t parts = 0;          // answers of use
  std::uint64_t bytes = 0;          // of pages and digests in them
  std::uint64_t pages = 0;          // fetched and proven
  std::uint64_t pages_at_hand = 0;  // not fetched, because an earlier attempt did
  std::uint64_t lies = 0;           // parts that were wrong
  std::uint64_t stalls = 0;         // asks that were not answered in time
  std::uint64_t unrequested = 0;    // parts that nobody asked this peer for, or no longer
};

class StateFetch {
 public:
  struct World {
    const vfs::PageStore& store;  // changed by nobody meanwhile but install()
    vfs::FetchedPages& fetched;   // loaded
    TransferCounters& counters;
  };
  /// `damaged`, ascending: pages of the newest checkpoint that are not what its tree says.
  StateFetch(World world, wire::CheckpointProof proof, ReplicaId self, pbft::Group group,
             std::vector<vfs::PageIndex> damaged, Time now);

  using Requests = std::vector<std::pair<ReplicaId, wire::FetchPart>>;
  /// What to ask now; gives up first what did not come in time.
  Requests ask(Time now, const std::set<ReplicaId>& connected);
  /// Dropped unless it is what we asked this peer for. An Error is a local fault.
  Result<void> on(ReplicaId from, const wire::StatePart& part, Time now);
  /// The link to this peer is gone: what it was asked for, others are asked for now.
  void lost(ReplicaId peer);
  /// Another checkpoint is wanted instead.
  void retarget(wire::CheckpointProof proof, Time now);
  /// When ask() is owed although nothing comes.
  [[nodiscard]] Time deadline() const { return deadline_; }

  /// Everything that differs is at hand.
  [[nodiscard]] bool complete() const;
  /// Reads everything back before the store is touched, since what was put aside may have rotted.
  /// True: it is whole. False: it is not complete any more, and what is missing is asked for again.
  /// Requires: complete(). An Error is a local fault.
  Result<bool> recheck();
  /// Requires: complete(), and that recheck() said so. Afterwards the store has the state, or it is
  /// a local fault.
  Result<void> install(vfs::PageStore& store);

  [[nodiscard]] const wire::Checkpoint& target() const { return proof_.checkpoint; }
  [[nodiscard]] const wire::CheckpointProof& proof() const { return proof_; }
  /// So few are left who may have it that all of them may be faulty.
  [[nodiscard]] bool exhausted(const std::set<ReplicaId>& connected) const {
    return peers_.exhausted(connected);
  }
  /// Something was proven in the last few seconds.
  [[nodiscard]] bool progressing(Time now) const;
  struct Progress {
    Seq target;
    std::uint64_t pages = 0;      // of the wanted state; 0 while unknown
    std::uint64_t settled = 0;    // of these known to be here already, or at hand
    std::uint64_t differing = 0;  // found so far
    std::set<ReplicaId> avoided;  // who lied
  };
  [[nodiscard]] Progress progress() const;
  /// What an operator should read, once.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  static constexpr unsigned root_level = ~0U;
  struct Item {
    vfs::PageIndex index;
    Digest digest;
  };
  /// What one answer shall hold: pages (level 0), the children of nodes of a level, or the root.
  struct Work {
    unsigned level = root_level;
    std::vector<Item> items;
    bool done = false;
    unsigned asks = 0;  // in flight: two, when the first peer is slow
  };
  struct Ask {
    ReplicaId peer;
    std::shared_ptr<Work> work;
    Time sent;
    Time due;
  };
  using Asks = std::map<std::uint64_t, Ask>;

  void start_walk();
  void report(Time now);
  void give_up_late(Time now, const std::set<ReplicaId>& connected);
  void second_asks(Time now, const std::set<ReplicaId>& connected, Requests& out);
  Asks::iterator drop(Asks::iterator ask);
  void send(ReplicaId peer, std::shared_ptr<Work> work, Time now, Requests& out);
  std::shared_ptr<Work> next_work(std::size_t pages);
  void reject(ReplicaId peer, const char* what, std::uint64_t ask);

  /// Each returns what is wrong, or null.
  Result<const char*> accept(const Work& work, const wire::TreeRoot& part);
  Result<const char*> accept(const Work& work, const wire::TreeNodes& part);
  Result<const char*> accept(const Work& work, const wire::StatePages& part);
  template <class Other>
  Result<const char*> accept(const Work&, const Other&);
  void descend(unsigned level, vfs::PageIndex index, std::span<const Digest> children);
  void want_page(vfs::PageIndex page, const Digest& leaf);
  void tidy_fetched();
  [[nodiscard]] bool holds_damage(unsigned level, vfs::PageIndex index) const;

  World world_;
  wire::CheckpointProof proof_;
  FetchPeers peers_;
  std::vector<vfs::PageIndex> damaged_;
  Digest base_;  // root of what is compared with

  // The walk of this target.
  bool root_known_ = false;
  vfs::TreeShape shape_;
  std::vector<std::pair<unsigned, Item>> nodes_;  // to be opened, by level; the last first
  std::deque<Item> pages_;                        // to be fetched
  std::vector<Item> differing_;                   // all pages found to differ
  std::uint64_t settled_ = 0;
  unsigned rotten_ = 0;  // how often recheck() found something

  std::deque<std::shared_ptr<Work>> again_;  // given up by one peer
  Asks asks_;
  std::uint64_t open_ = 0;  // works neither done nor in again_
  std::uint64_t next_ask_ = 1;
  Time progressed_;
  Time deadline_;
  Time report_at_;
  std::vector<std::string> notes_;
};

}  // namespace prytany::node
