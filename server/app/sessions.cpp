#include "server/app/sessions.h"

#include <algorithm>

#include "server/app/fault.h"
#include "server/base/ensure.h"
#include "server/wire/codec.h"

namespace prytany::app {
namespace {

constexpr std::uint64_t window = limits::session_window;
static_assert(window == 64, "the executed numbers are the bits of one integer");

/// What one stored reply takes in memory besides its bytes.
constexpr std::size_t stored_overhead_bytes = 128;

/// How a session's replies are stored in its row.
struct StoredRow {
  std::uint64_t number = 0;
  std::uint64_t order = 0;
  Digest request;
  wire::Body<2 * limits::result_bytes_max> reply;
  static constexpr auto fields(auto& m) { return std::tie(m.number, m.order, m.request, m.reply); }
};
using StoredRows = wire::List<StoredRow, 2 * window>;

constexpr const char* select_sessions_sql =
    "SELECT session, slot, key, principal, role, joined_us, join_expires_us, join_reply, "
    "active_us, highest, executed, replies FROM prytany_session_rows ORDER BY session";
constexpr const char* insert_session_sql =
    "INSERT INTO prytany_session_rows(session, slot, key, principal, role, joined_us, "
    "join_expires_us, join_reply, active_us, highest, executed, replies) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, 0, 0, x'')";
constexpr const char* update_next_sql = "UPDATE prytany_state SET next_session = ?1 WHERE id = 1";
constexpr const char* delete_session_sql = "DELETE FROM prytany_session_rows WHERE session = ?1";
constexpr const char* delete_endings_sql =
    "DELETE FROM prytany_endings WHERE join_expires_us <= ?1";
constexpr const char* update_hot_sql =
    "UPDATE prytany_session_rows SET active_us = ?2, highest = ?3, executed = ?4, replies = ?5 "
    "WHERE session = ?1";
constexpr const char* find_session_sql = "SELECT 1 FROM prytany_session_rows WHERE session = ?1";

StoredRow row_of(const StoredReply& reply) {
  return {reply.number.value, reply.order, reply.request, {reply.reply}};
}
StoredReply reply_of(StoredRow row) {
  return {RequestNumber{row.number}, row.order, row.request, std::move(row.reply.bytes)};
}

/// Rows that we wrote ourselves.
template <class T>
T read_own(ByteView bytes) {
  if (bytes.empty()) return T{};
  auto decoded = wire::decode<T>(bytes);
  if (!decoded)
    stop_on_fault(std::string("prytany_session_rows holds nonsense: ") + decoded.error().reason);
  return std::move(decoded).value();
}

std::int64_t signed_bits(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t unsigned_bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

void Sessions::load() {
  slots_.clear();
  free_.clear();
  by_id_.clear();
  by_key_.clear();
  by_principal_.clear();
  by_join_.clear();
  by_activity_.clear();
  endings_.clear();
  dirty_.clear();
  kept_.clear();
  kept_count_ = kept_bytes_ = 0;

  Statement& next = engine_.ours("SELECT next_session FROM prytany_state WHERE id = 1");
  {
    const Rewind rewind(next);
    ENSURE(engine_.step_ours(next));
    next_session_ = unsigned_bits(next.integer(0));
  }
  const LengthScope any_length(engine_);
  Statement& rows = engine_.ours(select_sessions_sql);
  const Rewind rewind(rows);
  while (engine_.step_ours(rows)) {
    auto session = std::make_unique<Session>();
    session->id = SessionId{unsigned_bits(rows.integer(0))};
    session->slot = static_cast<std::uint32_t>(rows.integer(1));
    const ByteView key = rows.blob(2);
    if (key.size() != crypto::PublicKey::size)
      stop_on_fault("prytany_session_rows holds a bad key");
    std::copy(key.begin(), key.end(), session->key.bytes.begin());
    session->principal = rows.text(3);
    session->role = rows.text(4);
    session->joined = AgreedTime{rows.integer(5)};
    session->join_expires = AgreedTime{rows.integer(6)};
    session->join = reply_of(read_own<StoredRow>(rows.blob(7)));
    session->active = session->written = AgreedTime{rows.integer(8)};
    session->highest = unsigned_bits(rows.integer(9));
    session->executed = unsigned_bits(rows.integer(10));
    for (StoredRow& row : read_own<StoredRows>(rows.blob(11)).items)
      keep(*session, reply_of(std::move(row)));

    by_id_[session->id] = session->slot;
    by_key_[session->key] = session->slot;
    by_principal_[session->principal] = session->slot;
    by_join_[session->join.request] = session->slot;
    by_activity_.emplace(session->written, session->id);
    if (slots_.size() <= session->slot) slots_.resize(session->slot + 1);
    slots_[session->slot] = std::move(session);
  }
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot] == nullptr) free_.insert(slot);
  std::sort(kept_.begin(), kept_.end(),
            [](const Kept& a, const Kept& b) { return a.order < b.order; });

