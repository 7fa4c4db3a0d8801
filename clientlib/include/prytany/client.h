// Prytany's C++ client: `find_package(Prytany)`, link prytany::client, include this.
//
//   prytany::Client client({.genesis = "genesis.json",
//                           .credential = prytany::Credential::file("admin.key")});
//   client.call("cast_vote", {{"choice", 3}});
//   for (auto [id, name] : client.query<std::int64_t, std::string>("SELECT id, name FROM roll"))
//     std::cout << id << ' ' << name << '\n';
//
// A client connects to every replica and believes a result only when f+1 of them give the same one.
// It resends what gets lost; a request runs once, however often it was sent.
//
// Threads: Cluster and Client may be used from several threads at once; moving, assigning and
// destroying them not. Callbacks run on the cluster's one background thread: they must not block
// (a blocking function called there throws Usage), and must not throw.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prytany/errors.h>
#include <prytany/explain.h>
#include <prytany/transaction.h>
#include <prytany/value.h>

namespace prytany {
namespace crypto {
class Signer;
}

/// The key that says who one is. Never sent; it signs.
class Credential {
 public:
  /// A new one: for applications that admit anybody.
  static Credential generated();
  /// A key file as `prytany keygen` writes it (PKCS#8 PEM, mode 0600).
  static Credential file(std::string path);
  /// A code as a voter holds it, from which the key is derived for this cluster.
  static Credential code(std::string code);
  /// An X.509 certificate in PEM, with intermediate ones after it, and its private key (PKCS#8 PEM,
  /// mode 0600, without a passphrase): the key signs each join.
  static Credential certificate(std::string chain_file, std::string key_file);
  /// An OpenID Connect ID token, which `ask` gets from its issuer with this nonce in it: so it is
  /// of use only to who holds the credential's key. `ask` runs when somebody joins, on that thread.
  /// `key_file`: a key that is kept, for a token that serves several joins; empty: a new one.
  static Credential id_token(std::function<std::string(const std::string& nonce)> ask,
                             std::string key_file = {});

  Credential();  // generated()

 private:
  friend class Cluster;
  enum class Kind { generated, file, code, certificate, id_token };
  Credential(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  Kind kind_ = Kind::generated;
  std::string text_;
  std::string chain_;
  std::function<std::string(const std::string&)> ask_;
};

/// The nonce that an ID token must have to be of use with the key in this file.
std::string id_token_nonce(const std::string& key_file, const std::string& genesis);

/// Public key of a code's credential, as hex: what a roll stores. `genesis` as in Options.
std::string credential_public_key(const std::string& code, const std::string& genesis);
/// A new code of 130 random bits.
std::string generate_code();

/// one: once it has joined, a client keeps a connection to one replica, its gateway, which passes
/// its requests on and brings the others' answers. That costs client and servers about half, and a
/// hop more; what is believed is the same, for the gateway cannot make the others' tags. When it is
/// silent, refuses, or brings what proves nothing, all replicas are asked again, and another one is
/// tried later. Subscriptions and public reads, and requests above 64 KiB, are asked of all; with
/// one connection fast_reads are ordered.
enum class Connections { all, one };

struct Options {
  /// Path of genesis.json, or its text (which begins with '{'). It must come from someone trusted:
  /// never from a replica. Compare fingerprint() with people.
  std::string genesis = "genesis.json";
  Credential credential = {};
  /// For replicas with wss addresses: a file of the authorities (PEM) whose certificates are
  /// believed, and no others; empty: the system's. TLS keeps questions and answers secret on the
  /// way; whether an answer is true, it does not decide.
  std::string authorities = {};
  /// read() and query() are answered without being ordered where 2f+1 replicas say the same at
  /// once, and ordered otherwise: faster, as up to date (each sees all that anybody was told before
  /// it began), and of no use to a read that shows its own time or chance. For clusters whose
  /// genesis says "requests": "mac"; in others everything is ordered.
  bool fast_reads = false;
  Connections connections = Connections::all;
  /// Passed to the application's authorize; what it means, if anything, is the application's.
  std::string name = {};
  /// For joining and for every question.
  std::chrono::milliseconds timeout = std::chrono::seconds(15);
  /// After f+1 agreed, wait so long to hear the others too, for a fuller Agreement.
  std::chrono::milliseconds linger = std::chrono::milliseconds(0);
  /// "condition -> decision" lines: connections, refusals, replicas that differ. May be empty.
  std::function<void(const std::string&)> log = {};
};

/// One replica's own view of itself: its word alone.
struct ReplicaStatus {
  unsigned id = 0;
  bool reachable = false;  // the rest is 0 or empty if not
  std::uint64_t view = 0;
  unsigned primary = 0;
  std::uint64_t last_executed = 0;
  std::uint64_t stable_checkpoint = 0;
  std::string state_digest;  // of stable_checkpoint, hex
  std::uint64_t connected_peers = 0;
};

/// How often a replica was found to agree with the group, or not.
struct ReplicaStanding {
  std::uint64_t agreed = 0;
  std::uint64_t differed = 0;
  std::uint64_t silent = 0;
  std::uint64_t untrusted = 0;  // connections closed: wrong key, wrong tag, malformed
};

/// Something that a committed request told those who watch a topic: notify() in SQL, or a row of a
/// watched table.
struct Change {
  /// Not a change: some before `position` are kept no more. Read again what they are about.
  bool missed = false;
  std::uint64_t position = 0;  // rises; where to go on after it
  std::uint64_t seq = 0;       // the batch whose request it was, as Answer::seq
  std::int64_t agreed_us = 0;
  std::string topic;
  Value value;
};

class Client;
class Subscription;
using AnswerCallback = std::function<void(Expected<Answer>)>;

/// The servers, as genesis names them, and the background thread that talks to them. Many clients
/// may share one. It must outlive nothing: clients keep it alive.
class Cluster {
 public:
  /// Reads genesis; throws Usage if it is not one. Connects only when asked something. `linger`:
  /// how long a public read waits for the others after f+1 agreed, for a fuller Agreement.
  /// `authorities` as in Options; throws Usage if there are none in the file.
  explicit Cluster(const std::string& genesis,
                   std::chrono::milliseconds linger = std::chrono::milliseconds(100),
                   const std::string& authorities = {});
  ~Cluster();
  Cluster(Cluster&&) noexcept;
  Cluster& operator=(Cluster&&) noexcept;

