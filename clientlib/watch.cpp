#include "clientlib/watch.h"

#include <algorithm>
#include <functional>
#include <map>

#include "server/base/ensure.h"

namespace prytany::client {
namespace {

/// Of one replica's words, not believed yet: then it is not asked for more.
constexpr std::size_t waiting_bytes_max = 1 << 20;

std::size_t change_bytes(const wire::Change& change) { return wire::encode(change).size(); }

}  // namespace

Watch::Watch(std::shared_ptr<const ClusterView> cluster, std::vector<std::string> topics,
             std::optional<std::uint64_t> after)
    : cluster_(std::move(cluster)),
      topics_(std::move(topics)),
      position_(after),
      voices_(cluster_->size()) {}

void Watch::asked(ReplicaId replica) {
  Voice& voice = voices_[replica.value];
  voice = {};
  voice.state = Voice::State::asked;
  voice.after = position_;
}

void Watch::asked_more(ReplicaId replica) { voices_[replica.value].state = Voice::State::asked; }

void Watch::forget(ReplicaId replica) { voices_[replica.value] = {}; }

bool Watch::is_possible(const wire::Changes& message) const {
  if (message.upto < message.from) return false;
  std::uint64_t before = message.from;
  for (const wire::Change& change : message.items) {
    if (change.position <= before || change.position > message.upto) return false;
    if (std::ranges::find(topics_, change.topic.text) == topics_.end()) return false;
    before = change.position;
  }
  return true;
}

bool Watch::hear(ReplicaId from, wire::Changes message) {
  Voice& voice = voices_[from.value];
  if (voice.state != Voice::State::asked || !is_possible(message)) return false;
  // Where its words went on, or were to begin.
  const std::optional<std::uint64_t> expected =
      voice.heard ? std::optional(voice.upto) : voice.after;
  if (expected && message.from < *expected) return false;
  if (!expected || message.from > *expected) {
    voice.items.clear();
    voice.bytes = 0;
    voice.start = message.from;
  } else if (!voice.heard) {
    voice.start = *expected;
  }
  voice.missed = voice.missed || (expected && message.from > *expected);
  voice.heard = true;
  voice.state = Voice::State::speaks;
  voice.upto = message.upto;
  for (wire::Change& change : message.items.items) {
    voice.bytes += change_bytes(change);
    voice.items.push_back(std::move(change));
  }
  return true;
}

bool Watch::speaks(const Voice& voice) const { return voice.heard && voice.start <= *position_; }

bool Watch::wants_more(ReplicaId replica) const {
  const Voice& voice = voices_[replica.value];
  return position_ && voice.state == Voice::State::speaks && voice.start <= *position_ &&
         voice.bytes < waiting_bytes_max;
}

bool Watch::wants_anew(ReplicaId replica) const {
  const Voice& voice = voices_[replica.value];
  return position_ && voice.state == Voice::State::speaks && !voice.missed &&
         voice.start > *position_;
}

/// As many as quorum() said how far they are: so far had a correct one come, and as many as
/// weak_quorum() of them can speak of what follows.
void Watch::begin() {
  std::vector<std::uint64_t> places;
  for (const Voice& voice : voices_)
    if (voice.heard) places.push_back(voice.start);
  if (places.size() < cluster_->quorum()) return;
  std::ranges::sort(places, std::ranges::greater{});
  position_ = places[cluster_->weak_quorum() - 1];
}

void Watch::drop_old() {
  for (Voice& voice : voices_) {
    while (!voice.items.empty() && voice.items.front().position <= *position_) {
      voice.bytes -= change_bytes(voice.items.front());
      voice.items.pop_front();
    }
  }
}

bool Watch::believe_next(News& news) {
  std::map<Digest, unsigned> said;
  const auto digest_of = [](const wire::Change& change) {
    return crypto::sha256("prytany change", wire::encode(change));
  };
  for (const Voice& voice : voices_) {
    if (!speaks(voice) || voice.items.empty()) continue;
    const Digest digest = digest_of(voice.items.front());
    if (++said[digest] < cluster_->weak_quorum()) continue;
    const wire::Change next = voice.items.front();
    for (const ReplicaId replica : cluster_->replicas()) {
      const Voice& other = voices_[replica.value];
      if (!speaks(other) || other.upto < next.position) continue;
      if (other.items.empty() || digest_of(other.items.front()) != digest)
        news.differed.push_back(replica);
    }
    position_ = next.position;
    news.items.push_back(next);
    drop_old();
    return true;
  }
  return false;
}

bool Watch::believe_none() {
  std::vector<std::uint64_t> places;
  for (const Voice& voice : voices_)
    if (speaks(voice))
      places.push_back(voice.items.empty() ? voice.upto : voice.items.front().position - 1);
  if (places.size() < cluster_->weak_quorum()) return false;
  std::ranges::sort(places, std::ranges::greater{});
  const std::uint64_t place = places[cluster_->weak_quorum() - 1];
  if (place <= *position_) return false;
  position_ = place;
  drop_old();
  return true;
}

bool Watch::believe_missed(News& news) {
  std::vector<std::uint64_t> places;
  for (const Voice& voice : voices_)
    if (voice.missed && voice.start > *position_) places.push_back(voice.start);
  if (places.size() < cluster_->quorum()) return false;
  // Of so many, one that is correct says no less, and one no more.
  std::ranges::sort(places);
  position_ = places[cluster_->weak_quorum() - 1];
  for (Voice& voice : voices_) voice.missed = false;  // who is still later begins anew, at once
  news.missed = true;
  drop_old();
  return true;
}

Watch::News Watch::weigh() {
  News news;
  if (!position_) begin();
  if (!position_) return news;
  drop_old();
  while (believe_next(news) || believe_none()) {
  }
  // What was told before it must be told before it.
  if (news.empty() && believe_missed(news)) {
    while (believe_next(news) || believe_none()) {
    }
  }
  return news;
}

}  // namespace prytany::client