  Statement& endings = engine_.ours("SELECT principal, join_expires_us FROM prytany_endings");
  const Rewind rewind_endings(endings);
  while (engine_.step_ours(endings))
    endings_.emplace(endings.text(0), AgreedTime{endings.integer(1)});
}

void Sessions::write_hot(AgreedTime now) {
  std::sort(dirty_.begin(), dirty_.end());
  dirty_.erase(std::unique(dirty_.begin(), dirty_.end()), dirty_.end());
  const LengthScope any_length(engine_);
  Statement& update = engine_.ours(update_hot_sql);
  for (const SessionId id : dirty_) {
    Session* session = find(id);
    if (session == nullptr || !session->dirty) continue;
    session->dirty = false;
    StoredRows rows;
    rows.items.reserve(session->replies.size());
    for (const StoredReply& reply : session->replies) rows.items.push_back(row_of(reply));
    const Bytes encoded = rows.empty() ? Bytes{} : wire::encode(rows);
    const Rewind rewind(update);
    update.bind(1, signed_bits(id.value));
    update.bind(2, session->active.value);
    update.bind(3, signed_bits(session->highest));
    update.bind(4, signed_bits(session->executed));
    update.bind(5, ByteView(encoded));
    ENSURE(!engine_.step_ours(update));
    by_activity_.erase({session->written, id});
    session->written = session->active;
    by_activity_.emplace(session->written, id);
  }
  dirty_.clear();

  // Tokens that have expired need no watermark any more.
  if (std::erase_if(endings_, [&](const auto& entry) { return entry.second <= now; }) > 0) {
    Statement& purge = engine_.ours(delete_endings_sql);
    const Rewind rewind(purge);
    purge.bind(1, now.value);
    ENSURE(!engine_.step_ours(purge));
  }
}

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
  return by_id_.size() >= max_ || endings_.size() >= 2 * max_;
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

  const Bytes join = wire::encode(row_of(session.join));
  Statement& insert = engine_.ours(insert_session_sql);
  {
    const Rewind rewind(insert);
    insert.bind(1, signed_bits(session.id.value));
    insert.bind(2, std::int64_t{session.slot});
    insert.bind(3, ByteView(session.key.bytes));
    insert.bind(4, std::string_view(session.principal));
    insert.bind(5, std::string_view(session.role));
    insert.bind(6, session.joined.value);
    insert.bind(7, session.join_expires.value);
    insert.bind(8, ByteView(join));
    ENSURE(!engine_.step_ours(insert));
  }
  Statement& update = engine_.ours(update_next_sql);
  {
    const Rewind rewind(update);
    update.bind(1, signed_bits(next_session_));
    ENSURE(!engine_.step_ours(update));
  }
  by_id_[session.id] = session.slot;
  by_key_[session.key] = session.slot;
  by_principal_[session.principal] = session.slot;
  by_join_[session.join.request] = session.slot;
  by_activity_.emplace(session.written, session.id);
  std::unique_ptr<Session>& place = slots_[session.slot];
  place = std::make_unique<Session>(std::move(session));
  return *place;
}

void Sessions::remove(SessionId id, AgreedTime now) {
  {
    Statement& erase = engine_.ours(delete_session_sql);
    const Rewind rewind(erase);
    erase.bind(1, signed_bits(id.value));
    ENSURE(!engine_.step_ours(erase));
  }
  forget(id, now);
}

std::vector<SessionId> Sessions::without_row(std::vector<SessionId> ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase_if(ids, [&](SessionId id) {
    if (find(id) == nullptr) return true;
    Statement& row = engine_.ours(find_session_sql);
    const Rewind rewind(row);
    row.bind(1, signed_bits(id.value));
    return engine_.step_ours(row);
  });
  return ids;
}

void Sessions::forget(SessionId id, AgreedTime now) {
  Session* session = find(id);
  ENSURE(session != nullptr);
  const std::uint32_t slot = session->slot;
  // As the trigger on the row does.
  if (session->join_expires > now) endings_[session->principal] = session->join_expires;
  forget_if(*session, [](const StoredReply&) { return true; });
  by_id_.erase(id);
  by_key_.erase(session->key);
  by_principal_.erase(session->principal);
  by_join_.erase(session->join.request);
  by_activity_.erase({session->written, id});
  slots_[slot].reset();
  free_.insert(slot);
}

std::vector<SessionId> Sessions::idle(AgreedTime now, std::int64_t idle_us, std::size_t found_max,
                                      std::size_t visits_max) const {
  std::vector<SessionId> found;
  for (const auto& [written, id] : by_activity_) {
    if (now.value - written.value <= idle_us || visits_max-- == 0) break;
    if (now.value - find(id)->active.value <= idle_us) continue;
    found.push_back(id);
    if (found.size() == found_max) break;
  }
  return found;
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
  dirty_.push_back(session.id);
}

void Sessions::keep(Session& session, StoredReply reply) {
  const std::size_t bytes = stored_overhead_bytes + reply.reply.size();
  kept_.push_back({reply.order, session.id});
  ++kept_count_;
  kept_bytes_ += bytes;
  session.replies_bytes += bytes;
  session.replies.push_back(std::move(reply));
}

template <class Condition>
void Sessions::forget_if(Session& session, Condition condition) {
  std::erase_if(session.replies, [&](const StoredReply& reply) {
    if (!condition(reply)) return false;
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
    Session* session = find(oldest.session);
    if (session == nullptr) continue;
    forget_if(*session, [&](const StoredReply& r) { return r.order == oldest.order; });
    touch(*session);
  }
  if (kept_.size() > 2 * kept_count_ + 1024) compact_kept();
}

void Sessions::compact_kept() {
  std::erase_if(kept_, [&](const Kept& kept) {
    const Session* session = find(kept.session);
    if (session == nullptr) return true;
    return std::none_of(session->replies.begin(), session->replies.end(),
                        [&](const StoredReply& r) { return r.order == kept.order; });
  });
}

}  // namespace prytany::app
