// Sessions in their tables: read anew, written when they join and end, and what changes with each
// request at checkpoints. Memory is what the tables of the last checkpoint and the requests since
// make it, so the bytes that are written do not tell when a replica was started.
#include <algorithm>

#include "server/app/fault.h"
#include "server/app/sessions.h"
#include "server/base/ensure.h"
#include "server/wire/codec.h"

namespace prytany::app {
namespace {

constexpr const char* select_next_sql = "SELECT next_session FROM prytany_state WHERE id = 1";
constexpr const char* update_next_sql = "UPDATE prytany_state SET next_session = ?1 WHERE id = 1";
constexpr const char* select_sessions_sql =
    "SELECT session, slot, key, principal, role, joined_us, join_expires_us, join_reply "
    "FROM prytany_session_rows ORDER BY session";
constexpr const char* insert_session_sql =
    "INSERT INTO prytany_session_rows(session, slot, key, principal, role, joined_us, "
    "join_expires_us, join_reply) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
constexpr const char* delete_session_sql = "DELETE FROM prytany_session_rows WHERE session = ?1";
constexpr const char* find_session_sql = "SELECT 1 FROM prytany_session_rows WHERE session = ?1";
constexpr const char* select_activity_sql =
    "SELECT session, active_us, highest, executed FROM prytany_session_activity ORDER BY session";
constexpr const char* insert_activity_sql =
    "INSERT INTO prytany_session_activity(session, active_us, highest, executed) "
    "VALUES(?1, ?2, 0, 0)";
constexpr const char* update_activity_sql =
    "UPDATE prytany_session_activity SET active_us = ?2, highest = ?3, executed = ?4 "
    "WHERE session = ?1";
constexpr const char* select_replies_sql =
    "SELECT position, reply FROM prytany_session_replies ORDER BY position";
constexpr const char* insert_reply_sql =
    "INSERT INTO prytany_session_replies(position, reply) VALUES(?1, ?2)";
constexpr const char* delete_replies_before_sql =
    "DELETE FROM prytany_session_replies WHERE position < ?1";
constexpr const char* delete_reply_sql = "DELETE FROM prytany_session_replies WHERE position = ?1";
constexpr const char* select_endings_sql = "SELECT principal, join_expires_us FROM prytany_endings";
constexpr const char* delete_endings_sql =
    "DELETE FROM prytany_endings WHERE join_expires_us <= ?1";

std::int64_t signed_bits(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t unsigned_bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// What an encoded wire::Reply begins with: whose it is, and of which request.
struct ReplyHead {
  SessionId session;
  RequestNumber number;
  Digest request;
  static constexpr auto fields(auto& m) { return std::tie(m.session, m.number, m.request); }
};

ReplyHead head_of(ByteView reply) {
  wire::Reader reader(reply);
  ReplyHead head;
  wire::get(reader, head);
  if (reader.failed()) stop_on_fault("a stored reply of a session cannot be read");
  return head;
}

StoredReply stored_reply(const ReplyHead& head, std::uint64_t order, ByteView reply) {
  return {head.number, order, head.request, to_bytes(reply)};
}

}  // namespace

void Sessions::load() {
  slots_.clear();
  free_.clear();
  by_id_.clear();
  by_key_.clear();
  by_principal_.clear();
  by_join_.clear();
  quiet_.clear();
  quiet_first_ = quiet_settled_ = 0;
  endings_.clear();
  no_ending_expires_before_ = AgreedTime{0};
  dirty_.clear();
  kept_.clear();
  kept_count_ = kept_bytes_ = 0;
  written_order_ = 0;
  forgotten_.clear();

  Statement& next = engine_.ours(select_next_sql);
  {
    const Rewind rewind(next);
    ENSURE(engine_.step_ours(next));
    next_session_ = unsigned_bits(next.integer(0));
  }
  const LengthScope any_length(engine_);
  load_rows();
  load_activity();
  load_replies();

  Statement& endings = engine_.ours(select_endings_sql);
  const Rewind rewind(endings);
  while (engine_.step_ours(endings))
    endings_.emplace(endings.text(0), AgreedTime{endings.integer(1)});
}

void Sessions::load_rows() {
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
    const ByteView join = rows.blob(7);
    session->join = stored_reply(head_of(join), 0, join);
    if (slots_.size() <= session->slot) slots_.resize(session->slot + 1);
    place(std::move(session));
  }
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot] == nullptr) free_.insert(slot);
}

void Sessions::load_activity() {
  Statement& rows = engine_.ours(select_activity_sql);
  const Rewind rewind(rows);
  while (engine_.step_ours(rows)) {
    Session* session = find(SessionId{unsigned_bits(rows.integer(0))});
    if (session == nullptr) stop_on_fault("prytany_session_activity has a session of its own");
    session->active = session->written = AgreedTime{rows.integer(1)};
    session->highest = unsigned_bits(rows.integer(2));
    session->executed = unsigned_bits(rows.integer(3));
    enter_quiet(*session);
  }
  if (quiet_.size() != by_id_.size()) stop_on_fault("prytany_session_activity lacks a session");
  settle_quiet();
}

void Sessions::load_replies() {
  Statement& rows = engine_.ours(select_replies_sql);
  const Rewind rewind(rows);
  while (engine_.step_ours(rows)) {
    written_order_ = unsigned_bits(rows.integer(0));
    const ByteView reply = rows.blob(1);
    const ReplyHead head = head_of(reply);
    Session* session = find(head.session);
    if (session == nullptr) stop_on_fault("prytany_session_replies has a reply of no session");
    keep(*session, stored_reply(head, written_order_, reply));
  }
}

