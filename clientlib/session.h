// Session: one client's dealings with the whole group. Pure: time comes in, a deadline comes out,
// entropy is given; no sockets, threads or clocks. The real client and the simulator run exactly
// this.
//
//   hello to each replica -> join in two phases -> numbered requests, several outstanding ->
//   results
//
// A result is taken when weak_quorum() replicas sent the same reply (session, number, request
// digest, sequence number, agreed time and outcome are all under its digest) and one of them sent
// it whole. What a single replica says -- a wrong result, a refusal, the end of the session --
// changes nothing and is remembered against it (design.md section 7; Castro & Liskov TOCS 2002
// section 4.1).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "clientlib/channel.h"
#include "clientlib/session_effects.h"
#include "clientlib/tally.h"
#include "clientlib/watch.h"

namespace prytany::client {

/// one: after the join, to one replica, which asks the others and brings their answers, unless
/// something needs all of them (docs/decisions/0027-a-reply-bundle.md).
enum class Connections { all, one };

/// All times in microseconds.
struct SessionOptions {
  /// The least pause before a request is sent again; four times the usual latency if that is more,
  /// so that a busy group is not asked twice. Doubling with every attempt.
  std::uint64_t retransmit_first_us = 1'000'000;
  std::uint64_t retransmit_max_us = 8'000'000;
  std::uint64_t reconnect_first_us = 100'000;  // doubling, with jitter
  std::uint64_t reconnect_max_us = 5'000'000;
  /// For a connection to stand, and then for the answer to our hello.
  std::uint64_t hello_timeout_us = 5'000'000;
  /// The digests agree but nobody sent the rows: ask everybody for them after this long, or as long
  /// again as the digests took if that is more: who sends the rows may be farther away.
  std::uint64_t whole_patience_us = 50'000;
  /// Whoever did not send them is not asked for rows for so long, doubled each time up to
  /// rows_pause_max_us: a liar that never sends any costs that patience now and then, not for each
  /// of its requests.
  std::uint64_t rows_pause_us = 1'000'000;
  std::uint64_t rows_pause_max_us = 60'000'000;
  /// A refusal by quorum() replicas is asked for again before it is believed: replicas that
  /// lag behind refuse what they will accept a moment later.
  std::uint64_t refusal_retry_us = 100'000;
  unsigned refusal_rounds = 3;
  /// After weak_quorum() agree, wait this long for the others' voices, for a fuller Agreement.
  std::uint64_t linger_us = 0;
  /// A read that is not ordered is ordered when it was not answered for so long (or four times the
  /// usual latency, but that may have been the latency of bad times: no longer than the second).
  std::uint64_t fast_read_patience_us = 50'000;
  std::uint64_t fast_read_patience_max_us = 1'000'000;
  /// Questions waiting for a number; more are refused ("queue_full").
  std::size_t queue_max = 100'000;
  /// Requests outstanding at once; at most limits::session_window.
  std::uint64_t depth_max = limits::session_window;
  Connections connections = Connections::all;
  /// With one connection: how long the others' greetings may take on their way through a gateway,
  /// and how long all replicas are connected to after a gateway failed; doubling while they fail.
  std::uint64_t gateway_patience_us = 500'000;
  std::uint64_t gateway_pause_us = 1'000'000;
  std::uint64_t gateway_pause_max_us = 60'000'000;
  /// A gateway is left that takes four times what all replicas took, and so much more.
  std::uint64_t gateway_slack_us = 20'000;
};

/// How often a replica agreed with what the group said, differed from it, or was not heard in time.
struct Standing {
  std::uint64_t agreed = 0;
  std::uint64_t differed = 0;
  std::uint64_t silent = 0;
  std::uint64_t untrusted = 0;  // connections closed: wrong key, wrong tag, malformed
};

/// What proves who one is beyond a key, made anew for each attempt to join. Empty: the key is all.
struct Prover {
  std::string kind;  // "certificate", "id_token"
  std::function<wire::Proof(const wire::JoinBegin&)> prove;
};

class Session {
 public:
  Session(std::shared_ptr<const ClusterView> cluster, SessionOptions options, Entropy entropy);

  /// Wishes a connection to every replica. Once, first.
  void start(Time now, Effects& out);

