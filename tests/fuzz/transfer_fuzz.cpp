// State transfer with a liar among those who are asked, and garbage where an earlier process put
// pages aside: whatever it answers, or says unasked, the state that is certified arrives, and
// nothing else does. And what peers ask for: any part of any checkpoint.
#include <set>

#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/unit/node/transfer_world.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

using wire::StatePart;

/// Changes an honest answer.
StatePart lie_about(Input& input, StatePart part) {
  switch (input.below(10)) {
    case 0: part.seq = Seq{input.byte()}; break;
    case 1: part.ask = input.byte(); break;
    case 2: part.what = wire::NotHeld{}; break;
    case 3: part.what = wire::AskLater{}; break;
    case 4: part.what = wire::TreeRoot{static_cast<std::uint32_t>(input.number()), Digest{}}; break;
    case 5: part.what = wire::TreeNodes{{std::vector<Digest>(input.byte())}}; break;
    case 6: part.what = wire::StatePages{{Bytes(input.byte() * std::size_t{512})}}; break;
    case 7:
      if (auto other = wire::decode<StatePart>(input.chunk())) part.what = other->what;
      break;
    default:
      if (auto* pages = std::get_if<wire::StatePages>(&part.what);
          pages != nullptr && !pages->bytes.bytes.empty()) {
        Bytes& bytes = pages->bytes.bytes;
        bytes[(std::size_t{input.byte()} << 8 | input.byte()) % bytes.size()] ^= input.byte();
      } else if (auto* nodes = std::get_if<wire::TreeNodes>(&part.what);
                 nodes != nullptr && !nodes->digests.empty()) {
        auto& digests = nodes->digests.items;
        if (input.maybe())
          digests[input.byte() % digests.size()].bytes[3] ^= input.byte();
        else
          digests.resize(input.byte() % (digests.size() + 2));
      } else if (auto* root = std::get_if<wire::TreeRoot>(&part.what)) {
        root->page_count ^= input.byte();
      }
  }
  return part;
}

void ask_for_anything(Input& input, node::Transfer& world) {
  for (unsigned count = input.below(8); count > 0; --count) {
    wire::FetchPart ask{Seq{input.below(3)}, input.byte(), wire::RootWish{}};
    wire::NodesWish nodes{input.byte(), {}};
    wire::PagesWish pages;
    for (unsigned i = input.below(8); i > 0; --i) {
      const auto index = static_cast<std::uint32_t>(input.maybe() ? input.byte() : input.number());
      nodes.indexes.items.push_back(index);
      pages.indexes.items.push_back(index);
    }
    if (input.maybe())
      ask.what = nodes;
    else
      ask.what = pages;
    (void)world.source(0).server.serve(ReplicaId{1}, ask, world.now);
    (void)world.source(0).server.keep_from(Seq{1}, world.now);
  }
}

std::set<Digest> digests_of(const node::State& state, vfs::PageIndex pages) {
  std::set<Digest> digests;
  const vfs::CheckpointTree tree(*state.store, vfs::Label{1});
  for (vfs::PageIndex i = 0; i < pages; ++i) digests.insert(tree.node(0, i));
  return digests;
}

void run_transfer(ByteView bytes) {
  Input input(bytes);
  node::Transfer world;
  // Enough for a tree of two levels, or of three.
  const vfs::PageIndex pages = input.maybe() ? 20 + input.below(20) : 257;
  // Who is asked first is asked for all nodes: that may be one who lies.
  const unsigned honest = input.below(3);
  world.theirs.fill(0, pages, 1);
  world.theirs.checkpoint(1);
  if (const unsigned mine = input.below(40); mine > 0) {
    world.mine.fill(0, mine, 1);  // the same as theirs
    world.mine.fill(mine / 2, 1 + input.below(4), 2);
  }
  world.mine.checkpoint(0);
  for (unsigned left = input.below(4); left > 0; --left) {
    vfs::Page page{};
    const ByteView some = input.chunk();
    std::copy_n(some.begin(), std::min(some.size(), page.bytes.size()), page.bytes.begin());
    world.slots.slots.push_back(page);
  }
  ask_for_anything(input, world);
  // What nobody certified is not put aside, nor is who brings it trusted with more.
  world.slots.on_write = [certified = digests_of(world.theirs, pages)](vfs::PageView page) {
    ENSURE(certified.contains(vfs::leaf_digest(page)));
  };

  const auto lie = [&](const wire::FetchPart&, StatePart part) -> std::optional<StatePart> {
    if (input.empty() || input.maybe()) return part;
    if (input.below(8) == 0) return std::nullopt;
    return lie_about(input, std::move(part));
  };
  const auto liar = [&](unsigned which) { return (honest + 1 + which) % 3; };
  world.source(liar(0)).mangle = lie;
  if (input.maybe()) world.source(liar(1)).mangle = lie;
  world.begin(1);
  while (!world.fetch->complete()) {
    (void)world.run(1 + input.below(8));
    ENSURE(world.fault.ok());
    if (world.now.value > 600'000'000) break;
    if (input.empty()) continue;
    // Unasked, or to what somebody else was asked.
    const ReplicaId from{static_cast<std::uint16_t>(liar(input.below(2)))};
    const StatePart part{Seq{1}, input.byte(), wire::NotHeld{}};
    ENSURE(world.fetch->on(from, lie_about(input, part), world.now).ok());
    if (input.below(16) == 0) world.fetch->lost(from);
    if (input.below(32) == 0)
      world.fetch->retarget(node::proof_of(1, world.theirs.store->root(vfs::Label{1})), world.now);
    // What was put aside may rot.
    if (input.below(32) == 0 && !world.slots.slots.empty())
      world.slots.slots[input.byte() % world.slots.slots.size()].bytes[5] ^= 1;
  }
  // One peer is honest, and is enough.
  ENSURE(world.fetch->complete());
  for (int i = 0; i < 4; ++i) {
    const auto whole = world.fetch->recheck();
    ENSURE(whole.ok());
    if (*whole) break;
    ENSURE(world.run());
  }
  ENSURE(world.install() && world.same());
}

std::vector<Bytes> seeds_of_transfers() {
  std::vector<Bytes> out;
  for (unsigned kind = 0; kind < 10; ++kind)
    for (unsigned honest = 0; honest < 3; ++honest) {
      Bytes seed;
      put(seed, {1, 4, honest, 10, 1, 0, 0, 1});
      for (unsigned i = 0; i < 16; ++i) put(seed, {0, 1, kind, i, i, 1});
      out.push_back(seed);
    }
  for (const auto& [name, message] : vectors::peer_messages())
    if (const auto* part = std::get_if<StatePart>(&message)) {
      Bytes seed{1, 4, 2, 0, 0, 0, 1, 0, 1, 7};
      put_chunk(seed, wire::encode(*part));
      out.push_back(seed);
    }
  return out;
}

}  // namespace

const Target transfer{"transfer", run_transfer, seeds_of_transfers};

}  // namespace prytany::fuzz
