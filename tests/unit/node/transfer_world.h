// A replica that fetches state, and peers that serve it, honestly or not, in virtual time.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "server/node/state_fetch.h"
#include "server/node/state_server.h"
#include "tests/unit/vfs/memory_slots.h"
#include "vfs/page_store.h"

namespace prytany::node {

class NoDisk final : public vfs::StateDisk {
 public:
  Result<void> load(vfs::ImageSink& sink) override { return sink.begin(0, -1, 0); }
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  std::uint64_t last_ = 0;
};

/// A page store on nothing.
struct State {
  NoDisk disk;
  std::unique_ptr<vfs::PageStore> store;

  State() {
    vfs::PageStoreOptions options;
    options.capacity_bytes = std::uint64_t{1} << 30;
    store = std::move(*vfs::PageStore::open(disk, options));
  }
  /// Every page its own content.
  void fill(vfs::PageIndex first, vfs::PageIndex count, std::uint64_t salt) {
    std::mt19937_64 random(salt);
    Bytes page(vfs::page_bytes);
    for (vfs::PageIndex i = first; i < first + count; ++i) {
      for (std::size_t at = 0; at < page.size(); at += 8) {
        const std::uint64_t word = random();
        std::copy_n(reinterpret_cast<const std::uint8_t*>(&word), 8, page.data() + at);
      }
      ENSURE(store->write(vfs::byte_offset(i), page));
    }
  }
  Digest checkpoint(std::uint64_t label) { return store->checkpoint(vfs::Label{label}); }
};

inline wire::CheckpointProof proof_of(std::uint64_t seq, const Digest& state) {
  wire::CheckpointProof proof;
  proof.checkpoint = {Seq{seq}, state};
  return proof;
}

/// What a peer makes of its honest answer; nothing: it says nothing.
using Mangle =
    std::function<std::optional<wire::StatePart>(const wire::FetchPart&, wire::StatePart)>;

struct Source {
  explicit Source(const vfs::PageStore& store) : server(store) {}
  StateServer server;
  Mangle mangle;
  std::uint64_t latency_us = 500;
  std::uint64_t asks = 0;
  std::uint64_t bytes = 0;
  unsigned in_flight = 0;
  unsigned in_flight_max = 0;
};

class Transfer {
 public:
  static constexpr ReplicaId self{3};

  State theirs;
  State mine;
  vfs::MemorySlots slots;
  TransferCounters counters;
  std::vector<std::unique_ptr<Source>> sources;
  std::set<ReplicaId> connected{ReplicaId{0}, ReplicaId{1}, ReplicaId{2}};
  std::unique_ptr<vfs::FetchedPages> fetched;
  std::unique_ptr<StateFetch> fetch;
  std::vector<std::string> notes;
  Time now{1'000'000};

  Transfer() {
    for (int i = 0; i < 3; ++i) sources.push_back(std::make_unique<Source>(*theirs.store));
  }
  Source& source(unsigned i) { return *sources[i]; }

  /// A process begins to fetch `seq`: perhaps again, after a restart.
  void begin(std::uint64_t seq, std::vector<vfs::PageIndex> damaged = {}) {
    if (mine.store->retained().empty()) mine.checkpoint(0);
    in_flight_.clear();
    fetched = std::make_unique<vfs::FetchedPages>(slots);
    ENSURE(fetched->load().ok());
    fetch = std::make_unique<StateFetch>(StateFetch::World{*mine.store, *fetched, counters},
                                         proof_of(seq, theirs.store->root(vfs::Label{seq})), self,
                                         pbft::Group{4, 1}, std::move(damaged), now);
  }
  /// Until it is complete, or so many answers came, or so much time passed.
  bool run(std::uint64_t answers_max = ~std::uint64_t{0}, std::uint64_t us = 60'000'000) {
    const Time end = now + us;
    for (std::uint64_t answers = 0; !fetch->complete() && now < end && answers < answers_max;) {
      for (const auto& [to, ask] : fetch->ask(now, connected)) send(to, ask);
      for (std::string& note : fetch->take_notes()) notes.push_back(std::move(note));
      if (fetch->complete()) break;
      const Time arrival = in_flight_.empty() ? never : in_flight_.begin()->first;
      const Time due = std::min(arrival, fetch->deadline());
      now = std::max(now, std::min(due, end));
      if (arrival > now) continue;
      const auto [from, part] = in_flight_.begin()->second;
      in_flight_.erase(in_flight_.begin());
      --sources.at(from.value)->in_flight;
      ++answers;
      fault = fetch->on(from, part, now);
      if (!fault) return false;
    }
    for (std::string& note : fetch->take_notes()) notes.push_back(std::move(note));
    return fetch->complete();
  }
  bool install() { return fetch->install(*mine.store).ok(); }
  bool same() const { return mine.store->root() == theirs.store->root(); }
  std::uint64_t asks() const {
    std::uint64_t all = 0;
    for (const auto& source : sources) all += source->asks;
    return all;
  }

  Result<void> fault;

 private:
  void send(ReplicaId to, const wire::FetchPart& ask) {
    Source& source = *sources.at(to.value);
    ++source.asks;
    const auto sent = wire::decode<wire::FetchPart>(wire::encode(ask));
    ENSURE(sent.ok());
    std::optional<wire::StatePart> part = source.server.serve(to, *sent, now);
    if (source.mangle) part = source.mangle(ask, *std::move(part));
    if (!part) return;
    const Bytes encoded = wire::encode(*part);
    source.bytes += encoded.size();
    source.in_flight_max = std::max(source.in_flight_max, ++source.in_flight);
    in_flight_.emplace(now + source.latency_us, std::pair(to, *std::move(part)));
  }

  std::multimap<Time, std::pair<ReplicaId, wire::StatePart>> in_flight_;
};

}  // namespace prytany::node