  /// Instead of a join, before start(): the session that genesis gives the holder of this key.
  /// `number`: below the numbers of its requests, and above all that it ever used.
  void attach(SessionId session, const crypto::Signer& key, std::uint64_t number);

  // ---- questions. Each ends in exactly one Completed, at `deadline` at the latest ----

  /// Requires: no join is under way or has succeeded. The outcome is a JoinedReply, or the
  /// application's refusal as an ErrorReply.
  Ticket join(Time now, const crypto::Signer& credential, std::string name, Time deadline,
              Effects& out) {
    return join(now, credential, std::move(name), {}, deadline, out);
  }
  /// The same with a proof beyond the credential.
  Ticket join(Time now, const crypto::Signer& credential, std::string name, Prover prover,
              Time deadline, Effects& out);
  /// Ordered by the cluster, exactly once. May be called before the join has completed. Sent by the
  /// next send_new().
  Ticket submit(Time now, const wire::Operation& operation, Time deadline, Effects& out);
  /// Requires: the operation is a Call or an Execute that only reads. As submit(), and as
  /// linearizable, but not ordered where quorum() replicas answer alike within
  /// options.fast_read_patience_us; outcomes that name the request's time or chance differ, and are
  /// ordered.
  Ticket fast_read(Time now, const wire::Operation& operation, Time deadline, Effects& out);
  /// A public read-only procedure, without a session: weak_quorum() replicas gave the same outcome,
  /// each at whatever it had executed.
  Ticket read(Time now, wire::Call call, Time deadline, Effects& out);
  /// Watches topics, after a position or from what is newest now. Ends in one SubscriptionEnded,
  /// unless unsubscribe() comes first. Requires: the topics fit (fits.h).
  Ticket subscribe(Time now, const std::vector<std::string>& topics,
                   std::optional<std::uint64_t> after, Effects& out);
  void unsubscribe(Ticket ticket, Effects& out);
  /// So many changes of those that were heard are dealt with: while too many are not, replicas are
  /// asked for no more.
  void consumed(Ticket ticket, std::size_t changes, Effects& out);
  /// Asks every replica that is or becomes ready, once; answers are StatusHeard.
  void ask_status(Effects& out);

  // ---- what the host tells ----

  void connected(Time now, ReplicaId replica, Effects& out);
  void text(Time now, ReplicaId replica, std::string_view json, Effects& out);
  /// `why`, in words, is told to those whose questions then nobody answers; empty: unknown.
  void disconnected(Time now, ReplicaId replica, Effects& out, std::string why = {});
  void tick(Time now, Effects& out);
  /// Sends what submit() and answers let go: to be called when the host has told all that it knew,
  /// so that what goes together can be signed together.
  void send_new(Time now, Effects& out);
  /// When tick() is owed; `never` if nothing is waited for. Earlier ticks do no harm.
  [[nodiscard]] Time deadline() const;

  // ---- what is known ----

  /// 0 before the join.
  [[nodiscard]] SessionId id() const { return session_; }
  [[nodiscard]] const std::string& principal() const { return principal_; }
  [[nodiscard]] const std::string& role() const { return role_; }
  /// Why the session is no more; nothing while it lives (or has not begun).
  [[nodiscard]] const std::optional<std::string>& ended() const { return ended_; }
  [[nodiscard]] const ClusterView& cluster() const { return *cluster_; }
  /// The session's own key, drawn from the entropy.
  [[nodiscard]] const crypto::PublicKey& key() const { return signer_.public_key(); }
  [[nodiscard]] std::vector<ReplicaId> ready() const;
  [[nodiscard]] const Standing& standing(ReplicaId replica) const;
  /// Through whom requests go, while they go through one replica.
  [[nodiscard]] std::optional<ReplicaId> gateway() const {
    return together() ? std::optional(bundling_.gateway) : std::nullopt;
  }
  /// How many attempts to connect have failed since this replica was last ready.
  [[nodiscard]] unsigned failures(ReplicaId replica) const;
  /// Public reads are apart: this counts requests with a number, or waiting for one.
  /// How many fast_read()s had to be ordered after all.
  [[nodiscard]] std::uint64_t fast_reads_ordered() const { return fast_reads_ordered_; }
  [[nodiscard]] std::size_t outstanding() const { return pending_.size() + queue_.size(); }

