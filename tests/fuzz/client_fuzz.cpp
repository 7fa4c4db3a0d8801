// The client library's receiving side: four replicas of which one lies, with its own keys and tags.
// The others answer late, in part, or not at all, but truly. Every question ends once at most; an
// answer is what the honest ones said; and one voice alone ends no session.
#include "clientlib/session.h"

#include <set>

#include "server/wire/client_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

using client::Session;

/// What honest replicas say to a request.
wire::Reply honest_reply(const wire::RequestBody& body) {
  wire::Reply reply{body.session, body.number,    wire::request_digest(body),
                    Seq{9},       AgreedTime{42}, {}};
  const auto operation = wire::decode<wire::Operation>(body.operation.view());
  if (operation && std::holds_alternative<wire::Join>(*operation)) {
    reply.outcome = wire::JoinedReply{SessionId{77}, {"anna"}, {"voter"}, {}};
  } else {
    reply.outcome = wire::NullReply{{to_bytes(reply.request.view())}};
  }
  return reply;
}

class Voice {
 public:
  explicit Voice(std::uint8_t id) : id_(id), key_(known_key(id)) {}
  [[nodiscard]] const crypto::Signer& key() const { return key_; }
  [[nodiscard]] bool met() const { return mac_.has_value(); }
  void hang_up() { mac_.reset(); }

  std::string greet(const Digest& cluster, const wire::ClientHello& hello) {
    cluster_ = cluster;
    const crypto::DhSecret secret(known_key(static_cast<std::uint8_t>(60 + id_)).seed());
    wire::ServerHello answer{ReplicaId{id_}, secret.public_key(), {}, {}, {}};
    answer.signature = key_.sign(wire::hello_signed_bytes(hello, answer));
    mac_.emplace(*wire::client_tag_key(secret, hello.key, hello, answer));
    return wire::to_json(wire::TaggedToClient{answer, std::nullopt});
  }
  [[nodiscard]] std::string say(const wire::ToClient& message) const {
    return wire::to_json(wire::TaggedToClient{
        message, mac_->tag(wire::tagged_bytes(cluster_, ReplicaId{id_}, message))});
  }
  [[nodiscard]] wire::JoinTokenReply token(const wire::JoinBegin& begin) const {
    wire::JoinToken made{ReplicaId{id_}, {"127.0.0.1"}, AgreedTime{1'000'000}, {}};
    const Digest digest = wire::join_digest(begin);
    made.signature =
        key_.sign(wire::join_token_signed_bytes(cluster_, digest, made.address, made.expires));
    return {digest, made};
  }
  std::vector<wire::FromClient> heard;

 private:
  std::uint8_t id_;
  crypto::Signer key_;
  Digest cluster_;
  std::optional<crypto::Mac> mac_;
};

class Conversation {
 public:
  explicit Conversation(Input& input) : input_(input), liar_(input.below(4)) {
    wire::Genesis genesis;
    genesis.mac_requests = input.maybe();
    genesis.faults = 1;
    for (std::uint8_t i = 0; i < 4; ++i) {
      voices_.emplace_back(i);
      wire::Member member;
      member.key = voices_.back().key().public_key();
      member.client_url.text = "ws://127.0.0.1:" + std::to_string(1000 + i);
      genesis.members.items.push_back(member);
    }
    cluster_ = std::make_shared<client::ClusterView>(genesis);
    session_ = std::make_unique<Session>(
        cluster_, client::SessionOptions{},
        [this](std::span<std::uint8_t> out) { std::ranges::fill(out, ++drawn_); });
    client::Effects out;
    session_->start(now_, out);
    perform(std::move(out));
  }

  void run() {
    for (int i = 0; i < 120 && !input_.empty(); ++i) turn();
    ENSURE(!ended_);
  }

