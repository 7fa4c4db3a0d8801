#include "server/node/state_server.h"

#include <algorithm>
#include <optional>

namespace prytany::node {
namespace {

using vfs::PageIndex;
using vfs::TreeShape;

/// What an answer costs beside its bytes.
constexpr std::uint64_t ask_bytes = 256;

using Part = decltype(wire::StatePart::what);

// Nothing: no correct peer asks this, since it knows the shape of the tree that it walks.
std::optional<Part> part_of(const vfs::PageStore& store, vfs::Label label, const wire::RootWish&) {
  const vfs::CheckpointTree tree(store, label);
  return wire::TreeRoot{store.page_count(label), tree.top()};
}

std::optional<Part> part_of(const vfs::PageStore& store, vfs::Label label,
                            const wire::NodesWish& wish) {
  const vfs::CheckpointTree tree(store, label);
  wire::TreeNodes nodes;
  if (wish.level == 0 || wish.level > tree.shape().height()) return std::nullopt;
  const PageIndex width = tree.shape().width(wish.level);
  for (const std::uint32_t index : wish.indexes) {
    if (index >= width) return std::nullopt;
    for (const Digest& child : tree.children(wish.level, index))
      nodes.digests.items.push_back(child);
  }
  return nodes;
}

std::optional<Part> part_of(const vfs::PageStore& store, vfs::Label label,
                            const wire::PagesWish& wish) {
  const PageIndex end = store.page_count(label);
  wire::StatePages pages;
  Bytes& bytes = pages.bytes.bytes;
  bytes.reserve(wish.indexes.size() * vfs::page_bytes);
  for (const std::uint32_t index : wish.indexes) {
    if (index >= end) return std::nullopt;
    const vfs::PageView page = store.read_page(label, index);
    bytes.insert(bytes.end(), page.begin(), page.end());
  }
  return pages;
}

std::uint64_t cost_of(const wire::RootWish&) { return ask_bytes; }
std::uint64_t cost_of(const wire::NodesWish& wish) {
  return ask_bytes + wish.indexes.size() * TreeShape::fan_out * Digest::size;
}
std::uint64_t cost_of(const wire::PagesWish& wish) {
  return ask_bytes + wish.indexes.size() * vfs::page_bytes;
}

}  // namespace

StateServer::Reader& StateServer::reader(ReplicaId peer, Seq seq, Time now) {
  auto [it, fresh] = readers_.try_emplace(peer, Reader{seq, now, now, true, options_.burst_bytes});
  Reader& reader = it->second;
  const std::uint64_t waited = std::min<std::uint64_t>(now.value - reader.last.value, 1'000'000);
  reader.allowance =
      std::min(options_.burst_bytes, reader.allowance + waited * options_.bytes_per_s / 1'000'000);
  reader.last = now;
  // Only upwards: who takes turns between two checkpoints would start the clock anew each time.
  if (seq > reader.seq) {
    reader.seq = seq;
    reader.since = now;
    reader.pins = true;
  }
  return reader;
}

wire::StatePart StateServer::serve(ReplicaId to, const wire::FetchPart& ask, Time now) {
  const vfs::Label label{ask.seq.value};
  if (!store_.retains(label)) return {ask.seq, ask.ask, wire::NotHeld{}};
  Reader& reader = this->reader(to, ask.seq, now);
  const std::uint64_t cost = std::visit([](const auto& wish) { return cost_of(wish); }, ask.what);
  if (cost > reader.allowance) return {ask.seq, ask.ask, wire::AskLater{}};
  reader.allowance -= cost;
  bytes_served_ += cost;
  auto part = std::visit([&](const auto& wish) { return part_of(store_, label, wish); }, ask.what);
  if (!part) return {ask.seq, ask.ask, wire::NotHeld{}};
  return {ask.seq, ask.ask, *std::move(part)};
}

Seq StateServer::keep_from(Seq stable, Time now) {
  // Whoever reads the oldest checkpoint costs most, and goes first.
  if (store_.use().retained_pages > options_.retained_pages_max) {
    const Seq oldest = lowest_pinned(stable, now);
    for (auto& [id, reader] : readers_)
      if (reader.seq == oldest) reader.pins = false;
  }
  return lowest_pinned(stable, now);
}

Seq StateServer::lowest_pinned(Seq stable, Time now) {
  Seq lowest = stable;
  for (auto& [id, reader] : readers_) {
    if (now.value - reader.since.value > options_.reader_total_us) reader.pins = false;
    if (!reader.pins || now.value - reader.last.value > options_.reader_idle_us) continue;
    lowest = std::min(lowest, reader.seq);
  }
  return lowest;
}

}  // namespace prytany::node