 private:
  struct Peer {
    explicit Peer(Channel c) : channel(std::move(c)) {}
    Channel channel;
    Time reconnect = never;  // when to wish a connection again
    Time hello_by = never;   // when to give up on a connection, and then on a greeting
    std::uint64_t backoff_us = 0;
    std::uint64_t status_asked = 0;
    unsigned failures = 0;
    std::string trouble;            // why it is not connected, as far as is known
    bool closing = false;           // the host was asked to, and has not said that it did
    bool wants_signatures = false;  // it does not know our session key, for whatever reason
    Time rows_again;                // it may be asked for rows from then on
    std::uint64_t rows_pause_us = 0;
    Standing standing;
  };
  struct Refusal {
    std::string code;
    std::string message;
    unsigned heard_in = 0;  // the round of the question
    unsigned rounds = 0;    // how often, alike
  };
  /// What replicas were asked, and what they said to it.
  struct Question {
    Ticket ticket;
    Time deadline = never;     // the caller's; `never` once the caller was told
    bool told = false;         // the caller has its Completed; only the number is kept alive
    wire::FromClient message;  // to be sent again
    Digest digest;             // of what is asked: a request, a join, a read
    RequestNumber number;
    bool sent = false;
    bool bundled = false;  // once
    bool leaves = false;
    Time asked;  // when it was first to be sent
    Time resend = never;
    std::uint64_t interval_us = 0;
    unsigned round = 0;        // how often it was sent
    Time linger = never;       // settled and whole; waits for more voices until then
    bool whole_asked = false;  // settled without rows, and everybody will be asked for them
    std::map<ReplicaId, Refusal> refusals;
    Tally<wire::Reply> tally;
  };
  struct Queued {
    Ticket ticket;
    Bytes operation;
    Time deadline;
    bool leaves = false;
  };
  struct Joining {
    crypto::Signer credential;
    std::string name;
    Prover prover;
    Digest digest = {};  // of the JoinBegin
    wire::JoinBegin begin = {};
    /// By what they vouch for: nothing, or an identity (encoded), of which liars may tell any.
    std::map<Bytes, std::map<ReplicaId, wire::JoinToken>> tokens = {};
    void forget_token(ReplicaId replica) {
      for (auto it = tokens.begin(); it != tokens.end();) {
        it->second.erase(replica);
        it = it->second.empty() ? tokens.erase(it) : std::next(it);
      }
    }
    Time patience = never;  // wait for tokens of all replicas until then
    Time again = never;     // the next attempt begins
    unsigned attempts = 0;
    bool ordering = false;  // phase two
  };
  struct Read {
    Question question;
    Tally<wire::PublicReadReply> tally;
  };
  struct FastReading {
    Ticket ticket;
    Time deadline;
    Time give_up;
    wire::FastRead message;
    Digest digest;
    std::set<ReplicaId> asked;  // those that may still answer, or have
    std::map<ReplicaId, std::pair<Seq, AgreedTime>> reached;
    Tally<wire::FastReadReply> tally;
  };
  struct Watching {
    wire::SubscribeBody body;
    Digest digest;
    Watch watch;
    std::size_t unconsumed = 0;
    std::map<ReplicaId, Refusal> refusals;
    std::map<ReplicaId, Time> again;  // when it is asked again
  };
  /// The one connection, and what comes through it.
  struct Bundling {
    /// apart: all are connected to. greeting: they are, and are met through the gateway, too.
    /// together: requests go to the gateway alone.
    enum class State { apart, greeting, together };
    State state = State::apart;
    ReplicaId gateway;
    std::vector<Channel> through;   // by replica; not the gateway's own
    std::vector<Time> greet_again;  // by replica: not before
    Time next = never;              // apart: when to try; greeting: how long to wait for the silent
    Time since;                     // together
    Time answered;                  // by the gateway, the last time; or since
    std::uint64_t pause_us = 0;     // after the last gateway that failed
    std::uint64_t failed = 0;       // gateways, so far
    RequestNumber last_direct;      // what was asked of all, before
    bool alone = false;             // the other connections have ended
    std::uint64_t latency_us = 0;   // of its answers, smoothed
    unsigned answers = 0;
  };
  /// An answered number, so that late voices are still judged.
  struct Settled {
    RequestNumber number;
    Digest reply;
  };

