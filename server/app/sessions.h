// Who may speak, and what they were already told: exactly-once. Replicated state, of which the hot
// half (last activity, numbers, replies) lives in memory and is written to its tables at
// checkpoints only (design.md section 5), in few pages however many sessions there are
// (docs/decisions/0026-replies-apart-from-sessions.md). sessions.cpp is the memory,
// sessions_tables.cpp the tables.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/app/engine.h"
#include "server/app/request_state.h"
#include "server/wire/request.h"
#include "server/wire/values.h"

namespace prytany::app {

/// Stored replies take at most this much in all; beyond it the oldest are forgotten, on every
/// replica alike.
inline constexpr std::size_t stored_replies_bytes_max = 64 << 20;
/// And one session's this much, or its newest reply alone.
inline constexpr std::size_t session_replies_bytes_max = 1 << 20;

struct StoredReply {
  RequestNumber number;
  std::uint64_t order =
      0;  // of execution, over all sessions: rises with number and place in the batch
  Digest request;
  Bytes reply;  // encode(wire::Reply): it holds `number` and `request`, too
};

struct Session {
  // Written when it joins.
  SessionId id;
  std::uint32_t slot = 0;
  crypto::PublicKey key;
  std::string principal;
  std::string role;
  AgreedTime joined;
  AgreedTime join_expires;  // the first of its tokens' expiries
  StoredReply join;

  // Hot. Bit i of `executed`: number highest - i was executed.
  AgreedTime active;
  AgreedTime written;          // `active` as in its table
  std::uint64_t quiet_at = 0;  // its place in the order of `written`
  std::uint64_t highest = 0;
  std::uint64_t executed = 0;
  std::vector<StoredReply> replies;  // ascending by order; some out of the window
  std::size_t replies_bytes = 0;
  bool dirty = false;
};

class Sessions {
 public:
  Sessions(Engine& engine, std::size_t sessions_max) : engine_(engine), max_(sessions_max) {}

  /// Reads the tables anew.
  void load();
  /// Writes what changed since the last time: activity in the order of sessions, replies in the
  /// order of execution. Requires: inside a transaction of ours.
  void write_hot(AgreedTime now);

  [[nodiscard]] Session* find(SessionId id);
  [[nodiscard]] const Session* find(SessionId id) const;
  [[nodiscard]] const Session* find_principal(const std::string& principal) const;
  [[nodiscard]] const Session* find_key(const crypto::PublicKey& key) const;
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] bool full() const;
  /// Those who left are remembered until their tokens expire, and make the table full as well.
  [[nodiscard]] bool full_of_endings() const { return endings_.size() >= 2 * max_; }

  // ---- joining and leaving. Each requires to be inside a transaction of ours that will commit.
  // ----

  /// The session number that add() will assign.
  [[nodiscard]] SessionId next_id() const { return SessionId{next_session_}; }
  /// Requires: !full(). `id` and `slot` are assigned here.
  Session& add(Session session);
  void remove(SessionId id, AgreedTime now);
  /// Those of `ids` that live here, and whose rows this transaction has deleted.
  [[nodiscard]] std::vector<SessionId> without_row(std::vector<SessionId> ids);
  /// The memory of a session whose row is gone for good.
  void forget(SessionId id, AgreedTime now);
  /// Sessions silent for longer than `idle_us` in agreed time: at most `found_max`, in the
  /// order of the activity in their rows, of which at most `visits_max` are looked at. One whose
  /// row is older than its last request is looked at in vain, until the next checkpoint.
  [[nodiscard]] std::vector<SessionId> idle(AgreedTime now, std::int64_t idle_us,
                                            std::size_t found_max, std::size_t visits_max) const;
  /// Tokens that have expired need no watermark any more. Requires: inside a
  /// transaction of ours that will commit.
  void forget_expired(AgreedTime now);
  /// A join of `principal` must have tokens that outlive those of its last one: an older one is a
  /// replay.
  [[nodiscard]] std::optional<AgreedTime> last_join_expires(const std::string& principal) const;

  // ---- exactly-once ----

  /// Nothing if `number` may be executed; else why not.
  [[nodiscard]] static std::optional<Failure> refuse_number(const Session& session,
                                                            RequestNumber number);
  [[nodiscard]] static const StoredReply* stored(const Session& session, RequestNumber number);
  /// The stored reply of the join with this request digest, if its session lives.
  [[nodiscard]] const StoredReply* stored_join(const Digest& request) const;
  /// A request of `session` is executed now. Requires: !refuse_number(reply.number), and an order
  /// above all before.
  void record(Session& session, StoredReply reply, AgreedTime now);

 private:
  /// Where a session was, which may have ended since: its slot may be another's by now.
  struct Place {
    SessionId id;
    std::uint32_t slot;
  };
  static constexpr AgreedTime never_expires{std::numeric_limits<std::int64_t>::max()};
  struct Kept {
    std::uint64_t order;
    Place session;
  };
  struct Quiet {
    AgreedTime written;
    Place session;  // number 0: was written again, or ended
  };
  void load_rows();
  void load_activity();
  void load_replies();
  void write_activity();
  void write_replies();
  void delete_forgotten();
  void insert_row(const Session& session);
  void delete_row(SessionId id);
  [[nodiscard]] bool has_row(SessionId id);
  /// As find(), with fewer looks at memory: one request of each of many sessions finds none of it
  /// in a cache.
  [[nodiscard]] Session* at(Place place) const;
  /// Behind all others in the order of `written`; settle_quiet() follows unless it belongs there.
  void enter_quiet(Session& session);
  void leave_quiet(const Session& session);
  void settle_quiet();
  /// In memory, in its slot.
  Session& place(std::unique_ptr<Session> session);
  void touch(Session& session);
  void keep(Session& session, StoredReply reply);
  template <class Condition>
  void forget_if(Session& session, Condition condition);
  void forget_old();
  /// Nothing if it was forgotten since.
  [[nodiscard]] const StoredReply* kept_reply(const Kept& kept) const;
  void compact_kept();

  Engine& engine_;
  std::size_t max_;
  std::uint64_t next_session_ = 1;
  std::vector<std::unique_ptr<Session>> slots_;
  std::set<std::uint32_t> free_;
  std::unordered_map<SessionId, std::uint32_t> by_id_;
  std::map<crypto::PublicKey, std::uint32_t> by_key_;
  std::map<std::string, std::uint32_t> by_principal_;
  std::map<Digest, std::uint32_t> by_join_;
  // In order of `written`, then number: equal on every replica, whenever it was started. What is
  // written at a checkpoint is younger than all before, so it goes behind; what it leaves empty is
  // cleared away when it is half of all. The first is at place `quiet_first_`, and those from
  // `quiet_settled_` on came since the last checkpoint.
  std::deque<Quiet> quiet_;
  std::uint64_t quiet_first_ = 0;
  std::uint64_t quiet_settled_ = 0;
  std::map<std::string, AgreedTime> endings_;
  // So that a table that is full of them is not looked through for each join.
  AgreedTime no_ending_expires_before_{0};
  std::vector<Place> dirty_;

  std::deque<Kept> kept_;  // by order; some were forgotten since
  std::size_t kept_count_ = 0;
  std::size_t kept_bytes_ = 0;
  // What is kept up to this order is in the table, and what is not yet deleted there.
  std::uint64_t written_order_ = 0;
  std::vector<std::uint64_t> forgotten_;
};

}  // namespace prytany::app
