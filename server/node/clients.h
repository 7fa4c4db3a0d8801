// Clients: what happens on one client's connection, between JSON text and the protocol core. No
// sockets here.
//
// Everything a client can make us remember is bounded per connection and in all, and goes when it
// goes.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/app/executor.h"
#include "server/crypto/digest_map.h"
#include "server/node/held.h"
#include "server/node/ports.h"
#include "server/node/subscriptions.h"
#include "server/node/turnstile.h"
#include "server/wire/client_json.h"
#include "server/wire/client_messages.h"
#include "server/wire/verify.h"

namespace prytany::node {

class Clients {
 public:
  struct Setting {
    ReplicaId self;
    const crypto::Signer& signer;
    const wire::Membership& membership;
    app::Executor& executor;
    Transport& transport;
    const Clock& clock;
    std::function<void(std::span<std::uint8_t>)> random;
    std::int64_t join_token_life_us;
    const wire::Chain* chain = nullptr;                // null: there is genesis only
    std::function<std::optional<Seq>()> read_barrier;  // pbft::Replica's
    std::size_t weak_quorum = 1;
  };
  explicit Clients(Setting setting) : setting_(std::move(setting)) {}

  void connected(ConnectionId connection, std::string address);
  void closed(ConnectionId connection);
  /// Whoever dials again hears in the hello what is new.
  void close_all(std::string_view reason);

  struct Nothing {};
  struct Submit {
    wire::AuthenticRequest request;
    std::uint64_t host = 0;  // a number for it
  };  // fresh: to be ordered
  struct AskStatus {
    ConnectionId connection;
    std::uint64_t id;
  };
  using Wish = std::variant<Nothing, Submit, AskStatus>;
  /// A public procedure's answer is wanted by somebody who has no more to say, and no connection to
  /// say it on: by plain HTTP. The answer is signed.
  void read(ConnectionId connection, std::string address, wire::Call call);
  /// One text frame. Whatever can be answered here is answered.
  Wish text(ConnectionId connection, std::string_view text, wire::Verifier& verifier);

  // ---- clients that keep one connection (clients_relaying.cpp) ----

  /// A gateway's client says this. As text().
  Wish relayed(ReplicaId gateway, const wire::Relayed& said, wire::Verifier& verifier);
  /// A client of ours shall hear this from `from`.
  void relayed_back(ReplicaId from, const wire::RelayedVoice& said);
  /// No link any more: nor are there its clients.
  void gateway_gone(ReplicaId gateway);
  using ToReplica = std::pair<std::optional<ReplicaId>, wire::PeerMessage>;  // nothing: to all
  [[nodiscard]] bool has_relayed() const { return !relay_.empty() || !relay_back_.empty(); }
  /// What has gathered for other replicas.
  std::vector<ToReplica> take_relayed();

  /// A batch was executed: replies to those who wait, and bad news to sessions that ended.
  void executed(const app::Executed& executed);
  /// Requests of sessions that were not known when they came and are known now.
  std::vector<wire::AuthenticRequest> now_known(Time now, wire::Verifier& verifier);

  /// Reads that are not ordered wait until the host has time for them: they must not keep it from
  /// what is ordered. Hosts are served in turn. A session's wait for its barrier first.
  /// Those who watch are told of changes in the same time.
  [[nodiscard]] bool has_reads() const { return reads_waiting_ > 0 || subscriptions_.has_turns(); }
  /// Requires: has_reads().
  void serve_read();

  /// While our own state is known to be wrong nobody is told a result.
  void silence(bool silent);
  void answer(const AskStatus& question, wire::StatusReply status);

