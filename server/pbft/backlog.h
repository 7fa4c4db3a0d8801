// Requests that wait for a number, and those that have one but are not executed yet. Fair: sessions
// are served in turn, each in the order of its numbers, and joins by turns of those who send them
// (join_rounds.h). Bounded: in all, per session, and in bytes;
// what finds no room is refused and the client sends it again. Where there is no room, who holds
// much gives way to who holds little, and a session's later numbers to its earlier ones: so nobody
// can keep others out, nor make a correct primary refuse what a backup waits for.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "server/crypto/digest_map.h"
#include "server/pbft/config.h"
#include "server/pbft/join_rounds.h"
#include "server/pbft/refusal.h"
#include "server/pbft/replica.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

class Backlog {
 public:
  explicit Backlog(const Config& config) : config_(config) {}

  /// Takes a request in, or says why not. A request is known by its digest, which covers session,
  /// number and operation: a session that says two things under one number has two requests, and
  /// execution judges them. Where it comes from matters for joins alone: it decides when they are
  /// taken, and of those that peers bring there may be as many again.
  std::optional<Refusal> add(Time now, const Digest& digest, wire::ClientRequest request,
                             const Origin& origin = {});

  struct Taken {
    std::vector<wire::ClientRequest> requests;
    std::vector<Digest> digests;
  };
  /// The next batch, at least one request if any waits, within both caps. They are in flight from
  /// now on.
  Taken take(Time now, std::size_t requests_max, std::size_t bytes_max);

  /// The primary proposed this batch, whose requests have these digests: they wait no longer, and
  /// are not taken in while in flight. (One that never waited here is only noted.) Where one comes
  /// before its session's first waiting request, that one is first only from now on: the primary
  /// knows some that are missing here, after a state transfer for instance, and takes them first.
  void in_flight(Time now, const std::vector<Digest>& digests, const wire::Batch& batch);
  /// All of it is authentic: from now on its requests' numbers are old ones. Not before: else a
  /// primary's own words, which nobody else believes, would make numbers old for ever.
  void accepted(const wire::Batch& batch);
  /// These were executed, or will never be under the number that they had: nothing of them is
  /// remembered.
  void release(Time now, const std::vector<Digest>& digests);

  /// These were in flight in a view that was left, and its successor does not propose them: they
  /// wait again, whether or not their clients had sent them here.
  void return_to_waiting(Time now, const std::vector<Digest>& digests, const wire::Batch& batch);

  /// Nothing was proposed under this number of its session yet, as far as is remembered: whoever
  /// proposes a session's old requests again does it no service.
  [[nodiscard]] bool serves_anew(const wire::RequestBody& body) const;

  /// Some session with a request in this batch, which was proposed last, has had its turn twice
  /// since then: whoever serves sessions in turn comes by all others between.
  [[nodiscard]] bool twice_since(Time then, const wire::Batch& batch) const;

  /// It is not in flight any more, and does not wait. True if it was in flight.
  bool withdraw(const Digest& digest) { return in_flight_.erase(digest); }
  /// One that waits; null if it does not.
  [[nodiscard]] const wire::ClientRequest* find(const Digest& digest) const {
    return waiting_.find(digest);
  }
  [[nodiscard]] bool knows(const Digest& digest) const {
    return waiting_.contains(digest) || in_flight_.contains(digest);
  }
  /// Those that wait and bear no signature.
  [[nodiscard]] std::vector<Digest> waiting_unsigned() const;

  /// State was installed: what waits may be executed in it, and nobody here knows. Clients repeat
  /// what is not.
  void forget_all();

  // ---- what the primary may lack ----
  /// What has been its session's first for forward_us (times rounds()), with a few of those behind
  /// it; again after twice as long each time. A primary that lacks one request goes on with others,
  /// so how the group gets on says nothing about it. At most `max`, the longest first.
  std::vector<wire::ClientRequest> overdue(Time now, std::size_t max);
  /// When the next one will be; `never` if nothing waits.
  [[nodiscard]] Time overdue_at() const;
  /// The primary can be reached again: as if all had just become the first.
  void name_anew(Time now);