  // session.cpp: connections, time, and who hears what
  void heard(Time now, ReplicaId from, wire::ToClient message, Effects& out);
  void became_ready(ReplicaId replica, Effects& out);
  void leave_behind(Time now, Effects& out);
  void forget(ReplicaId replica);
  void distrust(ReplicaId replica, std::string_view why, Effects& out);
  void hang_up(ReplicaId replica, std::string_view why, Effects& out);
  void wish_again_later(Time now, Peer& peer);
  void tick_peers(Time now, Effects& out);
  void tick_questions(Time now, Effects& out);
  void transmit(Time now, Question& question, Effects& out);
  void sign(Question& question) { sign({&question}); }
  /// Those that are not, sixteen at a time.
  void sign(const std::vector<Question*>& questions);
  [[nodiscard]] bool tags_serve() const;
  void transmit_to(ReplicaId to, Question& question, Effects& out);
  void ask_status_of(ReplicaId replica, Effects& out);
  Ticket next_ticket() { return Ticket{++last_ticket_}; }

  // session_requests.cpp: numbered requests
  void enqueue(Ticket ticket, Bytes operation, bool leaves, Time deadline, Effects& out);
  void fill_window();
  void expire_queue(Time now, Effects& out);
  void on_reply(Time now, ReplicaId from, wire::Reply reply, Effects& out);
  void on_digest(Time now, ReplicaId from, const wire::ReplyDigest& said, Effects& out);
  void weigh(Time now, Question& question, Effects& out);
  void take(Time now, Question& question, wire::Reply reply, const Agreement& agreement,
            Effects& out);
  void judge(const Agreement& agreement, const std::string& about, Effects& out);
  void judge_late(ReplicaId from, RequestNumber number, const Digest& reply, Effects& out);
  std::optional<ReplicaId> designate(Time now, std::uint64_t number) const;
  void kept_rows(Time now, std::optional<ReplicaId> designated);
  bool lingers(Time now, Question& question, Time& until) const;
  /// Nobody is left to linger for: who is ready was heard, and who is on its way for the first
  /// time, too.
  [[nodiscard]] bool everybody_heard(const std::function<bool(ReplicaId)>& heard) const;

  // session_bundle.cpp: one connection
  [[nodiscard]] bool may_bundle() const;
  [[nodiscard]] bool together() const { return bundling_.state == Bundling::State::together; }
  /// Its connection is not missed.
  [[nodiscard]] bool needless(ReplicaId replica) const {
    return together() && bundling_.alone && replica != bundling_.gateway;
  }
  void tick_bundling(Time now, Effects& out);
  [[nodiscard]] Time bundling_deadline() const;
  void begin_bundling(Time now, Effects& out);
  void greet_through(ReplicaId replica, Effects& out);
  [[nodiscard]] std::size_t met_through() const;
  void come_together(Time now, Effects& out);
  void hang_up_others(Effects& out);
  void hang_up_needless(ReplicaId replica, Effects& out);
  void part(Time now, const std::string& why, bool failed, Effects& out);
  /// False: all are to be asked.
  bool bundle(Time now, Question& question, Effects& out);
  void measure_gateway(Time now, std::uint64_t took_us, Effects& out);
  static std::uint64_t smoothed(std::uint64_t mean, std::uint64_t last) {
    return mean == 0 ? last : mean - mean / 8 + last / 8;
  }
  void on_passed_back(Time now, ReplicaId from, const wire::PassedBack& passed, Effects& out);
  void on_bundle(Time now, ReplicaId from, wire::Bundle said, Effects& out);