 private:
  void turn() {
    client::Effects out;
    const unsigned who = input_.below(4);
    switch (input_.below(12)) {
      case 0:
        if (asked_++ == 0 || input_.maybe())
          (void)session_->submit(now_, wire::Null{input_.byte(), {}}, deadline(), out);
        break;
      case 1:
        if (!joined_) (void)session_->join(now_, known_key(40), "anna", deadline(), out);
        joined_ = true;
        break;
      case 2: (void)session_->read(now_, {{"tally"}, {}}, deadline(), out); break;
      case 3: session_->ask_status(out); break;
      case 4:
        now_ = now_ + std::uint64_t{input_.byte()} * 20'000;
        session_->tick(now_, out);
        break;
      case 5:
        voices_[who].hang_up();
        session_->disconnected(now_, ReplicaId{static_cast<std::uint16_t>(who)}, out);
        break;
      case 6:
      case 7:
      case 8: answer(who, out); break;
      default: lie(out);
    }
    perform(std::move(out));
  }

  Time deadline() { return input_.maybe() ? never : now_ + std::uint64_t{input_.byte()} * 50'000; }

  /// The honest ones say what is so, of the oldest that they heard.
  void answer(unsigned who, client::Effects& out) {
    Voice& voice = voices_[who];
    if (who == liar_ || !voice.met() || voice.heard.empty()) return;
    const wire::FromClient heard = std::move(voice.heard.front());
    voice.heard.erase(voice.heard.begin());
    if (const auto* begin = std::get_if<wire::JoinBegin>(&heard)) {
      say(who, voice.token(*begin), out);
    } else if (const auto* submit = std::get_if<wire::SubmitRequest>(&heard)) {
      const wire::Reply reply = honest_reply(submit->request.body);
      if (input_.below(4) == 0) {
        say(who, wire::Refused{reply.request, {"overloaded"}, {}}, out);
      } else if (submit->designated && submit->designated->value != who) {
        say(who,
            wire::ReplyDigest{reply.session, reply.number, reply.request,
                              wire::reply_digest(cluster_->cluster, reply)},
            out);
      } else {
        say(who, reply, out);
      }
    } else if (const auto* read = std::get_if<wire::PublicRead>(&heard)) {
      say(who,
          wire::PublicReadReply{read->id, wire::read_digest(*read), Seq{9}, AgreedTime{42},
                                wire::DoneReply{}},
          out);
    }
  }
  void say(unsigned who, const wire::ToClient& message, client::Effects& out) {
    session_->text(now_, ReplicaId{static_cast<std::uint16_t>(who)}, voices_[who].say(message),
                   out);
  }

  void lie(client::Effects& out) {
    const ReplicaId from{static_cast<std::uint16_t>(liar_)};
    const unsigned kind = input_.below(10);
    if (!voices_[liar_].met() || kind == 0)
      return session_->text(now_, from, as_text(input_.chunk()), out);
    if (kind == 1) {
      auto decoded = wire::decode<wire::ToClient>(input_.chunk());
      if (decoded) say(liar_, *decoded, out);
      return;
    }
    if (voices_[liar_].heard.empty()) return;
    const auto& all = voices_[liar_].heard;
    const wire::FromClient& heard = all[input_.byte() % all.size()];
    if (const auto* submit = std::get_if<wire::SubmitRequest>(&heard)) {
      lie_about(submit->request.body, out);
    } else if (const auto* begin = std::get_if<wire::JoinBegin>(&heard)) {
      auto token = voices_[liar_].token(*begin);
      if (kind < 5) token.token.signature.bytes[0] ^= input_.byte();
      if (kind < 4) token.token.replica = ReplicaId{input_.byte()};
      if (kind < 3) token.join.bytes[0] ^= input_.byte();
      say(liar_, token, out);
    } else if (const auto* read = std::get_if<wire::PublicRead>(&heard)) {
      say(liar_,
          wire::PublicReadReply{read->id ^ (kind / 8), wire::read_digest(*read),
                                Seq{input_.number()}, AgreedTime{42},
                                wire::NullReply{{to_bytes(input_.take(4))}}},
          out);
    }
  }
  void lie_about(const wire::RequestBody& body, client::Effects& out) {
    wire::Reply reply = honest_reply(body);
    switch (input_.below(8)) {
      case 0: reply.outcome = wire::NullReply{{to_bytes(input_.take(4))}}; break;
      case 1: reply.seq = Seq{input_.number()}; break;
      case 2: reply.agreed.value ^= input_.byte(); break;
      case 3: reply.number = RequestNumber{input_.byte()}; break;
      case 4: return say(liar_, wire::SessionEnded{session_->id(), {"replaced"}}, out);
      case 5: reply.session = SessionId{input_.byte()}; break;
      case 6:
        return say(
            liar_,
            wire::Refused{reply.request, {input_.maybe() ? "unknown_session" : "wrong_key"}, {}},
            out);
      default: {
        wire::ReplyDigest digest{reply.session, reply.number, reply.request,
                                 wire::reply_digest(cluster_->cluster, reply)};
        digest.reply.bytes[0] ^= input_.byte();
        return say(liar_, digest, out);
      }
    }
    say(liar_, reply, out);
  }

  void perform(client::Effects effects) {
    session_->send_new(now_, effects);
    std::size_t done = 0;
    for (; done < effects.size(); ++done) {
      ENSURE(done < 10'000);
      const client::Effect effect = std::move(effects[done]);
      if (const auto* connect = std::get_if<client::Connect>(&effect)) {
        session_->connected(now_, connect->replica, effects);
      } else if (const auto* send = std::get_if<client::Send>(&effect)) {
        hear(*send, effects);
      } else if (const auto* close = std::get_if<client::Close>(&effect)) {
        ENSURE(close->replica.value == liar_ || !voices_[close->replica.value].met());
        voices_[close->replica.value].hang_up();
        session_->disconnected(now_, close->replica, effects);
      } else if (const auto* completed = std::get_if<client::Completed>(&effect)) {
        ENSURE(completed_.insert(completed->ticket).second);
        judge(completed->completion);
      } else if (std::holds_alternative<client::Ended>(effect)) {
        ended_ = true;
      }
    }
  }
  void hear(const client::Send& send, client::Effects& effects) {
    Voice& voice = voices_[send.to.value];
    auto message = wire::from_client_json(*send.text);
    ENSURE(message.ok());
    if (const auto* hello = std::get_if<wire::ClientHello>(&*message)) {
      session_->text(now_, send.to, voice.greet(cluster_->cluster, *hello), effects);
    } else if (voice.heard.size() < 64) {
      if (const auto* submit = std::get_if<wire::SubmitRequest>(&*message))
        truth_.insert(wire::encode(honest_reply(submit->request.body).outcome));
      voice.heard.push_back(std::move(*message));
    }
  }
  void judge(const client::Completion& completion) {
    if (completion.verdict != client::Verdict::answered) return;
    // A public read is answered with what two said, of whom one is honest.
    ENSURE(std::holds_alternative<wire::DoneReply>(completion.outcome) ||
           truth_.contains(wire::encode(completion.outcome)));
  }

  Input& input_;
  unsigned liar_;
  std::vector<Voice> voices_;
  std::shared_ptr<client::ClusterView> cluster_;
  std::unique_ptr<Session> session_;
  std::set<client::Ticket> completed_;
  std::set<Bytes> truth_;
  Time now_{1000};
  std::uint8_t drawn_ = 0;
  unsigned asked_ = 0;
  bool joined_ = false;
  bool ended_ = false;
};

void run_client(ByteView bytes) {
  Input input(bytes);
  Conversation(input).run();
}

std::vector<Bytes> seeds_of_clients() {
  std::vector<Bytes> out;
  for (unsigned liar = 0; liar < 4; ++liar) {
    // A join that all answer, then requests with lies in between.
    Bytes seed;
    put(seed, {liar, 1, 0, 1, 1});
    for (int round = 0; round < 2; ++round)
      for (unsigned who = 0; who < 4; ++who) put(seed, {0, 9, 2, 0, who, 6, 1});
    for (unsigned i = 0; i < 12; ++i) put(seed, {0, 0, 1, i, 1, 0, 9, 2, i, i, i, 6, 1});
    out.push_back(seed);
  }
  for (const auto& [name, message] : vectors::to_client()) {
    Bytes seed{0, 0, 0, 9, 1};
    put_chunk(seed, wire::encode(message));
    out.push_back(seed);
    seed[4] = 0;
    seed.resize(5);
    put_chunk(seed, as_bytes(wire::to_json(wire::TaggedToClient{message, std::nullopt})));
    out.push_back(seed);
  }
  return out;
}

}  // namespace

const Target client{"client", run_client, seeds_of_clients};

}  // namespace prytany::fuzz
