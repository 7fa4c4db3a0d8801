// Four replicas made of keys and a script: they greet and tag as real ones do, and say what a test
// has them say. And a host that carries bytes between them and a Session.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "clientlib/session.h"
#include "server/wire/client_json.h"

namespace prytany::client {

inline Time at_ms(std::uint64_t ms) { return Time{ms * 1000}; }

/// Deterministic, and never the same twice.
inline Entropy counting_entropy(std::uint8_t start = 1) {
  return [count = std::uint64_t{start} << 32](std::span<std::uint8_t> out) mutable {
    const Digest drawn = crypto::sha256("test entropy", as_bytes(std::to_string(++count)));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = drawn.bytes[i % drawn.bytes.size()];
  };
}

class FakeReplica {
 public:
  explicit FakeReplica(ReplicaId id)
      : id_(id),
        signer_(crypto::sha256("fake replica", as_bytes(std::to_string(id.value))).bytes) {}

  const crypto::Signer& signer() const { return signer_; }
  ReplicaId id() const { return id_; }

  /// A connection begins: what it said on an older one is void.
  void reset() { mac_.reset(); }
  /// The client's text. A hello, and a question for configurations, are answered at once;
  /// everything else is kept in `heard`.
  std::optional<std::string> on_text(const Digest& cluster, const std::string& text) {
    cluster_ = cluster;
    auto message = wire::from_client_json(text);
    EXPECT_TRUE(message.ok()) << text;
    if (const auto* hello = std::get_if<wire::ClientHello>(&*message)) return greet(*hello);
    if (std::holds_alternative<wire::ConfigurationsRequest>(*message))
      return say(wire::ConfigurationsReply{links});
    heard.push_back(std::move(*message));
    return std::nullopt;
  }
  std::string say(const wire::ToClient& message) const {
    return wire::to_json(
        wire::TaggedToClient{message, mac_->tag(wire::tagged_bytes(cluster_, id_, message))});
  }
  std::string say_with_wrong_tag(const wire::ToClient& message) const {
    auto tag = mac_->tag(wire::tagged_bytes(cluster_, id_, message));
    tag[3] ^= 1;
    return wire::to_json(wire::TaggedToClient{message, tag});
  }
  wire::JoinTokenReply token_for(const wire::JoinBegin& begin) const {
    wire::JoinToken token{id_, {"127.0.0.1"}, AgreedTime{1'000'000}, {}};
    const Digest digest = wire::join_digest(begin);
    token.signature =
        signer_.sign(wire::join_token_signed_bytes(cluster_, digest, token.address, token.expires));
    return {digest, token};
  }
  /// Meets the client by another road than a connection of its own.
  wire::Voice meet(const wire::ClientHello& hello) {
    const crypto::DhSecret secret(crypto::sha256("other dh", signer_.public_key().bytes).bytes);
    wire::ServerHello answer{id_, secret.public_key(), {}, configuration, {}};
    answer.signature = signer_.sign(wire::hello_signed_bytes(hello, answer));
    through_.emplace(*wire::client_tag_key(secret, hello.key, hello, answer));
    return {answer, std::nullopt};
  }
  crypto::Tag16 tag_through(const wire::ToClient& message) const {
    return through_->tag(wire::tagged_bytes(cluster_, id_, message));
  }
  crypto::Tag16 tag_through_own(const wire::ToClient& message) const {
    return mac_->tag(wire::tagged_bytes(cluster_, id_, message));
  }
  bool right_tag(const wire::BundleRequest& asked, bool direct) const {
    const Digest digest = wire::request_digest(asked.request.body);
    const crypto::Mac& key = direct ? *mac_ : *through_;
    return key.check(wire::request_tagged_bytes(cluster_, digest), asked.tags.items[id_.value]);
  }
  /// The last request it was sent; a test that asks for one expects it.
  const wire::SubmitRequest& last_request() const {
    for (auto it = heard.rbegin(); it != heard.rend(); ++it) {
      if (const auto* submit = std::get_if<wire::SubmitRequest>(&*it)) return *submit;
    }
    throw std::runtime_error("no request was heard");
  }
  bool right_tag(const wire::SubmitRequest& submit) const {
    const Digest digest = wire::request_digest(submit.request.body);
    return submit.tag && mac_->check(wire::request_tagged_bytes(cluster_, digest), *submit.tag);
  }
  template <class T>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& message : heard) n += std::holds_alternative<T>(message) ? 1U : 0U;
    return n;
  }

  std::vector<wire::FromClient> heard;
  /// Signs its hello with another key.
  bool impostor = false;
  /// What it says of configurations.
  wire::ConfigurationLinks links;
  ConfigNumber configuration;
  /// A newer incarnation: this is its key from now on.
  void be(const crypto::Signer& key) { signer_ = key; }

 private:
  std::string greet(const wire::ClientHello& hello) {
    const crypto::DhSecret secret(crypto::sha256("fake dh", signer_.public_key().bytes).bytes);
    wire::ServerHello answer{id_, secret.public_key(), {}, configuration, {}};
    const crypto::Signer& key = impostor ? crypto::Signer::generate() : signer_;
    answer.signature = key.sign(wire::hello_signed_bytes(hello, answer));
    mac_.emplace(*wire::client_tag_key(secret, hello.key, hello, answer));
    return wire::to_json(wire::TaggedToClient{answer, std::nullopt});
  }

  ReplicaId id_;
  crypto::Signer signer_;
  Digest cluster_;
  std::optional<crypto::Mac> mac_;
  std::optional<crypto::Mac> through_;
};

