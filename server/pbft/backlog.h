// Requests that wait for a number, and those that have one but are not executed yet. Fair: sessions
// are served in turn, each in the order of arrival. Bounded: in all, per session, and in bytes;
// what finds no room is refused and the client sends it again.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/refusal.h"
#include "server/wire/request.h"

namespace prytany::pbft {

class Backlog {
 public:
  explicit Backlog(const Config& config) : config_(config) {}

  /// Takes a request in, or says why not. A request is known by its digest, which covers session,
  /// number and operation: a session that says two things under one number has two requests, and
  /// execution judges them.
  std::optional<Refusal> add(Time now, const Digest& digest, wire::ClientRequest request);

  struct Taken {
    std::vector<wire::ClientRequest> requests;
    std::vector<Digest> digests;
  };
  /// The next batch, at least one request if any waits, within both caps. They are in flight from
  /// now on.
  Taken take(std::size_t requests_max, std::size_t bytes_max);

  /// These were proposed by the primary: they wait no longer, and are not taken in while in flight.
  void in_flight(const std::vector<Digest>& digests);
  /// These were executed, or will never be under the number that they had: nothing of them is
  /// remembered.
  void release(const std::vector<Digest>& digests);

  /// State was installed: what waits may be executed in it, and nobody here knows. Clients repeat
  /// what is not.
  void forget_all();

  /// Waiting for at least `older_than_us`: the longest first, at most `max`. Each is named again
  /// only after it has waited as long anew.
  std::vector<wire::ClientRequest> overdue(Time now, std::uint64_t older_than_us, std::size_t max);
  /// When the next one will have waited that long; `never` if nothing waits.
  [[nodiscard]] Time overdue_at(std::uint64_t older_than_us) const;

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    wire::ClientRequest request;
    std::uint64_t ticket = 0;  // in order_
  };
  struct Named {
    Digest digest;
    Time since;
  };

  void forget_waiting(std::map<Digest, Waiting>::iterator it);

  const Config& config_;
  std::map<Digest, Waiting> waiting_;
  std::set<Digest> in_flight_;
  std::map<SessionId, std::deque<Digest>> queues_;  // only non-empty ones
  std::optional<SessionId> served_last_;
  std::map<std::uint64_t, Named> order_;  // by ticket: longest unnamed first
  std::uint64_t next_ticket_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace prytany::pbft
