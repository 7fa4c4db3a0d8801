// What a session asks of its host, and what it tells.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "clientlib/tally.h"
#include "server/wire/client_messages.h"

namespace prytany::client {

/// Names one question to the cluster until its Completed; never used twice by a session.
using Ticket = Strong<struct TicketTag>;

/// How a question ended.
enum class Verdict {
  answered,   // weak_quorum() replicas gave `outcome`; it may be an application's error
  refused,    // weak_quorum() replicas would not take it, alike; or it was never sent: see `sent`
  no_quorum,  // the deadline passed first, and nothing that changes the state was sent
  outcome_unknown,  // it was sent, and the deadline passed or the session ended before the answer:
                    // it may have been executed, or may still be, once
};

struct Completion {
  Verdict verdict = Verdict::no_quorum;
  /// Whether any replica may have seen it. False: it certainly was not executed.
  bool sent = false;
  wire::Outcome outcome;  // answered only
  Seq seq;                // answered only; for a public read: what weak_quorum() had executed
  AgreedTime agreed;
  RequestNumber number;  // 0 for joins and reads
  Agreement agreement;
  std::string code;     // otherwise: stable, for programs
  std::string message;  // otherwise: for people
};

/// Open a connection to this replica; answer with connected() or disconnected().
struct Connect {
  ReplicaId replica;
};
/// End the connection; answer with disconnected().
struct Close {
  ReplicaId replica;
  std::string reason;
};
/// One text frame. The same text goes to several replicas, so it is shared.
struct Send {
  ReplicaId to;
  std::shared_ptr<const std::string> text;
};
struct Completed {
  Ticket ticket;
  Completion completion;
};
/// The session exists no more, and weak_quorum() replicas said so.
struct Ended {
  std::string reason;
};
/// What is believed of a subscription: all changes of its topics up to `position`, one after the
/// other; but if `missed`, some before these were kept no more.
struct ChangesHeard {
  Ticket ticket;
  bool missed = false;
  std::vector<wire::Change> items;
  std::uint64_t position = 0;
};
/// Nothing more will come of it.
struct SubscriptionEnded {
  Ticket ticket;
  std::string code;     // stable, for programs
  std::string message;  // for people
};
/// One replica's own view of itself: one voice, not a result.
struct StatusHeard {
  wire::StatusReply status;
};
/// "condition -> decision": for logs, traces and tests.
struct Note {
  std::string text;
};

using Effect = std::variant<Connect, Close, Send, Completed, Ended, StatusHeard, Note, ChangesHeard,
                            SubscriptionEnded>;
using Effects = std::vector<Effect>;

}  // namespace prytany::client