  /// Joins without blocking. `options.genesis` and `options.authorities` are not looked at.
  void join_async(const Options& options, std::function<void(Expected<Client>)> done);
  /// Asks every replica about itself, and waits for all that answer within `timeout`.
  std::vector<ReplicaStatus> status(std::chrono::milliseconds timeout = std::chrono::seconds(2));
  /// A public procedure, without joining: f+1 replicas gave this answer, each at what it had
  /// executed.
  Answer read(std::string_view procedure, const Arguments& arguments = {},
              std::chrono::milliseconds timeout = std::chrono::seconds(15));

  [[nodiscard]] unsigned replicas() const;
  [[nodiscard]] unsigned faults() const;
  /// What people read to each other to be sure that they mean the same cluster.
  [[nodiscard]] std::string fingerprint() const;

 private:
  friend class Client;
  friend class Subscription;
  friend struct ClientAccess;
  struct Impl;
  explicit Cluster(std::shared_ptr<Impl> impl);
  /// Where genesis lists the clients.
  void attach(const Options& options, const crypto::Signer& key,
              const std::function<void(Expected<Client>)>& done);
  std::shared_ptr<Impl> impl_;
};

/// Changes of some topics, in the order in which they were committed, none left out, none twice,
/// each believed from f+1 replicas. Movable; ends when it is destroyed. One thread at a time.
class Subscription {
 public:
  ~Subscription();
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;

  /// The next one; nothing if there was none in time. Throws Refused when no more will come: the
  /// session has ended, or the replicas refuse ("not_allowed", "unknown_topic").
  std::optional<Change> next(std::chrono::milliseconds timeout);
  /// To go on from here another time, after what next() has returned; nothing while the replicas
  /// have not said where they are.
  [[nodiscard]] std::optional<std::uint64_t> position() const;

