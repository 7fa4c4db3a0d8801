#include "server/app/sessions.h"

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::app {
namespace {

constexpr std::uint64_t window = limits::session_window;
static_assert(window == 64, "the executed numbers are the bits of one integer");

/// What one stored reply takes in memory besides its bytes.
constexpr std::size_t stored_overhead_bytes = 128;

}  // namespace

Session* Sessions::find(SessionId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : slots_[found->second].get();
}
const Session* Sessions::find(SessionId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : slots_[found->second].get();
}
const Session* Sessions::find_principal(const std::string& principal) const {
  const auto found = by_principal_.find(principal);
  return found == by_principal_.end() ? nullptr : slots_[found->second].get();
}
const Session* Sessions::find_key(const crypto::PublicKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : slots_[found->second].get();
}

bool Sessions::full() const {
  // Watermarks of those who left count too: people who come and go must not fill the memory.
  return by_id_.size() >= max_ || full_of_endings();
}

Session& Sessions::add(Session session) {
  ENSURE(!full());
  if (free_.empty()) {
    session.slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    session.slot = *free_.begin();
    free_.erase(free_.begin());
  }
  session.id = next_id();
  ++next_session_;
  session.active = session.written = session.joined;
  insert_row(session);
  enter_quiet(session);
  return place(std::make_unique<Session>(std::move(session)));
}

Session& Sessions::place(std::unique_ptr<Session> session) {
  by_id_[session->id] = session->slot;
  by_key_[session->key] = session->slot;
  by_principal_[session->principal] = session->slot;
  by_join_[session->join.request] = session->slot;
  std::unique_ptr<Session>& slot = slots_[session->slot];
  slot = std::move(session);
  return *slot;
}

void Sessions::remove(SessionId id, AgreedTime now) {
  delete_row(id);
  forget(id, now);
}

std::vector<SessionId> Sessions::without_row(std::vector<SessionId> ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase_if(ids, [&](SessionId id) { return find(id) == nullptr || has_row(id); });
  return ids;
}

void Sessions::forget(SessionId id, AgreedTime now) {
  Session* session = find(id);
  ENSURE(session != nullptr);
  const std::uint32_t slot = session->slot;
  // As the trigger on the row does.
  if (session->join_expires > now) {
    endings_[session->principal] = session->join_expires;
    no_ending_expires_before_ = std::min(no_ending_expires_before_, session->join_expires);
  }
  forget_if(*session, [](const StoredReply&) { return true; });
  by_id_.erase(id);
  by_key_.erase(session->key);
  by_principal_.erase(session->principal);
  by_join_.erase(session->join.request);
  leave_quiet(*session);
  slots_[slot].reset();
  free_.insert(slot);
}

std::vector<SessionId> Sessions::idle(AgreedTime now, std::int64_t idle_us, std::size_t found_max,
                                      std::size_t visits_max) const {
  std::vector<SessionId> found;
  for (const auto& [written, session] : quiet_) {
    if (now.value - written.value <= idle_us) break;
    if (session.id == SessionId{}) continue;
    if (visits_max-- == 0) break;
    if (now.value - at(session)->active.value <= idle_us) continue;
    found.push_back(session.id);
    if (found.size() == found_max) break;
  }
  return found;
}

Session* Sessions::at(Place place) const {
  Session* session = slots_[place.slot].get();
  return session != nullptr && session->id == place.id ? session : nullptr;
}

void Sessions::enter_quiet(Session& session) {
  session.quiet_at = quiet_first_ + quiet_.size();
  quiet_.push_back({session.written, {session.id, session.slot}});
}

void Sessions::leave_quiet(const Session& session) {
  quiet_[session.quiet_at - quiet_first_].session.id = SessionId{};
  for (; !quiet_.empty() && quiet_.front().session.id == SessionId{}; ++quiet_first_)
    quiet_.pop_front();
}

void Sessions::settle_quiet() {
  if (quiet_.size() > 2 * by_id_.size() + 1024) {
    std::erase_if(quiet_, [](const Quiet& quiet) { return quiet.session.id == SessionId{}; });
    quiet_settled_ = quiet_first_;
  }
  // What joined since the last checkpoint is among those that are written at this one.
  std::size_t i = std::max(quiet_settled_, quiet_first_) - quiet_first_;
  std::sort(quiet_.begin() + static_cast<std::ptrdiff_t>(i), quiet_.end(),
            [](const Quiet& a, const Quiet& b) {
              return a.written != b.written ? a.written < b.written : a.session.id < b.session.id;
            });
  for (; i < quiet_.size(); ++i)
    if (Session* session = at(quiet_[i].session)) session->quiet_at = quiet_first_ + i;
  quiet_settled_ = quiet_first_ + quiet_.size();
}

std::optional<AgreedTime> Sessions::last_join_expires(const std::string& principal) const {
  std::optional<AgreedTime> last;
  if (const Session* session = find_principal(principal)) last = session->join_expires;
  if (const auto ended = endings_.find(principal); ended != endings_.end())
    last = std::max(last.value_or(ended->second), ended->second);
  return last;
}

std::optional<Failure> Sessions::refuse_number(const Session& session, RequestNumber number) {
  const std::uint64_t n = number.value;
  if (n == 0) return Failure{"number_too_old", "request numbers start at 1"};
  if (n > session.highest) {
    if (n - session.highest <= window) return std::nullopt;
    return Failure{"number_too_new", "the number is more than " + std::to_string(window) +
                                         " beyond the highest executed, " +
                                         std::to_string(session.highest)};
  }
  const std::uint64_t back = session.highest - n;
  if (back >= window)
    return Failure{"number_too_old", "the number is " + std::to_string(window) +
                                         " or more below the highest executed, " +
                                         std::to_string(session.highest)};
  if (((session.executed >> back) & 1) == 0) return std::nullopt;
  if (stored(session, number) != nullptr)
    return Failure{"number_reused", "the number was executed with another request"};
  return Failure{"reply_forgotten", "the request was executed, but its reply is not kept any more"};
}

const StoredReply* Sessions::stored(const Session& session, RequestNumber number) {
  // Fresh numbers, which is nearly all of them, need no search.
  if (number.value > session.highest) return nullptr;
  const auto found = std::find_if(session.replies.rbegin(), session.replies.rend(),
                                  [&](const StoredReply& r) { return r.number == number; });
  return found == session.replies.rend() ? nullptr : &*found;
}

const StoredReply* Sessions::stored_join(const Digest& request) const {
  const auto found = by_join_.find(request);
  return found == by_join_.end() ? nullptr : &slots_[found->second]->join;
}

void Sessions::record(Session& session, StoredReply reply, AgreedTime now) {
  const std::uint64_t n = reply.number.value;
  if (n > session.highest) {
    const std::uint64_t shift = n - session.highest;
    session.executed = shift >= window ? 0 : session.executed << shift;
    session.highest = n;
  }
  session.executed |= std::uint64_t{1} << (session.highest - n);
  session.active = now;
  touch(session);

  // Replies that fell out of the window go in bulk, so that a request does not move sixty others.
  if (session.replies.size() >= window + window / 4)
    forget_if(session,
              [&](const StoredReply& r) { return session.highest - r.number.value >= window; });
  keep(session, std::move(reply));
  while (session.replies_bytes > session_replies_bytes_max && session.replies.size() > 1)
    forget_if(session, [first = session.replies.front().order](const StoredReply& r) {
      return r.order == first;
    });
  forget_old();
}

void Sessions::touch(Session& session) {
  if (session.dirty) return;
  session.dirty = true;
  dirty_.push_back({session.id, session.slot});
}

void Sessions::keep(Session& session, StoredReply reply) {
  const std::size_t bytes = stored_overhead_bytes + reply.reply.size();
  kept_.push_back({reply.order, {session.id, session.slot}});
  ++kept_count_;
  kept_bytes_ += bytes;
  session.replies_bytes += bytes;
  session.replies.push_back(std::move(reply));
}

template <class Condition>
void Sessions::forget_if(Session& session, Condition condition) {
  std::erase_if(session.replies, [&](const StoredReply& reply) {
    if (!condition(reply)) return false;
    if (reply.order <= written_order_) forgotten_.push_back(reply.order);
    const std::size_t bytes = stored_overhead_bytes + reply.reply.size();
    --kept_count_;
    kept_bytes_ -= bytes;
    session.replies_bytes -= bytes;
    return true;
  });
}

void Sessions::forget_old() {
  while (kept_bytes_ > stored_replies_bytes_max && !kept_.empty()) {
    const Kept oldest = kept_.front();
    kept_.pop_front();
    Session* session = at(oldest.session);
    if (session == nullptr) continue;
    forget_if(*session, [&](const StoredReply& r) { return r.order == oldest.order; });
  }
  if (kept_.size() > 2 * kept_count_ + 1024) compact_kept();
}

const StoredReply* Sessions::kept_reply(const Kept& kept) const {
  const Session* session = at(kept.session);
  if (session == nullptr) return nullptr;
  const auto found =
      std::lower_bound(session->replies.begin(), session->replies.end(), kept.order,
                       [](const StoredReply& r, std::uint64_t order) { return r.order < order; });
  return found != session->replies.end() && found->order == kept.order ? &*found : nullptr;
}

void Sessions::compact_kept() {
  std::erase_if(kept_, [&](const Kept& kept) { return kept_reply(kept) == nullptr; });
}

}  // namespace prytany::app