  // session_refusals.cpp: what does not end in an answer
  void on_refused(Time now, ReplicaId from, const wire::Refused& refused, Effects& out);
  /// A replica in trouble, or behind: it may think otherwise in a moment, so it is never believed
  /// for good.
  [[nodiscard]] static bool is_passing(std::string_view code) {
    return code == "overloaded" || code == "number_too_new" || code == "unknown_subscription" ||
           code == "not_bundled";
  }
  [[nodiscard]] static bool means_no_session(std::string_view code) {
    return code == "unknown_session" || code == "session_ended";
  }
  /// Its LEAVE is under way.
  [[nodiscard]] bool leaving() const;
  void on_ended(ReplicaId from, const wire::SessionEnded& said, Effects& out);
  void weigh_refusals(Time now, Question& question, Effects& out);
  void believe_refusal(Question& question, const Refusal& refusal, Effects& out);
  void end(const std::string& reason, Effects& out);
  void refuse_queue(const std::string& code, const std::string& message, Effects& out);
  void expire(Question& question, Effects& out);
  void complete(Question& question, Completion completion, Effects& out);

  // session_join.cpp: phase one, phase two
  void begin_join(Time now, Effects& out);
  void on_token(Time now, ReplicaId from, const wire::JoinTokenReply& said, Effects& out);
  void on_token(Time now, ReplicaId from, const wire::IdentityTokenReply& said, Effects& out);
  void take_token(Time now, ReplicaId from, const wire::JoinToken& token, ByteView signed_bytes,
                  Bytes about, Effects& out);
  void weigh_tokens(Time now, Effects& out);
  void order_join(Time now, Effects& out);
  void take_join(Time now, const wire::Reply& reply, const Agreement& agreement, Effects& out);
  void fail_join(const std::string& code, const std::string& message, Effects& out);

  // session_reads.cpp: public reads
  void on_read_reply(Time now, ReplicaId from, wire::PublicReadReply reply, Effects& out);
  void weigh_read(Time now, std::uint64_t id, Effects& out);
  void tick_reads(Time now, Effects& out);

  // session_fast_reads.cpp: reads of the session that are not ordered
  void on_fast_read(Time now, ReplicaId from, wire::FastReadReply reply, Effects& out);
  void on_fast_read(Time now, ReplicaId from, const wire::FastReadDigest& said, Effects& out);
  void abstained(Time now, ReplicaId from, const Digest& question, Effects& out);
  void weigh_fast_read(Time now, std::uint64_t id, Effects& out);
  void order_instead(Time now, std::uint64_t id, Effects& out);
  void tick_fast_reads(Time now, Effects& out);

  // session_watching.cpp: subscriptions
  void on_changes(Time now, ReplicaId from, wire::Changes said, Effects& out);
  bool on_watch_refused(Time now, ReplicaId from, const wire::Refused& refused, Effects& out);
  void weigh_watch(Ticket ticket, Watching& watching, Effects& out);
  void ask_more(Watching& watching, Effects& out);
  void subscribe_at(ReplicaId replica, Watching& watching, Effects& out);
  void unwatch(ReplicaId replica);
  void end_watching(const std::string& code, const std::string& message, Effects& out);
  void tick_watching(Time now, Effects& out);

  std::shared_ptr<const ClusterView> cluster_;
  SessionOptions options_;
  Entropy entropy_;
  crypto::Signer signer_;  // the session's own key
  std::vector<Peer> peers_;
  ConfigNumber configuration_;  // in which all that are ready are

  SessionId session_;
  std::string principal_;
  std::string role_;
  std::optional<std::string> ended_;
  std::map<ReplicaId, std::string> end_claims_;

  std::uint64_t last_ticket_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_read_ = 0;
  std::uint64_t status_id_ = 0;
  std::uint64_t latency_us_ = 0;    // of the join and of requests that all were asked, smoothed
  std::uint64_t asked_all_us_ = 0;  // of those requests alone; 0: there was none
  std::optional<Joining> joining_;
  std::optional<Question> join_question_;  // phase one, then phase two
  std::deque<Queued> queue_;
  Time queue_deadline_ = never;  // no later than the earliest in the queue
  std::map<RequestNumber, Question> pending_;
  std::vector<RequestNumber> new_;                   // of those, to be sent for the first time
  std::map<std::uint64_t, Read> reads_;              // by the id that is echoed
  std::map<std::uint64_t, FastReading> fast_reads_;  // likewise
  std::uint64_t fast_reads_ordered_ = 0;
  std::map<Ticket, Watching> watching_;
  Bundling bundling_;
  std::deque<Settled> settled_;  // the last limits::session_window of them
};

}  // namespace prytany::client