  [[nodiscard]] bool has_early() const { return !early_.empty(); }
  /// Requires: has_early().
  [[nodiscard]] Time early_deadline() const { return early_.front().until; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  /// Fills in what is not the core's.
  void count(Held& held) const;
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  /// What a client passed on to one replica.
  struct Passed {
    Time hello_again;           // not before
    std::size_t may_speak = 0;  // for sessions, so often after each hello
    std::size_t answers = 0;    // that the replica may give to it
  };
  /// Bytes that count as held while it lives.
  class Room {
   public:
    Room() = default;
    Room(std::size_t& held, std::size_t bytes) : held_(&held), bytes_(bytes) { held += bytes; }
    Room(Room&& other) noexcept
        : held_(std::exchange(other.held_, nullptr)), bytes_(other.bytes_) {}
    Room& operator=(Room&& other) noexcept {
      std::swap(held_, other.held_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room() {
      if (held_ != nullptr) *held_ -= bytes_;
    }

   private:
    std::size_t* held_ = nullptr;
    std::size_t bytes_ = 0;
  };
  /// Numbers of a session whose requests were passed on and are not executed, and no others: what
  /// is never executed is its client's own loss.
  using Outstanding = std::vector<RequestNumber>;
  /// A bundle that is not complete.
  struct Gathering {
    std::optional<Digest> said;      // our reply's
    std::optional<wire::Reply> own;  // nothing: not executed, or too large to be kept, and sent
    Room room;                       // of itself
    Room reply_room;                 // of `own`, in all,
    Room reply_room_here;            // and of this connection
    std::vector<std::pair<ReplicaId, wire::Voice>> others;  // a ReplyDigest each
    std::size_t passed_back = 0;
    std::size_t alike = 0;  // of those
  };
  struct Connection {
    std::string address;
    std::string host;                        // host_of() that
    std::optional<crypto::Mac> key;          // after hello
    Digest hello;                            // of what both said in it
    std::set<crypto::PublicKey> speaks_for;  // session keys that its client has proven to hold
    // What others hold of it, so that who comes and goes costs no more than what they left.
    crypto::DigestSet waiting;     // keys of waiting_ that answer here
    std::set<SessionId> sessions;  // keys of last_seen_ that spoke here
    std::size_t early = 0;         // entries of early_ that came from here
    std::size_t reading = 0;       // reads of sessions that came from here, unanswered
    bool plain = false;            // HTTP: one read, and no hello
    // Its client is connected to that replica, and this is the name that it has there.
    std::optional<std::pair<ReplicaId, std::uint64_t>> road = {};
    bool spoke = false;  // on that road, for a session
    // Of a client that has no other connection:
    std::map<ReplicaId, Passed> passed = {};
    std::unique_ptr<std::size_t> gathered =
        std::make_unique<std::size_t>(0);      // bytes of replies in
    std::map<Digest, Gathering> bundles = {};  // by request
  };
  struct Waiting {
    ConnectionId connection;
    std::optional<ReplicaId> designated;
  };
  struct Early {
    ConnectionId connection;
    Digest digest;  // of the request
    wire::SubmitRequest submit;
    Time until;
    /// What must be executed before it is worth saying that there is no such session, as for a read
    /// (docs/protocol.md): a quorum that says so is believed. Nothing: this replica cannot know.
    std::optional<Seq> barrier;
    [[nodiscard]] std::size_t bytes() const { return submit.request.body.operation.bytes.size(); }
  };

  struct Read {
    ConnectionId connection;
    std::variant<wire::PublicRead, wire::FastRead> read;
    std::size_t bytes;  // that it holds, about
  };
  struct Reads {  // of one host
    std::deque<Read> waiting;
    std::size_t bytes = 0;
  };
  struct Barred {
    Read read;
    Time until;
  };

  Wish on(ConnectionId id, Connection& c, const wire::ClientHello& hello);
  Wish on(ConnectionId id, Connection& c, const wire::SpeakFor& speak);
  Wish on(ConnectionId id, Connection& c, const wire::JoinBegin& join);
  Wish on(ConnectionId id, Connection& c, const wire::Identify& asked);
  wire::JoinToken unsigned_token(const Connection& c) const;
  Wish on(ConnectionId id, Connection& c, wire::SubmitRequest submit, wire::Verifier& verifier);
  Wish on(ConnectionId id, Connection& c, wire::PublicRead read, std::size_t bytes);
  Wish on(ConnectionId id, Connection& c, wire::FastRead read);
  void queue(Read read);
  void pass_barriers();
  void drop_overdue();
  void serve_waiting_read();
  void answer(ConnectionId id, Connection& c, const wire::PublicRead& read);
  void answer(ConnectionId id, Connection& c, const wire::FastRead& read);
  Wish on(ConnectionId id, Connection& c, const wire::StatusRequest& request);
  Wish on(ConnectionId id, Connection& c, const wire::ConfigurationsRequest& request);

  // clients_relaying.cpp
  Wish on(ConnectionId id, Connection& c, const wire::PassOn& passing);
  Wish on(ConnectionId id, Connection& c, wire::BundleRequest asked, wire::Verifier& verifier);
  static void allow_answers(Passed& passed);
  void say_own(ConnectionId id, Connection& c, const wire::Reply& reply);
  [[nodiscard]] std::size_t others_wanted() const;
  void weigh(ConnectionId id, Connection& c, std::map<Digest, Gathering>::iterator gathering);
  void relay_back(const Connection& c, const wire::TaggedToClient& message);
  void leave_roads(ConnectionId id, const Connection& c);
  [[nodiscard]] bool may_relay(const wire::RequestBody& body) const;
  void forget_relayed(SessionId session);
  void forget_relayed(SessionId session, RequestNumber number);
  bool may_greet(ReplicaId to, const std::string& host, Time now);
  bool may_bring(ReplicaId gateway);

  // clients_watching.cpp
  Wish on(ConnectionId id, Connection& c, wire::Subscribe subscribe);
  Wish on(ConnectionId id, Connection& c, const wire::More& more);
  Wish on(ConnectionId id, Connection& c, const wire::Unsubscribe& unsubscribe);
  void tell_of(const std::vector<wire::Change>& changes);
  void serve_subscription();

  Wish refuse(ConnectionId id, Connection& c, const Digest& request, std::string_view code,
              std::string_view message);
  std::optional<wire::AuthenticRequest> prove(ConnectionId id, Connection& c, const Digest& digest,
                                              wire::SubmitRequest submit, wire::Verifier& verifier);
  bool keep_early(ConnectionId id, Connection& c, const Digest& digest, wire::SubmitRequest& submit,
                  std::optional<Seq> barrier);
  Wish unknown_session(ConnectionId id, Connection& c, const Digest& digest,
                       std::optional<Seq> barrier);
  void saw(SessionId session, ConnectionId id);
  void forget_waiting(const Digest& request);
  void remember_leave(const wire::Reply& reply);
  [[nodiscard]] std::optional<wire::Reply> known_reply(const wire::RequestBody& body,
                                                       const Digest& digest) const;
  bool wait(ConnectionId id, Connection& c, const Digest& request,
            std::optional<ReplicaId> designated);
  void wait_no_more(ConnectionId id, const Connection& c);
  void send(ConnectionId id, Connection& c, const wire::ToClient& message);
  void deliver(ConnectionId id, const Connection& c, const wire::TaggedToClient& message);
  void send_reply(ConnectionId id, Connection& c, const wire::Reply& reply,
                  std::optional<ReplicaId> designated);

  Setting setting_;
  std::size_t gathered_ = 0;  // bytes of bundles that are not complete; outlives them
  std::map<ConnectionId, Connection> connections_;
  // By request digest: the connections that asked, with a proof. Whoever got hold of a client's
  // request and says it here, too, must not get the answer in the client's place.
  crypto::DigestTable<std::vector<Waiting>> waiting_;
  std::map<SessionId, ConnectionId> last_seen_;  // where a session last spoke
  std::deque<Early> early_;
  std::size_t early_bytes_ = 0;
  Seq early_seen_at_;  // what was executed when early_ was looked through
  // Nothing is stored of a session that has left, and a LEAVE may come from its client when the
  // group has executed it: the last replies are kept here, by request, and forgotten by age.
  crypto::DigestMap<wire::Reply> left_;
  std::deque<Digest> left_by_age_;
  std::map<std::string, Reads> reads_;  // by host; none empty
  std::size_t reads_waiting_ = 0;
  std::size_t reads_bytes_ = 0;        // of reads_ and of barred_
  std::multimap<Seq, Barred> barred_;  // sessions' reads, by the number that must be executed first
  std::string read_last_;
  // A proof costs a millisecond. An office behind one address begins its day at once.
  Turnstile proofs_{{50, 10}, {200, 200}};
  // A token costs a signature, and may be asked for on one connection again and again.
  // All together hardly: those of one host must not be refused for what others ask.
  Turnstile tokens_{{1000, 100}, {20'000, 10'000}};
  // A hello costs the replica that it is passed on to a hundred microseconds.
  std::map<ReplicaId, Turnstile> hellos_;
  std::map<ReplicaId, Turnstile> brought_;  // by gateways
  // Connections of other replicas' clients, by road. Their ids are above all that sockets have.
  std::map<std::pair<ReplicaId, std::uint64_t>, ConnectionId> roads_;
  std::map<ReplicaId, std::size_t> roads_from_;
  std::uint64_t last_road_ = 1ULL << 63U;
  std::vector<std::pair<std::optional<ReplicaId>, wire::Relayed>> relay_;
  // For each number of a session one request is passed on, whichever that is and wherever it came
  // from, until it is executed.
  std::map<SessionId, Outstanding> relayed_;  // none empty
  std::size_t relayed_numbers_ = 0;           // of all
  std::map<ReplicaId, std::vector<wire::RelayedVoice>> relay_back_;
  Subscriptions subscriptions_;
  std::uint64_t all_told_at_ = 0;  // the position at which everybody last got a turn
  bool read_was_last_ = false;     // and not somebody who watches
  std::uint64_t refused_ = 0;
  bool silent_ = false;
};

}  // namespace prytany::node
