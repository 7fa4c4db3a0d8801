// A replica's side of clients' connections: texts of any kind on several of them, with hellos and
// proofs that are right where an input says so. Each text has at most one answer, which the client
// library can read; requests and reads of sessions are answered to who could prove that it asked,
// reads after what they must wait for, changes to who proved there that it might watch; nothing is
// remembered of a connection that is closed.
#include "server/node/clients.h"

#include <map>
#include <set>

#include "server/wire/client_json.h"
#include "tests/fuzz/database.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

using node::ConnectionId;

class Counting final : public node::Transport {
 public:
  void send(ReplicaId, Bytes) override {}
  void reply(ConnectionId to, std::string text) override {
    ++replies;
    auto parsed = wire::to_client_json(text);
    ENSURE(parsed.ok());
    if (const auto* hello = std::get_if<wire::ServerHello>(&parsed->message)) {
      greeting = *hello;
      greeted.insert(to);
    }
    // Who has not said hello hears nothing but refusals, and all others that it is we who speak.
    ENSURE(greeted.contains(to) || std::holds_alternative<wire::Refused>(parsed->message));
    ENSURE(!greeted.contains(to) || parsed->tag ||
           std::holds_alternative<wire::ServerHello>(parsed->message));
    std::visit([&](const auto& message) { judge(to, message); }, parsed->message);
  }
  void close(ConnectionId, std::string_view) override {}
  std::size_t replies = 0;
  std::optional<wire::ServerHello> greeting;
  std::set<ConnectionId> greeted;
  /// Who asked what, and proved that it might; of a read, what it must see at least.
  std::set<std::pair<ConnectionId, Digest>> proven;
  std::map<std::pair<ConnectionId, Digest>, Seq> reads;

 private:
  template <class Any>
  void judge(ConnectionId to, const Any& message) {
    if constexpr (requires { message.request; } && requires { message.number; })
      ENSURE(proven.contains({to, message.request}));
    if constexpr (std::is_same_v<Any, wire::Changes>)
      ENSURE(proven.contains({to, message.question}));
    if constexpr (std::is_same_v<Any, wire::FastReadReply> ||
                  std::is_same_v<Any, wire::FastReadDigest>) {
      const auto asked = reads.find({to, message.question});
      ENSURE(asked != reads.end() && asked->second <= message.executed);
    }
  }
};

