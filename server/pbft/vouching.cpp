#include "server/pbft/vouching.h"

#include <algorithm>

namespace prytany::pbft {
namespace {

/// Of all others together a few times as many as can wait, but of each a thousand. Of this replica
/// as many as any other remembers of it: else a primary would propose, on a word that its giver has
/// forgotten, what nobody can prove. Some twenty megabytes when all are full.
std::vector<std::size_t> words_max(const Config& config) {
  const std::size_t of_each =
      std::max<std::size_t>(4 * config.backlog_requests_max / config.group.n, 1024);
  std::vector<std::size_t> max(config.group.n, of_each);
  max[config.self.value] = std::max(2 * of_each, config.backlog_requests_max);
  return max;
}

constexpr std::size_t brought_max = 64;
/// Of those that are due first, to find one that was not tried.
constexpr std::size_t looked_at = 16;
constexpr std::size_t brought_bytes_max = 4 << 20;

std::size_t bytes_of(const wire::ClientRequest& request) {
  return 128 + request.body.operation.bytes.size();
}

}  // namespace

Vouching::Vouching(const Config& config) : config_(config), words_(words_max(config)) {
  lines_.push_back({0});
  lines_.push_back({config.retransmit_us});
  do lines_.push_back({std::min(2 * lines_.back().interval_us, config.retransmit_max_us)});
  while (lines_.back().interval_us < config.retransmit_max_us);
}

// ---- words ------------------------------------------------------------------------------------

bool Vouching::vouch(const Digest& request) {
  return !authentic(request) && words_.said(config_.self, request);
}

bool Vouching::said(ReplicaId from, const Digest& request) { return words_.said(from, request); }

bool Vouching::authentic(const Digest& request) const { return words_.has(config_.self, request); }

unsigned Vouching::words(const Digest& request) const { return words_.count(request); }

bool Vouching::believed(const Digest& request) const {
  return words(request) >= config_.group.weak_quorum() + (authentic(request) ? 1U : 0U);
}

// ---- requests that wait -----------------------------------------------------------------------

std::optional<Refusal> Vouching::add(Time now, const Digest& digest, wire::ClientRequest request) {
  if (const Waiting* const known = waiting_.find(digest)) {
    if (!known->brought_by) return Refusal::request_known;
    erase(digest);  // now from its client
  }
  const SessionId session = request.body.session;
  const auto mine = of_session_.find(session);
  if (mine != of_session_.end() && mine->second.waiting >= config_.backlog_per_session_max)
    return Refusal::session_full;
  if (waiting_.size() >= config_.backlog_requests_max ||
      bytes_ + bytes_of(request) > config_.backlog_bytes_max)
    return Refusal::backlog_full;
  bytes_ += bytes_of(request);
  ++of_session_[session].waiting;
  insert(now, {digest, std::move(request), now, std::nullopt});
  return std::nullopt;
}

std::optional<Refusal> Vouching::bring(Time now, ReplicaId from, const Digest& digest,
                                       wire::ClientRequest request) {
  if (waiting_.contains(digest)) return Refusal::request_known;
  const std::size_t bytes = bytes_of(request);
  if (bytes > brought_bytes_max) return Refusal::backlog_full;
  Brought& brought = brought_[from];
  while (brought.digests.size() >= brought_max || brought.bytes + bytes > brought_bytes_max)
    erase(brought.digests.front());
  brought.bytes += bytes;
  brought.digests.push_back(digest);
  insert(now, {digest, std::move(request), now, from});
  return std::nullopt;
}

void Vouching::insert(Time now, Waiting waiting) {
  Waiting& kept = waiting_[waiting.digest];
  kept = std::move(waiting);
  stand(now, kept, first_line);
}

/// At the end, which is where it belongs: time does not go back.
void Vouching::stand(Time now, Waiting& waiting, std::size_t line) {
  Line& at = lines_[line];
  waiting.line = line;
  waiting.due = now + at.interval_us;
  waiting.after = nullptr;
  waiting.before = std::exchange(at.last, &waiting);
  (waiting.before != nullptr ? waiting.before->after : at.first) = &waiting;
}

void Vouching::leave_line(Waiting& waiting) {
  Line& at = lines_[waiting.line];
  (waiting.before != nullptr ? waiting.before->after : at.first) = waiting.after;
  (waiting.after != nullptr ? waiting.after->before : at.last) = waiting.before;
}

Vouching::Waiting* Vouching::first_due() const {
  Waiting* first = nullptr;
  for (const Line& line : lines_)
    if (line.first != nullptr && (first == nullptr || line.first->due < first->due))
      first = line.first;
  return first;
}

Time Vouching::due() const {
  const Waiting* const first = first_due();
  return first == nullptr ? never : first->due;
}

void Vouching::erase(const Digest& of) {
  const Digest digest = of;  // which may be in what is erased here
  Waiting* const waiting = waiting_.find(digest);
  ENSURE(waiting != nullptr);
  const std::size_t bytes = bytes_of(waiting->request);
  leave_line(*waiting);
  if (waiting->brought_by) {
    Brought& brought = brought_[*waiting->brought_by];
    brought.bytes -= bytes;
    std::erase(brought.digests, digest);
  } else {
    bytes_ -= bytes;
    const auto mine = of_session_.find(waiting->request.body.session);
    if (waiting->tried) --mine->second.tried;
    if (--mine->second.waiting == 0) of_session_.erase(mine);
  }
  waiting_.erase(digest);
}

wire::ClientRequest Vouching::take(const Digest& digest) {
  Waiting* const waiting = waiting_.find(digest);
  ENSURE(waiting != nullptr);
  wire::ClientRequest request = waiting->request;
  erase(digest);
  return request;
}

void Vouching::remove(const std::vector<Digest>& digests) {
  if (waiting_.empty()) return;
  for (const Digest& digest : digests)
    if (waiting_.contains(digest)) erase(digest);
}

void Vouching::forget_waiting() {
  waiting_.clear();
  for (Line& line : lines_) line.first = line.last = nullptr;
  of_session_.clear();
  brought_.clear();
  bytes_ = 0;
}

void Vouching::count(Held& held) const {
  held.unproven = waiting_.size();
  for (const auto& [session, count] : of_session_)
    held.unproven_of_one = std::max(held.unproven_of_one, count.waiting);
  for (const auto& [peer, brought] : brought_)
    held.brought_by_one = std::max(held.brought_by_one, brought.digests.size());
}

/// In the order in which they are due, which is that of their age where nothing was hurried.
std::optional<Vouching::Oldest> Vouching::untried() const {
  std::size_t looked = 0;
  for (const std::size_t line : {hurried_line, first_line}) {
    for (const Waiting* waiting = lines_[line].first; waiting != nullptr;
         waiting = waiting->after) {
      if (++looked > looked_at) return std::nullopt;
      if (waiting->brought_by || waiting->tried) continue;
      if (of_session_.at(waiting->request.body.session).tried == 0)
        return Oldest{waiting->digest, waiting->since};
    }
  }
  return std::nullopt;
}

void Vouching::tried(const Digest& digest) {
  ENSURE(waiting_.contains(digest));
  Waiting& waiting = *waiting_.find(digest);
  if (waiting.brought_by || std::exchange(waiting.tried, true)) return;
  ++of_session_.at(waiting.request.body.session).tried;
}

bool Vouching::hurry(Time now, const Digest& digest) {
  Waiting* const waiting = waiting_.find(digest);
  if (waiting == nullptr || waiting->line > first_line || waiting->due <= now) return false;
  leave_line(*waiting);
  stand(now, *waiting, hurried_line);
  return true;
}

std::vector<Digest> Vouching::waiting_here() const {
  std::vector<Digest> all;
  for (const Digest& digest : waiting_.sorted())
    if (authentic(digest)) all.push_back(digest);
  return all;
}

std::vector<Vouching::Overdue> Vouching::overdue(Time now, std::size_t max) {
  std::vector<Overdue> late;
  while (late.size() < max) {
    Waiting* const waiting = first_due();
    if (waiting == nullptr || waiting->due > now) break;
    if (now >= waiting->since + config_.unverified_life_us) {
      erase(waiting->digest);
      continue;
    }
    leave_line(*waiting);
    stand(now, *waiting,
          std::min(std::max<std::size_t>(waiting->line, first_line) + 1, lines_.size() - 1));
    late.push_back({waiting->digest, waiting->request, waiting->since});
  }
  return late;
}

}  // namespace prytany::pbft
