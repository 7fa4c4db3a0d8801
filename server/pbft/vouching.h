// Requests without a signature (docs/design.md section 7; docs/protocol.md): whose word there is
// that one is authentic, and those that wait for more of it. The primary may propose one, and a
// backup counts its time, only when quorum() replicas vouch for it. Bounded: in requests, in bytes,
// per session, per peer, and in time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "server/crypto/digest_map.h"
#include "server/pbft/config.h"
#include "server/pbft/refusal.h"
#include "server/pbft/replica.h"
#include "server/pbft/words.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

class Vouching {
 public:
  explicit Vouching(const Config& config);

  // ---- words. What was said lately is remembered, whether or not the request is at hand ----
  /// It is authentic here. True if that is new.
  bool vouch(const Digest& request);
  /// It is as if it had become so only now: of what waits, words are remembered.
  void renew(const Digest& request) { (void)words_.said(config_.self, request); }
  /// A peer says so. False if it is remembered as said lately.
  bool said(ReplicaId from, const Digest& request);
  /// It has started anew, and can prove nothing of what it vouched for, which is returned.
  std::vector<Digest> forget_words(ReplicaId of) { return words_.forget(of); }
  [[nodiscard]] bool authentic(const Digest& request) const;
  /// How many replicas vouch for it, this one included.
  [[nodiscard]] unsigned words(const Digest& request) const;
  /// A correct replica among the others vouches for it.
  [[nodiscard]] bool believed(const Digest& request) const;

  // ---- requests that wait ----
  /// Keeps one whose tag was right here; or says why not.
  std::optional<Refusal> add(Time now, const Digest& digest, wire::ClientRequest request);
  /// Keeps one that a peer passed on. It takes no room from those whose tags were right here: of
  /// one peer the last few are kept.
  std::optional<Refusal> bring(Time now, ReplicaId from, const Digest& digest,
                               wire::ClientRequest request);
  [[nodiscard]] bool waits(const Digest& digest) const { return waiting_.contains(digest); }
  /// Its client itself sent it, with a right tag.
  [[nodiscard]] bool waits_here(const Digest& digest) const {
    const Waiting* const waiting = waiting_.find(digest);
    return waiting != nullptr && !waiting->brought_by;
  }
  /// One that waits; null if it does not.
  [[nodiscard]] const wire::ClientRequest* find(const Digest& digest) const {
    const Waiting* const waiting = waiting_.find(digest);
    return waiting == nullptr ? nullptr : &waiting->request;
  }
  /// It waits here no longer. Requires: waits(digest).
  wire::ClientRequest take(const Digest& digest);
  /// These have a number, or need none any more.
  void remove(const std::vector<Digest>& digests);
  void forget_waiting();
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  /// Whose requests, sent here by themselves, wait.
  [[nodiscard]] std::size_t sessions() const { return of_session_.size(); }
  void count(Held& held) const;
  /// All that are authentic here.
  [[nodiscard]] std::vector<Digest> waiting_here() const;

  // ---- what is tried (pace.h) ----
  struct Oldest {
    Digest digest;
    Time since;
  };
  /// About the oldest that was sent here by its client, not tried, and whose word was given to the
  /// primary alone; of sessions of which nothing is tried.
  [[nodiscard]] std::optional<Oldest> untried() const;
  /// It is tried now. Requires: waits(digest).
  void tried(const Digest& digest);
  /// If its word was given to the primary alone, it is due now. True if so.
  bool hurry(Time now, const Digest& digest);

  // ---- what waits for long: said again, twice as long after each time ----
  [[nodiscard]] Time due() const;
  struct Overdue {
    Digest digest;
    wire::ClientRequest request;
    Time since;
  };
  /// Those that are due, at most `max`. Those that have waited for unverified_life_us are dropped.
  std::vector<Overdue> overdue(Time now, std::size_t max);

 private:
  struct Waiting {
    Digest digest;
    wire::ClientRequest request;
    Time since;
    std::optional<ReplicaId> brought_by;  // nothing: the client itself sent it, with a right tag
    bool tried = false;
    Time due = {};
    std::size_t line = 0;  // where it stands
    Waiting* before = nullptr;
    Waiting* after = nullptr;
  };
  /// Those that wait for the same interval before they are said again, which is the order in which
  /// they are due. (One tree for all was a twentieth of a replica's time.)
  struct Line {
    std::uint64_t interval_us = 0;
    Waiting* first = nullptr;
    Waiting* last = nullptr;
  };
  /// Two lines hold those whose word was given to the primary alone.
  enum : std::size_t { hurried_line, first_line };
  struct OfSession {
    std::size_t waiting = 0;
    std::size_t tried = 0;
  };
  struct Brought {
    std::deque<Digest> digests;
    std::size_t bytes = 0;
  };
  void insert(Time now, Waiting waiting);
  /// Requires: waits(digest).
  void erase(const Digest& digest);
  void stand(Time now, Waiting& waiting, std::size_t line);
  void leave_line(Waiting& waiting);
  /// Of all, the first that is due; null if nothing waits.
  [[nodiscard]] Waiting* first_due() const;

  const Config& config_;
  Words words_;
  crypto::DigestMap<Waiting> waiting_;
  std::vector<Line> lines_;
  std::map<SessionId, OfSession> of_session_;  // of those that the clients themselves sent
  std::map<ReplicaId, Brought> brought_;
  std::size_t bytes_ = 0;  // of those
};

}  // namespace prytany::pbft