void Sessions::write_hot(AgreedTime now) {
  const LengthScope any_length(engine_);
  write_activity();
  write_replies();

  forget_expired(now);
}

void Sessions::forget_expired(AgreedTime now) {
  if (now < no_ending_expires_before_) return;
  no_ending_expires_before_ = never_expires;
  const auto expired = std::erase_if(endings_, [&](const auto& entry) {
    const bool is_over = entry.second <= now;
    if (!is_over) no_ending_expires_before_ = std::min(no_ending_expires_before_, entry.second);
    return is_over;
  });
  if (expired == 0) return;
  Statement& purge = engine_.ours(delete_endings_sql);
  const Rewind rewind(purge);
  purge.bind(1, now.value);
  ENSURE(!engine_.step_ours(purge));
}

void Sessions::write_activity() {
  std::ranges::sort(dirty_, {}, &Place::id);
  Statement& update = engine_.ours(update_activity_sql);
  for (const Place place : dirty_) {
    Session* session = at(place);
    if (session == nullptr || !session->dirty) continue;
    session->dirty = false;
    const Rewind rewind(update);
    update.bind(1, signed_bits(place.id.value));
    update.bind(2, session->active.value);
    update.bind(3, signed_bits(session->highest));
    update.bind(4, signed_bits(session->executed));
    ENSURE(!engine_.step_ours(update));
    leave_quiet(*session);
    session->written = session->active;
    enter_quiet(*session);
  }
  dirty_.clear();
  settle_quiet();
}

void Sessions::delete_forgotten() {
  if (forgotten_.empty()) return;
  std::sort(forgotten_.begin(), forgotten_.end());
  const std::int64_t before = sqlite3_total_changes64(engine_.handle());
  // What is older than all that is kept goes at once: it is all there is, where the bound over all
  // sessions is what forgets.
  const std::uint64_t oldest = kept_.empty() ? written_order_ + 1 : kept_.front().order;
  const auto among_kept = std::lower_bound(forgotten_.begin(), forgotten_.end(), oldest);
  if (among_kept != forgotten_.begin()) {
    Statement& all = engine_.ours(delete_replies_before_sql);
    const Rewind rewind(all);
    all.bind(1, signed_bits(oldest));
    ENSURE(!engine_.step_ours(all));
  }
  Statement& one = engine_.ours(delete_reply_sql);
  for (auto order = among_kept; order != forgotten_.end(); ++order) {
    const Rewind rewind(one);
    one.bind(1, signed_bits(*order));
    ENSURE(!engine_.step_ours(one));
  }
  const std::int64_t deleted = sqlite3_total_changes64(engine_.handle()) - before;
  ENSURE(deleted == static_cast<std::int64_t>(forgotten_.size()));
  forgotten_ = {};
}

void Sessions::write_replies() {
  while (!kept_.empty() && kept_reply(kept_.front()) == nullptr) kept_.pop_front();
  // First, so that its pages are taken again.
  delete_forgotten();
  // Then what is new, behind all others: whole pages of it.
  Statement& insert = engine_.ours(insert_reply_sql);
  auto next = std::upper_bound(kept_.begin(), kept_.end(), written_order_,
                               [](std::uint64_t order, const Kept& k) { return order < k.order; });
  for (; next != kept_.end(); ++next) {
    written_order_ = next->order;
    const StoredReply* reply = kept_reply(*next);
    if (reply == nullptr) continue;
    const Rewind rewind(insert);
    insert.bind(1, signed_bits(reply->order));
    insert.bind(2, ByteView(reply->reply));
    ENSURE(!engine_.step_ours(insert));
  }
}

void Sessions::insert_row(const Session& session) {
  Statement& row = engine_.ours(insert_session_sql);
  {
    const Rewind rewind(row);
    row.bind(1, signed_bits(session.id.value));
    row.bind(2, std::int64_t{session.slot});
    row.bind(3, ByteView(session.key.bytes));
    row.bind(4, std::string_view(session.principal));
    row.bind(5, std::string_view(session.role));
    row.bind(6, session.joined.value);
    row.bind(7, session.join_expires.value);
    row.bind(8, ByteView(session.join.reply));
    ENSURE(!engine_.step_ours(row));
  }
  Statement& activity = engine_.ours(insert_activity_sql);
  {
    const Rewind rewind(activity);
    activity.bind(1, signed_bits(session.id.value));
    activity.bind(2, session.written.value);
    ENSURE(!engine_.step_ours(activity));
  }
  Statement& next = engine_.ours(update_next_sql);
  const Rewind rewind(next);
  next.bind(1, signed_bits(next_session_));
  ENSURE(!engine_.step_ours(next));
}

void Sessions::delete_row(SessionId id) {
  Statement& erase = engine_.ours(delete_session_sql);
  const Rewind rewind(erase);
  erase.bind(1, signed_bits(id.value));
  ENSURE(!engine_.step_ours(erase));
}

bool Sessions::has_row(SessionId id) {
  Statement& row = engine_.ours(find_session_sql);
  const Rewind rewind(row);
  row.bind(1, signed_bits(id.value));
  return engine_.step_ours(row);
}

}  // namespace prytany::app