  // ---- how long the primary lets somebody wait (section 4.4: the timers of the view change) ----
  /// Each session's first waiting request has been first since some time; the longest of these
  /// times, which no other session's progress changes; `never` if nothing waits. That is what a
  /// client may count on: a primary that serves sessions in turn comes by every session within a
  /// round, however many requests another one has poured in.
  [[nodiscard]] Time first_since() const {
    return firsts_.empty() ? never : firsts_.begin()->first;
  }
  struct First {
    Digest digest;
    Time since;
  };
  /// Of those that have been their sessions' first for longest, one that is no join and not among
  /// `but`: what the primary cannot but order in its turn once it has it, and the word that there
  /// is of it here.
  template <class Set>
  [[nodiscard]] std::optional<First> oldest_first(const Set& but) const;
  /// So many rounds of the pipeline it takes a correct primary to come by every session, more or
  /// less: 1 unless very many wait, or very long requests. `unproven`: sessions of which something
  /// waits for others' word here, and perhaps for its turn at the primary, who has that word.
  [[nodiscard]] std::uint64_t rounds(std::size_t unproven = 0) const;
  /// The primary is given all its time again, for all of them.
  void rearm(Time now);
  /// The same, for a cause that lies here and not with the primary: so often for one request at
  /// most.
  static constexpr unsigned excuses_max = 16;
  void excuse(Time now);
  /// Those that have been first since before `before`, each once: is it still wanted?
  std::vector<wire::ClientRequest> doubtful(Time before);
  /// When the first of them will have been first for that long.
  [[nodiscard]] Time doubtful_since() const {
    return undoubted_.empty() ? never : undoubted_.begin()->first;
  }

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  void count(Held& held) const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  /// Of so many sessions is remembered what was proposed, at most.
  static constexpr std::size_t proposed_max = 16'384;

  /// Whoever gives way is looked for among so many sessions.
  static constexpr std::size_t looked_at = 16;

  /// So many of a session are named at a time.
  static constexpr std::size_t named_max = JoinRounds::of_peer_max;

  /// A join may wait for so many times as many as wait at once (joins_before_first()).
  static constexpr std::size_t joins_before_max = 4;

  struct Queue {
    std::deque<Digest> digests;  // in the order of their numbers; joins in that of their rounds
    std::size_t bytes = 0;
    std::size_t joins_before = 0;  // proposed while the first one waited, of session 0
    Time first_since;              // since when the first one has been the first
    unsigned excuses = 0;          // how often that was put off
    Time named_next;               // when overdue() names it, in the first round
    std::uint64_t named_after_us = 0;
  };
  using Firsts = std::set<std::pair<Time, SessionId>>;

  void take_earlier(const Digest& join, const Origin& origin);
  bool make_join_room(Time now, const Origin& origin);
  bool make_session_room(Time now, const wire::RequestBody& body);
  bool make_room(Time now, SessionId session, std::size_t bytes);
  void joins_before_first(Time now, std::size_t count);
  std::deque<Digest>::iterator place_of(Queue& queue, const wire::RequestBody& body);
  std::deque<Digest>::iterator place_in_round(std::deque<Digest>& joins, std::uint64_t round);
  void join_gone(const Digest& join, bool was_first, const Queue& queue);
  /// Requires: it waits.
  void forget_waiting(Time now, const Digest& digest);
  void name_after(Time now, SessionId session, Queue& queue, std::uint64_t us);
  void first_changed(Time now, SessionId session, Queue& queue);
  void first_from(Time now, SessionId session, Queue& queue);
  void proposed_of(Time now, const wire::RequestBody& body);
  void note(const wire::RequestBody& body);

  const Config& config_;
  crypto::DigestMap<wire::ClientRequest> waiting_;
  crypto::DigestSet in_flight_;
  std::map<SessionId, Queue> queues_;  // only non-empty ones
  Firsts firsts_;                      // of all queues
  Firsts undoubted_;                   // of those about whose first one nobody was asked
  Firsts named_;                       // of all queues, by named_next
  std::optional<SessionId> served_last_;
  SessionId looked_at_last_;
  JoinRounds join_rounds_;
  /// Of a session: the highest number that was proposed, and which of the window below it were.
  struct Proposed {
    RequestNumber highest;
    std::uint64_t below = 0;  // bit i: highest - i was
  };
  [[nodiscard]] static bool is_new(const Proposed& seen, RequestNumber number);
  static void note(Proposed& seen, RequestNumber number);
  /// By the key, too: somebody else may have asked in the session's name, with any number, and a
  /// primary in league with them proposed it. Only execution knows whose session it is.
  using Asker = std::pair<SessionId, crypto::PublicKey>;
  std::map<Asker, Proposed> proposed_;
  /// When it had its last turn, and the one before. All who join are one.
  struct Turns {
    Time last;
    Time before;
  };
  void turn(Time now, const Asker& asker);
  std::map<Asker, Turns> turns_;
  std::size_t bytes_ = 0;
};

template <class Set>
std::optional<Backlog::First> Backlog::oldest_first(const Set& but) const {
  std::size_t looked = 0;
  for (const auto& [since, session] : firsts_) {
    if (++looked > 2 * looked_at) break;
    if (session == SessionId{0}) continue;
    const Digest& digest = queues_.at(session).digests.front();
    if (!but.contains(digest)) return First{digest, since};
  }
  return std::nullopt;
}

}  // namespace prytany::pbft
