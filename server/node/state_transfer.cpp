#include "server/node/state_transfer.h"

#include <algorithm>

#include "server/wire/limits.h"

namespace prytany::node {
namespace {

using vfs::page_bytes;
constexpr std::uint64_t chunk_pages = limits::image_chunk_bytes_max / page_bytes;
constexpr std::uint64_t chunks_in_flight = 8;
constexpr std::uint64_t stall_us = 1'000'000;
constexpr std::uint64_t reader_idle_us = 5'000'000;
/// Longest that one reader makes us keep old pages: a liar must not hold them for ever.
constexpr std::uint64_t reader_total_us = 600'000'000;
/// A liar may claim any length; what was never asked for is never stored, and nothing is reserved
/// ahead.
constexpr std::uint64_t image_pages_max = std::uint64_t{1} << 28;  // 1 TiB

}  // namespace

wire::Pages StateServer::serve(ReplicaId to, const wire::FetchPages& ask, Time now) {
  wire::Pages answer;
  answer.seq = ask.seq;
  answer.first_page = ask.first_page;
  const vfs::Label label{ask.seq.value};
  if (!store_.retains(label)) {
    answer.gone = true;
    return answer;
  }
  const std::uint64_t total = store_.page_count(label);
  auto [reader, fresh] = readers_.try_emplace(to, Reader{ask.seq, now, now});
  if (!fresh && reader->second.seq != ask.seq) reader->second = {ask.seq, now, now};
  reader->second.last = now;
  answer.pages_total = total;
  if (ask.first_page >= total) return answer;
  const std::uint64_t count =
      std::min({std::uint64_t{ask.page_count}, chunk_pages, total - ask.first_page});
  answer.bytes.bytes.reserve(count * page_bytes);
  for (std::uint64_t i = 0; i < count; ++i) {
    const vfs::PageView page =
        store_.read_page(label, static_cast<vfs::PageIndex>(ask.first_page + i));
    answer.bytes.bytes.insert(answer.bytes.bytes.end(), page.begin(), page.end());
  }
  return answer;
}

Seq StateServer::keep_from(Seq stable, Time now) {
  std::erase_if(readers_, [&](const auto& entry) {
    const Reader& r = entry.second;
    return now.value - r.last.value > reader_idle_us || now.value - r.since.value > reader_total_us;
  });
  Seq keep = stable;
  for (const auto& [id, reader] : readers_) keep = std::min(keep, reader.seq);
  return keep;
}

StateFetch::StateFetch(wire::CheckpointProof proof, ReplicaId self, unsigned replicas, Time now)
    : proof_(std::move(proof)), self_(self), replicas_(replicas), stalled_at_(now) {
  next_ = ReplicaId{static_cast<std::uint16_t>((self.value + 1u) % replicas)};
}

StateFetch::Requests StateFetch::ask(Time now, const std::set<ReplicaId>& connected) {
  if (source_ && (now >= stalled_at_ || !connected.contains(*source_))) leave_source(false);
  if (!source_) {
    for (unsigned i = 0; i < replicas_ && !source_; ++i) {
      const ReplicaId candidate = next_;
      next_ = ReplicaId{static_cast<std::uint16_t>((next_.value + 1u) % replicas_)};
      if (candidate == self_ || rejected_.contains(candidate) || gone_.contains(candidate) ||
          !connected.contains(candidate))
        continue;
      source_ = candidate;
    }
    stalled_at_ = now + stall_us;
    if (!source_) return {};
  }
  Requests requests;
  const std::uint64_t end = pages_total_.value_or(chunk_pages);
  const std::uint64_t until = std::min(end, received_ + chunks_in_flight * chunk_pages);
  while (asked_until_ < until) {
    requests.emplace_back(*source_, wire::FetchPages{proof_.checkpoint.seq, asked_until_,
                                                     static_cast<std::uint32_t>(chunk_pages)});
    asked_until_ += chunk_pages;
  }
  return requests;
}

void StateFetch::on(ReplicaId from, const wire::Pages& pages, Time now) {
  if (!source_ || from != *source_ || pages.seq != proof_.checkpoint.seq) return;
  if (pages.gone) {
    gone_.insert(from);
    leave_source(false);
    return;
  }
  if (pages.first_page != received_ || pages.first_page >= asked_until_)
    return;  // again, or never asked
  const std::uint64_t count = pages.bytes.bytes.size() / page_bytes;
  const bool consistent = pages.pages_total > 0 && pages.pages_total <= image_pages_max &&
                          (!pages_total_ || *pages_total_ == pages.pages_total) &&
                          pages.bytes.bytes.size() % page_bytes == 0 &&
                          count == std::min(chunk_pages, pages.pages_total - received_);
  if (!consistent) {
    leave_source(true);
    return;
  }
  pages_total_ = pages.pages_total;
  image_.insert(image_.end(), pages.bytes.bytes.begin(), pages.bytes.bytes.end());
  received_ += count;
  stalled_at_ = now + stall_us;
}

bool StateFetch::complete() const { return pages_total_ && received_ == *pages_total_; }

void StateFetch::reject_peer() { leave_source(true); }

void StateFetch::leave_source(bool for_good) {
  if (source_ && for_good) rejected_.insert(*source_);
  source_.reset();
  pages_total_.reset();
  received_ = 0;
  asked_until_ = 0;
  image_.clear();
}

Time StateFetch::deadline() const { return stalled_at_; }

double StateFetch::progress() const {
  if (!pages_total_ || *pages_total_ == 0) return 0.0;
  return static_cast<double>(received_) / static_cast<double>(*pages_total_);
}

bool StateFetch::exhausted() const { return rejected_.size() + gone_.size() + 1 >= replicas_; }

}  // namespace prytany::node