class Host {
 public:
  explicit Host(SessionOptions options = {}, unsigned replicas = 4, unsigned faults = 1,
                bool mac_requests = false) {
    wire::Genesis genesis;
    genesis.mac_requests = mac_requests;
    genesis.faults = faults;
    for (unsigned i = 0; i < replicas; ++i) {
      group.emplace_back(ReplicaId{static_cast<std::uint16_t>(i)});
      wire::Member member;
      member.key = group.back().signer().public_key();
      member.client_url.text = "ws://127.0.0.1:" + std::to_string(1000 + i);
      genesis.members.items.push_back(member);
      up.push_back(true);
    }
    cluster = std::make_shared<ClusterView>(genesis);
    session = std::make_unique<Session>(cluster, options, counting_entropy());
  }

  // ---- the world, seen by the session ----
  void start() {
    Effects out;
    session->start(now, out);
    perform(std::move(out));
  }
  void advance_to(Time time) {
    while (session->deadline() <= time) {
      now = std::max(now, session->deadline());
      tick();
    }
    now = time;
  }
  void tick() {
    Effects out;
    session->tick(now, out);
    perform(std::move(out));
  }
  void say(unsigned from, const wire::ToClient& message) { text(from, group[from].say(message)); }
  void text(unsigned from, const std::string& json) {
    Effects out;
    session->text(now, group[from].id(), json, out);
    perform(std::move(out));
  }
  void drop(unsigned replica) {
    up[replica] = false;
    group[replica].reset();
    Effects out;
    session->disconnected(now, group[replica].id(), out);
    perform(std::move(out));
  }
  Ticket submit(const wire::Operation& operation, Time deadline = never) {
    Effects out;
    const Ticket ticket = session->submit(now, operation, deadline, out);
    perform(std::move(out));
    return ticket;
  }
  Ticket call(const std::string& procedure, Time deadline = never) {
    return submit(wire::Operation{wire::Call{{procedure}, {}}}, deadline);
  }
  /// So many in one turn.
  void call_together(unsigned calls) {
    Effects out;
    for (unsigned i = 0; i < calls; ++i)
      (void)session->submit(now, wire::Operation{wire::Call{{"p"}, {}}}, never, out);
    perform(std::move(out));
  }
  Ticket read(const std::string& procedure, Time deadline = never) {
    Effects out;
    const Ticket ticket = session->read(now, wire::Call{{procedure}, {}}, deadline, out);
    perform(std::move(out));
    return ticket;
  }
  Ticket fast_read(const std::string& procedure, Time deadline = never) {
    Effects out;
    const Ticket ticket =
        session->fast_read(now, wire::Operation{wire::Call{{procedure}, {}}}, deadline, out);
    perform(std::move(out));
    return ticket;
  }
  Ticket subscribe(const std::vector<std::string>& topics, std::optional<std::uint64_t> after) {
    Effects out;
    const Ticket ticket = session->subscribe(now, topics, after, out);
    perform(std::move(out));
    return ticket;
  }
  void unsubscribe(Ticket ticket) {
    Effects out;
    session->unsubscribe(ticket, out);
    perform(std::move(out));
  }
  void consumed(Ticket ticket, std::size_t many) {
    Effects out;
    session->consumed(ticket, many, out);
    perform(std::move(out));
  }
  Ticket begin_join(Time deadline = never) { return begin_join(Prover{}, deadline); }
  Ticket begin_join(Prover prover, Time deadline = never) {
    Effects out;
    const Ticket ticket = session->join(now, credential, "anna", std::move(prover), deadline, out);
    perform(std::move(out));
    return ticket;
  }
  /// start(), and a join that everybody answers.
  void join(std::uint64_t takes_us = 0) {
    std::vector<unsigned> all;
    for (unsigned i = 0; i < group.size(); ++i) all.push_back(i);
    join_with(all, takes_us);
  }
  void join_with(const std::vector<unsigned>& those, std::uint64_t takes_us = 0) {
    start();
    const Ticket ticket = begin_join();
    for (std::size_t k = 0; k < cluster->weak_quorum(); ++k) {
      const FakeReplica& one = group[those.at(k)];
      say(those[k], one.token_for(std::get<wire::JoinBegin>(one.heard.back())));
    }
    const wire::SubmitRequest& submit = group[those[0]].last_request();
    now = now + takes_us;
    for (const unsigned i : those)
      say(i, reply_to(submit, wire::JoinedReply{SessionId{77}, {"anna"}, {"voter"}, {}}));
    ASSERT_TRUE(completed.contains(ticket));
    ASSERT_EQ(session->id(), SessionId{77});
    for (FakeReplica& replica : group) replica.heard.clear();
  }

