// One hostile client: a real credential, real session keys and connections, and no manners.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/hostile/hostiles.h"
#include "tests/sim/workload.h"

namespace prytany::sim {

class Stranger {
 public:
  Stranger(Hostiles& all, std::size_t index, crypto::Signer credential, std::vector<Attack> attacks,
           Rng rng);

  /// What the world tells.
  void tick();
  void greeted(node::ConnectionId line);
  void lost(node::ConnectionId line);
  void heard(ReplicaId from, const wire::ToClient& message);
  void told(node::ConnectionId line, ReplicaId from, const wire::Changes& changes);

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] std::string name() const { return "h" + std::to_string(index_); }

 private:
  /// What it holds of a session, or of one that it is about to have.
  struct Session {
    explicit Session(crypto::Signer signer) : key(std::move(signer)) {}
    crypto::Signer key;
    SessionId id;
    std::string role;
    std::uint64_t next = 1;
    wire::JoinBegin begin;
    std::map<ReplicaId, wire::JoinToken> tokens;
    std::map<SessionId, std::set<ReplicaId>> given;  // which replicas say that it is this one
    Time asked;
    bool ordered = false;
  };
  enum class Proof : std::uint8_t { right, wrong, none };
  using Lines = std::map<ReplicaId, node::ConnectionId>;

  // ---- ordinary things ----
  void come();
  std::shared_ptr<Session> begin_join();
  void order(Session& session);
  void on(ReplicaId from, const wire::JoinTokenReply& said);
  void on(ReplicaId from, const wire::Reply& said);
  void on(ReplicaId gateway, const wire::PassedBack& said);
  [[nodiscard]] bool in() const { return session_ && session_->id.value != 0; }
  [[nodiscard]] wire::RequestBody body_of(const Session& session, std::uint64_t number,
                                          const wire::Operation& operation);
  /// With the next number.
  wire::RequestBody next();
  wire::RequestBody join_of(const Session& session,
                            const std::map<ReplicaId, wire::JoinToken>& tokens);
  [[nodiscard]] wire::RequestProof signed_by(const crypto::Signer& key,
                                             const wire::RequestBody& body) const;
  /// A replica somewhere can tell that `key` asked for it: it may be executed, and answered here.
  void provable(const wire::RequestBody& body, const crypto::Signer& key);
  /// The text, and what follows for the checkers.
  std::string text_of(const wire::RequestBody& body, const crypto::Signer& key, Proof proof,
                      node::ConnectionId line);
  void say(node::ConnectionId line, std::string text);
  /// To all of them.
  void submit(const wire::RequestBody& body, const crypto::Signer& key, Proof proof = Proof::right);
  [[nodiscard]] std::vector<std::pair<ReplicaId, node::ConnectionId>> ready() const;
  [[nodiscard]] crypto::Signer some_key() { return crypto::Signer(rng_.bytes<32>()); }
  /// One of those that are ready; an attack on it is counted.
  node::ConnectionId target(Attack attack);

  // ---- attacks.  Each requires that something is ready, and those marked * a session ----
  void make(Attack attack);
  void inconsistent_proofs();  // *
  void two_stories();          // *
  void odd_numbers();          // *
  void replays();
  void few_only();    // *
  void half_texts();  // *
  void odd_texts();
  void comings_and_goings();
  void false_joins();
  void one_voice_often();
  void join_races();
  void crowds();
  void signed_together();  // *
  wire::RequestSignature untied(wire::RequestSignature signature,
                                const std::vector<wire::RequestSignature>& all,
                                const Digest& digest);
  void come_and_join(ReplicaId replica, const std::string& address, const wire::RequestBody& join,
                     const crypto::Signer& key);
  void false_reads();      // *
  void others_sessions();  // *
  void speak_for_another(wire::RequestBody body, node::ConnectionId line);
  void eavesdropping();
  void hoarding();  // *
  void replica_talk();
  void bad_signatures();
  void questions();
  void fast_reads();  // *
  void reads_of_others(node::ConnectionId line);
  void errands();  // *
  void bundled_join(node::ConnectionId line);
  void greet_by(ReplicaId gateway, node::ConnectionId line);
  void greet_too_often(node::ConnectionId line);
  void claims_by(ReplicaId gateway, node::ConnectionId line);
  void bundles_by(ReplicaId gateway, node::ConnectionId line, std::uint64_t many);
  std::string signed_bundle(const wire::RequestBody& body);
  std::string tagged_bundle(const wire::RequestBody& body, ReplicaId gateway);
  void others_bundles(node::ConnectionId line);
  void watching();  // *
  void watch_others(node::ConnectionId line);
  void watch_again(node::ConnectionId line);
  void watch_odd_topics(node::ConnectionId line);
  void watch_often(node::ConnectionId line);
  void ask_for_more(node::ConnectionId line);
  void whispers();
  void whisper(const wire::RequestBody& body, const crypto::Signer& key);
  std::optional<wire::RequestBody> overheard();
  void in_anothers_session();
  void with_odd_numbers();  // *
  void in_an_ended_session();
  void with_a_false_join();
  void without_the_right();  // *
  void too_much();           // *
  void proven_to_few();      // *
  void in_anothers_name();
  wire::SubscribeBody watchable();
  std::string subscribe_text(const wire::SubscribeBody& body, node::ConnectionId line, Proof proof);
  Bytes readable();
  wire::FastRead own_read(node::ConnectionId line);
  /// `may_ask`: with a right proof it may be answered.
  std::string read_text(wire::FastRead read, node::ConnectionId line, Proof proof, bool may_ask);
  void heard_read(ReplicaId from, const Digest& question);

  Hostiles& all_;
  std::size_t index_;
  crypto::Signer credential_;
  std::vector<Attack> attacks_;
  Rng rng_;
  Workload workload_;
  Lines lines_;                         // one for each replica, most of the time
  std::set<ReplicaId> dialled_;         // and not there yet
  std::set<node::ConnectionId> extra_;  // the others
  std::set<node::ConnectionId> crowd_;  // from hosts of their own, for a moment
  /// To a replica by way of another: (gateway, that replica).
  std::map<std::pair<ReplicaId, ReplicaId>, client::Channel> ways_;
  std::shared_ptr<Session> session_;
  std::vector<std::shared_ptr<Session>> joining_;
  std::shared_ptr<Session> lonely_;  // joins with one replica's token
  struct Said {
    wire::RequestBody body;
    crypto::Signer key;
  };
  std::deque<Said> said_;
  std::set<Digest> false_joins_;
  std::set<Digest> proven_reads_;
  std::set<std::pair<node::ConnectionId, Digest>> proven_watches_;  // each on its connection
  std::string watched_;      // a right one, of some connection
  std::set<Digest> proven_;  // requests that it said with a right proof, its own or another's
};

}  // namespace prytany::sim
