#include "server/node/state_fetch.h"

#include <algorithm>
#include <unordered_set>

#include "server/base/ensure.h"

namespace prytany::node {
namespace {

using vfs::page_bytes;
using vfs::PageIndex;
using vfs::TreeShape;

/// As many pages wait to be asked for before more nodes are opened: enough for all peers' windows,
/// and the list stays short however many differ.
constexpr std::size_t pages_waiting_max = 8192;
constexpr std::uint64_t progress_us = 5'000'000;
constexpr std::uint64_t report_us = 10'000'000;
/// A disk that rots what it is given more often than this is not worth another try.
constexpr unsigned rotten_max = 8;
/// An answer that takes longer than this, while another peer has nothing to do, is asked for twice.
constexpr std::uint64_t second_ask_us = 250'000;

/// Pages under a node.
std::uint64_t pages_under(const TreeShape& shape, unsigned level, PageIndex index) {
  std::uint64_t each = 1;
  for (unsigned i = 0; i < level; ++i) each *= TreeShape::fan_out;
  const std::uint64_t first = each * index;
  return std::min<std::uint64_t>(each, shape.page_count - first);
}

}  // namespace

StateFetch::StateFetch(World world, wire::CheckpointProof proof, ReplicaId self, pbft::Group group,
                       std::vector<PageIndex> damaged, Time now)
    : world_(world),
      proof_(std::move(proof)),
      peers_(self, group),
      damaged_(std::move(damaged)),
      progressed_(now),
      deadline_(now),
      report_at_(now + report_us) {
  start_walk();
}

void StateFetch::retarget(wire::CheckpointProof proof, Time now) {
  notes_.push_back("n" + std::to_string(proof_.checkpoint.seq.value) + " does not come -> fetch n" +
                   std::to_string(proof.checkpoint.seq.value) + ", keeping " +
                   std::to_string(world_.fetched.size()) + " pages");
  proof_ = std::move(proof);
  progressed_ = deadline_ = now;
  start_walk();
}

void StateFetch::start_walk() {
  base_ = world_.store.root();
  root_known_ = false;
  shape_ = {};
  nodes_.clear();
  pages_.clear();
  differing_.clear();
  settled_ = 0;
  asks_.clear();
  open_ = 0;
  peers_.new_target();
  again_.clear();
  again_.push_back(std::make_shared<Work>());
}

// ---- asking
// ---------------------------------------------------------------------------------------

StateFetch::Requests StateFetch::ask(Time now, const std::set<ReplicaId>& connected) {
  // What was compared with is not there any more: compare again. Nothing is fetched twice.
  if (world_.store.root() != base_) start_walk();
  give_up_late(now, connected);
  report(now);
  Requests out;
  while (const auto peer = peers_.free(now, connected)) {
    auto work = next_work(peers_.pages_per_ask(*peer));
    if (work == nullptr) break;
    send(*peer, std::move(work), now, out);
  }
  second_asks(now, connected, out);
  deadline_ = peers_.next_retry(now, connected);
  for (const auto& [id, ask] : asks_) {
    deadline_ = std::min(deadline_, ask.due);
    if (now < ask.sent + second_ask_us) deadline_ = std::min(deadline_, ask.sent + second_ask_us);
  }
  return out;
}

void StateFetch::give_up_late(Time now, const std::set<ReplicaId>& connected) {
  for (auto it = asks_.begin(); it != asks_.end();) {
    const ReplicaId peer = it->second.peer;
    if (!connected.contains(peer)) {
      peers_.lost(peer);
      it = drop(it);
    } else if (now >= it->second.due) {
      ++world_.counters.stalls;
      if (peers_.stalled(peer, now))
        notes_.push_back("r" + std::to_string(peer.value) + " does not answer ask " +
                         std::to_string(it->first) + " for the state of n" +
                         std::to_string(proof_.checkpoint.seq.value) + " -> ask others");
      it = drop(it);
    } else {
      ++it;
    }
  }
}

void StateFetch::report(Time now) {
  if (now < report_at_) return;
  report_at_ = now + report_us;
  notes_.push_back("state of n" + std::to_string(proof_.checkpoint.seq.value) + ": " +
                   std::to_string(settled_) + " of " + std::to_string(shape_.page_count) +
                   " pages are here, " + std::to_string(differing_.size()) +
                   " were found to differ -> go on");
}

void StateFetch::lost(ReplicaId peer) {
  for (auto it = asks_.begin(); it != asks_.end();) {
    if (it->second.peer != peer) {
      ++it;
      continue;
    }
    peers_.lost(peer);
    it = drop(it);
  }
  deadline_ = Time{0};
}

// Forgets an ask. What nobody is asked for any more is due to be asked for again.
StateFetch::Asks::iterator StateFetch::drop(Asks::iterator ask) {
  const std::shared_ptr<Work>& work = ask->second.work;
  --work->asks;
  if (!work->done && work->asks == 0) {
    again_.push_back(work);
    --open_;
  }
  return asks_.erase(ask);
}

void StateFetch::send(ReplicaId peer, std::shared_ptr<Work> work, Time now, Requests& out) {
  wire::FetchPart ask{proof_.checkpoint.seq, next_ask_, wire::RootWish{}};
  std::vector<std::uint32_t> indexes;
  indexes.reserve(work->items.size());
  for (const Item& item : work->items) indexes.push_back(item.index);
  if (work->level == 0) {
    ask.what = wire::PagesWish{{std::move(indexes)}};
  } else if (work->level != root_level) {
    ask.what = wire::NodesWish{static_cast<std::uint8_t>(work->level), {std::move(indexes)}};
  }
  if (work->asks++ == 0) ++open_;
  const Time due = peers_.asked(peer, now);
  asks_.emplace(next_ask_++, Ask{peer, std::move(work), now, due});
  out.emplace_back(peer, std::move(ask));
}

// The last answers are with the slowest peer: whoever has nothing else to do is asked, too.
void StateFetch::second_asks(Time now, const std::set<ReplicaId>& connected, Requests& out) {
  std::vector<std::pair<ReplicaId, std::shared_ptr<Work>>> late;
  for (const auto& [id, ask] : asks_)
    if (ask.work->asks == 1 && !ask.work->done && now >= ask.sent + second_ask_us)
      late.emplace_back(ask.peer, ask.work);
  for (auto& [slow, work] : late) {
    if (const auto peer = peers_.idle(now, connected, slow)) send(*peer, std::move(work), now, out);
  }
}

std::shared_ptr<StateFetch::Work> StateFetch::next_work(std::size_t pages) {
  if (!again_.empty()) {
    auto work = std::move(again_.front());
    again_.pop_front();
    return work;
  }
  auto work = std::make_shared<Work>();
  while (!nodes_.empty() || !pages_.empty()) {
    if (!nodes_.empty() && pages_.size() < pages_waiting_max) {
      work->level = nodes_.back().first;
      while (!nodes_.empty() && nodes_.back().first == work->level &&
             work->items.size() < limits::nodes_per_part_max) {
        work->items.push_back(nodes_.back().second);
        nodes_.pop_back();
      }
      return work;
    }
    work->level = 0;
    while (!pages_.empty() && work->items.size() < pages) {
      // The same content may have come for another place meanwhile.
      if (world_.fetched.holds(pages_.front().digest)) {
        ++settled_;
      } else {
        work->items.push_back(pages_.front());
      }
      pages_.pop_front();
    }
    if (!work->items.empty()) return work;
  }
  return nullptr;
}

// ---- answers
// --------------------------------------------------------------------------------------

Result<void> StateFetch::on(ReplicaId from, const wire::StatePart& part, Time now) {
  const auto asked = asks_.find(part.ask);
  if (part.seq != proof_.checkpoint.seq || asked == asks_.end() || asked->second.peer != from) {
    ++world_.counters.unrequested;
    return {};
  }
  deadline_ = Time{0};
  const bool not_held = std::holds_alternative<wire::NotHeld>(part.what);
  if (not_held || std::holds_alternative<wire::AskLater>(part.what)) {
    peers_.refused(from, now, !not_held);
    drop(asked);
    return {};
  }
  const std::shared_ptr<Work> work = asked->second.work;
  peers_.answered(from, now - asked->second.sent);
  if (work->done) {  // another peer was faster
    drop(asked);
    return {};
  }
  const Result<const char*> wrong =
      std::visit([&](const auto& what) { return accept(*work, what); }, part.what);
  if (!wrong) {  // our own disk: whoever stops may be told the same again before
    drop(asked);
    return wrong.error();
  }
  if (*wrong != nullptr) {
    drop(asked);
    reject(from, *wrong, part.ask);
    return {};
  }
  work->done = true;
  --open_;
  drop(asked);
  ++world_.counters.parts;
  progressed_ = now;
  tidy_fetched();
  return {};
}

void StateFetch::reject(ReplicaId peer, const char* what, std::uint64_t ask) {
  ++world_.counters.lies;
  peers_.reject(peer);
  notes_.push_back("r" + std::to_string(peer.value) + " answered ask " + std::to_string(ask) +
                   " for the state of n" + std::to_string(proof_.checkpoint.seq.value) + " with " +
                   what + " -> it is not asked again");
  lost(peer);
}

template <class Other>
Result<const char*> StateFetch::accept(const Work&, const Other&) {
  return "an answer to another question";
}

Result<const char*> StateFetch::accept(const Work& work, const wire::TreeRoot& part) {
  if (work.level != root_level) return "an answer to another question";
  if (vfs::state_root(part.page_count, part.top) != proof_.checkpoint.state)
    return "a root that was not certified";
  // From here on it is the group's word, not the peer's.
  if (part.page_count == 0 || part.page_count > world_.store.capacity())
    return Error{"the certified state has " + std::to_string(part.page_count) +
                 " pages, which this replica cannot hold"};
  shape_ = {part.page_count};
  root_known_ = true;
  world_.counters.bytes += sizeof part.page_count + Digest::size;
  const unsigned height = shape_.height();
  const vfs::TreeReader& mine = world_.store.tree();
  if (mine.shape().width(height) > 0 && mine.node(height, 0) == part.top &&
      !holds_damage(height, 0)) {
    settled_ = shape_.page_count;
  } else if (height == 0) {
    want_page(0, part.top);
  } else {
    nodes_.push_back({height, {0, part.top}});
  }
  return nullptr;
}

Result<const char*> StateFetch::accept(const Work& work, const wire::TreeNodes& part) {
  if (work.level == root_level || work.level == 0) return "an answer to another question";
  std::size_t expected = 0;
  for (const Item& item : work.items) expected += shape_.child_count(work.level, item.index);
  if (part.digests.size() != expected) return "too few nodes, or too many";
  std::span<const Digest> rest(part.digests.items);
  for (const Item& item : work.items) {
    const std::size_t count = shape_.child_count(work.level, item.index);
    if (vfs::node_digest(rest.first(count)) != item.digest) return "a wrong node";
    rest = rest.subspan(count);
  }
  rest = part.digests.items;
  for (const Item& item : work.items) {
    const std::size_t count = shape_.child_count(work.level, item.index);
    descend(work.level, item.index, rest.first(count));
    rest = rest.subspan(count);
  }
  world_.counters.bytes += part.digests.size() * Digest::size;
  return nullptr;
}

Result<const char*> StateFetch::accept(const Work& work, const wire::StatePages& part) {
  if (work.level != 0) return "an answer to another question";
  const Bytes& bytes = part.bytes.bytes;
  if (bytes.size() != work.items.size() * page_bytes) return "too few pages, or too many";
  const auto page = [&](std::size_t i) {
    return vfs::PageView(bytes.data() + i * page_bytes, page_bytes);
  };
  for (std::size_t i = 0; i < work.items.size(); ++i)
    if (vfs::leaf_digest(page(i)) != work.items[i].digest) return "a wrong page";
  for (std::size_t i = 0; i < work.items.size(); ++i)
    if (auto added = world_.fetched.add(work.items[i].digest, page(i)); !added)
      return added.error();
  settled_ += work.items.size();
  world_.counters.pages += work.items.size();
  world_.counters.bytes += bytes.size();
  return nullptr;
}

// `children` are proven. Into those that are not ours.
void StateFetch::descend(unsigned level, PageIndex index, std::span<const Digest> children) {
  const PageIndex first = shape_.first_child(index);
  auto different = vfs::differing_children(world_.store.tree(), level, index, children);
  for (PageIndex i = 0; i < children.size(); ++i)
    if (holds_damage(level - 1, first + i)) different.push_back(first + i);
  std::sort(different.begin(), different.end());
  different.erase(std::unique(different.begin(), different.end()), different.end());

  std::uint64_t below = pages_under(shape_, level, index);
  for (const PageIndex child : different) {
    below -= pages_under(shape_, level - 1, child);
    const Digest& digest = children[child - first];
    if (level == 1) {
      want_page(child, digest);
    } else {
      nodes_.push_back({level - 1, {child, digest}});
    }
  }
  settled_ += below;
}

void StateFetch::want_page(PageIndex page, const Digest& leaf) {
  differing_.push_back({page, leaf});
  if (world_.fetched.holds(leaf)) {
    ++settled_;
    ++world_.counters.pages_at_hand;
  } else {
    pages_.push_back({page, leaf});
  }
}

bool StateFetch::holds_damage(unsigned level, PageIndex index) const {
  std::uint64_t first = index;
  for (unsigned i = 0; i < level; ++i) first *= TreeShape::fan_out;
  const auto at = std::lower_bound(damaged_.begin(), damaged_.end(), first);
  return at != damaged_.end() && *at < first + pages_under(shape_, level, index);
}

// Pages of older targets that this one does not have make room, so that the file beside state.db
// stays below two states however often the target changes.
void StateFetch::tidy_fetched() {
  constexpr std::size_t slack = 16'384;
  const std::size_t size = world_.fetched.size();
  if (size <= slack || size <= std::size_t{2} * shape_.page_count) return;
  std::unordered_set<Digest> wanted;
  for (const Item& item : differing_) wanted.insert(item.digest);
  world_.fetched.keep_only([&](const Digest& leaf) { return wanted.contains(leaf); });
}

// ---- the end
// --------------------------------------------------------------------------------------

bool StateFetch::complete() const {
  return root_known_ && nodes_.empty() && pages_.empty() && again_.empty() && open_ == 0 &&
         world_.store.root() == base_;
}

Result<bool> StateFetch::recheck() {
  ENSURE(complete());
  vfs::Page page;
  for (const Item& item : differing_) {
    if (world_.fetched.holds(item.digest)) {
      const Result<bool> whole = world_.fetched.read(item.digest, page.bytes);
      if (!whole) return whole.error();
      if (*whole) continue;
    }
    --settled_;
    pages_.push_back(item);
  }
  if (pages_.empty()) return true;
  if (++rotten_ > rotten_max)
    return Error{"state.db-fetched does not keep the pages that are written to it"};
  notes_.push_back(std::to_string(pages_.size()) +
                   " pages are not what was put aside of them -> fetch them again");
  deadline_ = Time{0};
  return false;
}

Result<void> StateFetch::install(vfs::PageStore& store) {
  ENSURE(complete());
  std::sort(differing_.begin(), differing_.end(),
            [](const Item& a, const Item& b) { return a.index < b.index; });
  std::vector<PageIndex> pages;
  pages.reserve(differing_.size());
  for (const Item& item : differing_) pages.push_back(item.index);
  const vfs::Label label{proof_.checkpoint.seq.value};
  return store.install(label, proof_.checkpoint.state, shape_.page_count, pages,
                       [&](std::size_t i, vfs::PageSlots::PageBuffer out) -> Result<void> {
                         const auto whole = world_.fetched.read(differing_[i].digest, out);
                         if (!whole) return whole.error();
                         if (!*whole) return Error{"a page rotted while it was installed"};
                         return {};
                       });
}

bool StateFetch::progressing(Time now) const { return now < progressed_ + progress_us; }

StateFetch::Progress StateFetch::progress() const {
  return {proof_.checkpoint.seq, shape_.page_count, settled_, differing_.size(), peers_.rejected()};
}

}  // namespace prytany::node