  // ---- what correct replicas would say ----
  wire::Reply reply_to(const wire::SubmitRequest& submit, wire::Outcome outcome) const {
    const wire::RequestBody& body = submit.request.body;
    return {body.session, body.number,    wire::request_digest(body),
            Seq{9},       AgreedTime{42}, std::move(outcome)};
  }
  wire::Reply reply_to(const wire::SubmitRequest& submit, const std::string& text) const {
    wire::ResultSet set;
    set.columns.items.push_back({"it"});
    set.rows.items.push_back({{wire::Value{wire::TextValue{text}}}});
    return reply_to(submit, wire::ResultSets{{set}});
  }
  wire::Reply reply_to(const wire::BundleRequest& asked, const std::string& text) const {
    return reply_to(wire::SubmitRequest{asked.request, std::nullopt}, text);
  }
  wire::ReplyDigest digest_of(const wire::Reply& reply) const {
    return {reply.session, reply.number, reply.request,
            wire::reply_digest(cluster->cluster, reply)};
  }
  static std::string text_of(const Completion& completion) {
    const auto* sets = std::get_if<wire::ResultSets>(&completion.outcome);
    if (sets == nullptr || sets->empty() || sets->items[0].rows.empty()) return "";
    return std::get<wire::TextValue>(sets->items[0].rows.items[0].items[0]).text;
  }
  bool noted(const std::string& part) const {
    for (const std::string& note : notes) {
      if (note.find(part) != std::string::npos) return true;
    }
    return false;
  }

  Time now = at_ms(1);
  crypto::Signer credential{crypto::sha256("credential", {}).bytes};
  std::vector<FakeReplica> group;
  std::vector<bool> up;
  std::vector<std::string> why;  // of those that are not
  std::set<ReplicaId> slow;
  std::shared_ptr<ClusterView> cluster;
  std::unique_ptr<Session> session;
  std::map<Ticket, Completion> completed;
  std::vector<std::string> notes;
  std::optional<std::string> ended;
  std::vector<wire::StatusReply> statuses;
  std::vector<std::string> sent;  // every text, in order
  std::vector<ChangesHeard> changes;
  std::map<Ticket, std::string> subscriptions_ended;  // with which code

 private:
  bool more_sent(Effects& effects) {
    const std::size_t before = effects.size();
    session->send_new(now, effects);
    return effects.size() != before;
  }
  void perform(Effects effects) {
    for (std::size_t i = 0; i < effects.size() || more_sent(effects); ++i) {
      const Effect effect = std::move(effects[i]);
      if (const auto* connect = std::get_if<Connect>(&effect)) {
        if (slow.contains(connect->replica)) continue;  // neither stands nor has failed
        if (up[connect->replica.value]) {
          session->connected(now, connect->replica, effects);
        } else {
          const std::size_t id = connect->replica.value;
          session->disconnected(now, connect->replica, effects, id < why.size() ? why[id] : "");
        }
      } else if (const auto* send = std::get_if<Send>(&effect)) {
        sent.push_back(*send->text);
        if (!up[send->to.value]) continue;
        const auto answer = group[send->to.value].on_text(cluster->cluster, *send->text);
        if (answer) session->text(now, send->to, *answer, effects);
      } else if (const auto* close = std::get_if<Close>(&effect)) {
        session->disconnected(now, close->replica, effects);
      } else if (const auto* done = std::get_if<Completed>(&effect)) {
        EXPECT_TRUE(completed.emplace(done->ticket, done->completion).second)
            << "a question was completed twice";
      } else if (const auto* end = std::get_if<Ended>(&effect)) {
        ended = end->reason;
      } else if (const auto* heard = std::get_if<StatusHeard>(&effect)) {
        statuses.push_back(heard->status);
      } else if (const auto* news = std::get_if<ChangesHeard>(&effect)) {
        changes.push_back(*news);
      } else if (const auto* over = std::get_if<SubscriptionEnded>(&effect)) {
        EXPECT_TRUE(subscriptions_ended.emplace(over->ticket, over->code).second);
      } else if (const auto* note = std::get_if<Note>(&effect)) {
        notes.push_back(note->text);
      }
    }
  }
};

inline std::vector<ReplicaId> replicas(std::initializer_list<int> ids) {
  std::vector<ReplicaId> list;
  for (const int id : ids) list.emplace_back(static_cast<std::uint16_t>(id));
  return list;
}

}  // namespace prytany::client