 private:
  friend class Client;
  friend class LiveQuery;
  struct Impl;
  explicit Subscription(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One session. Movable; leaves when it is destroyed (best effort, without waiting).
class Client {
 public:
  /// Connects and joins. Throws ApplicationError (not admitted), NoQuorum, Refused, Usage.
  explicit Client(const Options& options);
  Client(const Cluster& cluster, const Options& options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // ---- blocking; each throws a ClientError, or as try_ returns it ----

  /// A procedure of the installed application: its last rows, and the changes of all of it.
  Answer call(std::string_view procedure, const Arguments& arguments = {});
  Expected<Answer> try_call(std::string_view procedure, const Arguments& arguments = {});

  /// A procedure marked @read-only. With Options::fast_reads it need not be ordered; without, it is
  /// call().
  Answer read(std::string_view procedure, const Arguments& arguments = {});
  Expected<Answer> try_read(std::string_view procedure, const Arguments& arguments = {});

  /// A statement that only reads, likewise; query() gives its rows as tuples.
  Answer read(const Statement& statement);

  /// One statement of SQL, for roles that may: `execute("INSERT INTO t VALUES (?, ?)", 1, "one")`.
  template <class... Args>
  Answer execute(std::string_view sql, const Args&... arguments) {
    return execute(Statement{std::string(sql), {Value(arguments)...}, {}});
  }
  template <class... Args>
  Expected<Answer> try_execute(std::string_view sql, const Args&... arguments) {
    return try_execute(Statement{std::string(sql), {Value(arguments)...}, {}});
  }
  Answer execute(const Statement& statement);
  Expected<Answer> try_execute(const Statement& statement);
  /// Several statements in one transaction: all of them, or none.
  std::vector<Answer> batch(const std::vector<Statement>& statements);
  /// The same of steps that depend on each other; one result for each. Throws as execute() if it
  /// was undone.
  std::vector<StepAnswer> transaction(const std::vector<Step>& steps);
  Expected<std::vector<StepAnswer>> try_transaction(const std::vector<Step>& steps);

  /// Rows as tuples, for statements that only read: anything else is refused.
  template <class... Ts, class... Args>
  Rows<Ts...> query(std::string_view sql, const Args&... arguments) {
    return Rows<Ts...>(read(Statement{std::string(sql), {Value(arguments)...}, {}}));
  }

  // ---- what it would do and cost; all of it is undone (prytany/explain.h) ----
  // Throws as the call itself would if that may not be asked ("not_allowed", "unknown_procedure",
  // ...); ApplicationError "not_allowed", too, where the application does not let the role look,
  // and "not_explainable" where it is a class in C++; Refused "unexpected_answer" if f+1 replicas
  // are of another version. That the call would fail is no error: Explanation::error says with
  // what.

  Explanation explain_call(std::string_view procedure, const Arguments& arguments = {});
  Expected<Explanation> try_explain_call(std::string_view procedure,
                                         const Arguments& arguments = {});
  /// As batch(); `read_only` as read(): for roles that may only read.
  Explanation explain_sql(const std::vector<Statement>& statements, bool read_only = false);
  Expected<Explanation> try_explain_sql(const std::vector<Statement>& statements,
                                        bool read_only = false);
  Explanation explain_transaction(const std::vector<Step>& steps);
  Expected<Explanation> try_explain_transaction(const std::vector<Step>& steps);

  // ---- without blocking; up to 64 are outstanding at once, more wait for their turn ----

  void call_async(std::string_view procedure, const Arguments& arguments, AnswerCallback done);
  void execute_async(const Statement& statement, AnswerCallback done);
  /// The future throws what call() would.
  std::future<Answer> call_future(std::string_view procedure, const Arguments& arguments = {});

  // ---- watching ----

  /// What changes from now on; or all after a position, where an earlier subscription of the same
  /// topics ended. Returns at once; who may not is told by next().
  Subscription subscribe(const std::vector<std::string>& topics,
                         std::optional<std::uint64_t> after = std::nullopt);

  // ---- about the session ----

  /// Ends the session and waits for it. What is called afterwards throws Refused.
  void leave();
  void set_timeout(std::chrono::milliseconds timeout);
  [[nodiscard]] std::uint64_t session_id() const;
  [[nodiscard]] const std::string& principal() const;
  [[nodiscard]] const std::string& role() const;
  /// By id of the replica.
  [[nodiscard]] std::vector<ReplicaStanding> standings() const;
  /// Every replica about itself.
  std::vector<ReplicaStatus> status(std::chrono::milliseconds timeout = std::chrono::seconds(2));
  [[nodiscard]] Cluster cluster() const;

 private:
  friend class Cluster;
  friend struct ClientAccess;
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Answers of a read-only procedure: the first, and another whenever one of the topics has changed.
/// `client` must outlive it, and stay where it is. One thread at a time.
class LiveQuery {
 public:
  LiveQuery(Client& client, std::string procedure, Arguments arguments,
            const std::vector<std::string>& topics);
  /// The next answer; nothing if nothing changed in time. Changes that came meanwhile lead to one
  /// answer. Throws as Client::read() and Subscription::next().
  std::optional<Answer> next(std::chrono::milliseconds timeout);

 private:
  Client* client_;
  std::string procedure_;
  Arguments arguments_;
  Subscription changes_;
  std::optional<std::uint64_t> seq_;  // of the last answer
};

}  // namespace prytany