class StillClock final : public node::Clock {
 public:
  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] AgreedTime wall() const override { return AgreedTime{1'700'000'000'000'000}; }
  Time now_{1000};
};

class Door {
 public:
  explicit Door(Input& input) : input_(input), database_(first_image()) {
    group_.cluster = database_config().cluster;
    group_.replica_keys = database_config().replica_keys;
    group_.quorum = 3;
    group_.mac_requests = input.maybe();
    verifier_.emplace(group_);
    clients_.emplace(node::Clients::Setting{
        ReplicaId{0}, signer_, group_, database_.executor(), transport_, clock_,
        [this](std::span<std::uint8_t> out) { std::ranges::fill(out, ++drawn_); }, 60'000'000,
        nullptr, [this] { return barrier_; }});
  }

  void run() {
    for (int i = 0; i < 100 && !input_.empty(); ++i) turn();
    // All hang up: whatever was kept for them goes.
    for (std::uint64_t seat = 0; seat < connections; ++seat)
      clients_->closed(ConnectionId{seat + connections * lives_[seat]});
    while (clients_->has_reads()) clients_->serve_read();
    const std::size_t before = transport_.replies;
    (void)clients_->now_known(Time{clock_.now_ + 10'000'000}, *verifier_);
    ENSURE(clients_->connections() == 0 && !clients_->has_early());
    ENSURE(transport_.replies == before);
  }

 private:
  static constexpr unsigned connections = 3;

  void turn() {
    // None is ever given twice.
    const unsigned seat = input_.below(connections);
    const ConnectionId id{seat + connections * lives_[seat]};
    const std::size_t before = transport_.replies;
    switch (input_.below(14)) {
      case 0: clients_->connected(id, "127.0.0." + std::to_string(seat)); break;
      case 1:
        clients_->closed(id);
        forget(id);
        break;
      case 2: hello(id); break;
      case 3: speak_for(id); break;
      case 4:
      case 5: submit(id); break;
      case 6: execute(); break;
      case 7: clock_.now_ = clock_.now_ + std::uint64_t{input_.byte()} * 10'000; break;
      case 8:
        if (clients_->has_reads()) clients_->serve_read();
        break;
      case 9: clients_->silence(input_.maybe()); break;
      case 10:
      case 11: read(id); break;
      case 12: watch(id); break;
      default: say(id, to_bytes(input_.chunk()));
    }
    ENSURE(transport_.replies <= before + 70);
  }

  void say(ConnectionId id, const Bytes& text) {
    // A text that somebody else has signed is as good here.
    const auto parsed = wire::from_client_json(as_text(text));
    const auto* submit = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr;
    if (submit != nullptr && submit->request.proof.signature)
      transport_.proven.emplace(id, wire::request_digest(submit->request.body));
    said(id, clients_->text(id, as_text(text), *verifier_));
  }
  void say(ConnectionId id, const wire::FromClient& message) {
    const std::size_t before = transport_.replies;
    said(id, clients_->text(id, wire::to_json(message), *verifier_));
    // A LEAVE that is said again has two: its answer, and that there is no such session any more.
    const bool submits = std::holds_alternative<wire::SubmitRequest>(message);
    ENSURE(transport_.replies <= before + (submits ? 2 : 1));
  }
  void said(ConnectionId, node::Clients::Wish wish) {
    if (auto* submit = std::get_if<node::Clients::Submit>(&wish)) {
      // Only what its session's holder said gets so far.
      ENSURE(submit->request->body.session == SessionId{0} ||
             submit->request->body.signer == known_key(100).public_key());
      waiting_.push_back(*submit->request);
    } else if (const auto* asked = std::get_if<node::Clients::AskStatus>(&wish)) {
      clients_->answer(*asked, {});
    }
  }

  void hello(ConnectionId id) {
    static const crypto::DhSecret secret(known_key(50).seed());
    wire::ClientHello hello;
    hello.cluster = group_.cluster;
    hello.key = secret.public_key();
    transport_.greeting.reset();
    say(id, hello);
    if (!transport_.greeting) return;
    Line& line = lines_[id.value % connections];
    line.speaks_for.clear();
    line.key = wire::client_tag_key(secret, transport_.greeting->key, hello, *transport_.greeting);
    line.said = crypto::sha256(wire::hello_signed_bytes(hello, *transport_.greeting));
  }
  void speak_for(ConnectionId id) {
    const crypto::Signer key = known_key(input_.maybe() ? 100 : input_.byte());
    wire::SpeakFor speak{key.public_key(), {}};
    speak.signature =
        key.sign(wire::speak_for_signed_bytes(lines_[id.value % connections].said, speak.key));
    if (input_.below(16) == 0) {
      speak.signature.bytes[input_.byte() % 64] ^= 1;
    } else {
      lines_[id.value % connections].speaks_for.insert(speak.key);
    }
    say(id, speak);
  }
  void submit(ConnectionId id) {
    const std::uint8_t options = input_.byte();
    wire::ClientRequest request = ordered(1 + options % 8, operation());
    if ((options & 16) != 0) request.body.session = SessionId{input_.byte()};
    const Digest digest = wire::request_digest(request.body);
    wire::SubmitRequest submit{request, std::nullopt, std::nullopt};
    const Line& line = lines_[id.value % connections];
    if ((options & 32) != 0) submit.designated = ReplicaId{input_.byte()};
    bool proves = false;
    if ((options & 64) != 0 && line.key) {
      submit.tag = crypto::Mac(*line.key).tag(wire::request_tagged_bytes(group_.cluster, digest));
      proves = line.speaks_for.contains(request.body.signer);
      if ((options & 128) != 0) spoil(*submit.tag, proves);
    } else {
      submit.request.proof.signature =
          known_key((options & 128) != 0 ? 1 : 100)
              .sign(wire::request_signed_bytes(group_.cluster, digest));
      proves = (options & 128) == 0;
    }
    if (proves) transport_.proven.emplace(id, digest);
    say(id, submit);
  }
  /// A read that is not ordered: with the tag that it should have, or with one bit of it wrong; of
  /// the session that is, another, or with a key that was not shown here.
  void read(ConnectionId id) {
    const Line& line = lines_[id.value % connections];
    if (!line.key) return;
    const std::uint8_t options = input_.byte();
    wire::FastRead read;
    read.body.id = options % 4;
    read.body.session = (options & 16) != 0 ? SessionId{input_.byte()} : administrator();
    const std::uint8_t key = (options & 32) != 0 ? input_.byte() : 100;
    read.body.signer = known_key(key).public_key();
    read.body.operation.bytes =
        (options & 64) != 0 ? to_bytes(input_.chunk()) : wire::encode(operation());
    if ((options & 8) != 0) read.designated = ReplicaId{input_.byte()};
    const Digest digest = wire::fast_read_digest(read.body);
    read.tag = crypto::Mac(*line.key).tag(wire::fast_read_tagged_bytes(group_.cluster, digest));
    bool proves = line.speaks_for.contains(read.body.signer) && key == 100 &&
                  read.body.session == administrator();
    if ((options & 128) != 0) spoil(read.tag, proves);
    // What the replica voted for, now and then, is ahead of what it has executed.
    const unsigned ahead = input_.below(8);
    barrier_ = database_.executor().executed() + std::uint64_t{ahead < 4 ? 0 : ahead - 4};
    if (ahead == 7) barrier_.reset();
    if (proves && barrier_) transport_.reads.emplace(std::pair(id, digest), *barrier_);
    say(id, read);
  }
  /// A subscription: of none to three topics, the session's or another's, with the signature that
  /// it should have or not; and what follows one.
  void watch(ConnectionId id) {
    const Line& line = lines_[id.value % connections];
    const std::uint8_t options = input_.byte();
    wire::Subscribe subscribe;
    wire::SubscribeBody& body = subscribe.body;
    body.id = options % 4;
    body.session = (options & 16) != 0 ? SessionId{input_.byte()} : administrator();
    const crypto::Signer key = known_key((options & 32) != 0 ? input_.byte() : 100);
    body.signer = key.public_key();
    for (unsigned i = (options >> 2) % 4; i > 0; --i)
      body.topics.items.push_back({std::string(1, static_cast<char>('a' + i))});
    const Digest question = wire::subscription_digest(body);
    const unsigned then = input_.below(8);
    if (then == 0) return say(id, wire::More{question});
    if (then == 1) return say(id, wire::Unsubscribe{question});
    if (then < 5) subscribe.after = input_.byte();
    subscribe.signature =
        key.sign(wire::subscribe_signed_bytes(line.said, question, subscribe.after));
    bool proves = key.public_key() == known_key(100).public_key();
    if ((options & 128) != 0) {
      subscribe.signature.bytes[input_.byte() % 64] ^= 1;
      proves = false;
    }
    if (proves) transport_.proven.emplace(id, question);
    say(id, subscribe);
  }
  void spoil(crypto::Tag16& tag, bool& proves) {
    const std::uint8_t bit = input_.byte();
    tag[(bit >> 3) % tag.size()] ^= static_cast<std::uint8_t>(1 << (bit & 7));
    proves = false;
  }
  wire::Operation operation() {
    switch (input_.below(4)) {
      case 0: return wire::Null{input_.byte(), {}};
      case 1: return wire::Leave{};
      case 2: return wire::Call{{"p"}, {}};
      default: {
        const char* const sql = input_.maybe() ? "SELECT notify('b', 1)" : "SELECT 1";
        return wire::Execute{{{wire::Statement{{sql}, {}, {}}}}, input_.maybe()};
      }
    }
  }
  /// What was submitted is ordered, and whatever else an input wants to be.
  void execute() {
    for (const wire::ClientRequest& request : std::exchange(waiting_, {})) {
      app::Executed executed;
      executed.replies.push_back(database_.execute(request));
      clients_->executed(executed);
    }
    for (const wire::AuthenticRequest& known : clients_->now_known(clock_.now_, *verifier_))
      waiting_.push_back(*known);
  }

  void forget(ConnectionId id) {
    lines_[id.value % connections] = {};
    ++lives_[id.value % connections];
    transport_.greeted.erase(id);
    std::erase_if(transport_.proven, [&](const auto& entry) { return entry.first == id; });
    std::erase_if(transport_.reads, [&](const auto& entry) { return entry.first.first == id; });
  }

  struct Line {
    std::optional<crypto::MacKey> key;
    Digest said;
    std::set<crypto::PublicKey> speaks_for;
  };

  Input& input_;
  Database database_;
  crypto::Signer signer_ = known_key(0);
  wire::Membership group_;
  std::optional<wire::Verifier> verifier_;
  Counting transport_;
  StillClock clock_;
  std::uint8_t drawn_ = 0;
  std::optional<Seq> barrier_{database_.executor().executed()};
  std::optional<node::Clients> clients_;
  std::array<Line, connections> lines_;
  std::array<std::uint64_t, connections> lives_{};
  std::vector<wire::ClientRequest> waiting_;
};

void run_gateway(ByteView bytes) {
  Input input(bytes);
  Door(input).run();
}

std::vector<Bytes> seeds_of_gateway() {
  std::vector<Bytes> out;
  const Bytes open{1, 0, 0, 0, 2, 0, 3, 1, 1};
  for (const auto& [name, message] : vectors::from_client()) {
    Bytes seed = open;
    seed.insert(seed.end(), {0, 13});
    put_chunk(seed, as_bytes(wire::to_json(message)));
    put(seed, {0, 8, 0, 6, 0, 7, 255, 0, 6});
    out.push_back(seed);
  }
  for (const unsigned options : {1U, 17U, 33U, 65U, 129U}) {
    Bytes seed = open;
    for (unsigned operation = 0; operation < 4; ++operation)
      put(seed, {0, 4, options, operation, options, options, 0, 6});
    out.push_back(seed);
  }
  // What was answered, asked again by somebody else, who cannot sign it.
  Bytes again = open;
  put(again, {1, 0, 1, 2, 0, 4, 1, 2, 0, 6, 1, 4, 129, 2});
  out.push_back(again);
  // Reads: right, of another session, with another's key, what is no operation, with a wrong tag.
  for (const unsigned options : {0U, 8U, 16U, 32U, 64U, 128U})
    for (const unsigned ahead : {0U, 5U, 7U}) {
      Bytes seed = open;
      put(seed, {0, 10, options});
      if ((options & 64) != 0)
        put(seed, {0, 2, 1, 1});
      else if (options != 0 && options != 128)
        put(seed, {1, 3, 1});
      else
        put(seed, {3, 1});
      if (options == 128) put(seed, {77});
      put(seed, {ahead, 0, 8, 0, 4, 1, 3, 0, 0, 6, 0, 8, 0, 7, 255, 0, 6});
      out.push_back(seed);
    }
  // Topics watched: some, none and then none again, another's; something happens; and it ends.
  for (const unsigned options : {4U, 8U, 12U, 0U, 20U, 36U, 132U}) {
    Bytes seed = open;
    for (int twice = 0; twice < 2; ++twice) put(seed, {0, 12, options, 100, 7, 0});
    put(seed, {0, 4, 1, 3, 1, 0, 0, 6, 0, 8, 0, 8, 0, 12, options, 0, 0, 12, options, 1, 0, 1});
    out.push_back(seed);
  }
  return out;
}

}  // namespace

const Target gateway{"gateway", run_gateway, seeds_of_gateway};

}  // namespace prytany::fuzz
