// A replica's side of clients' connections: texts of any kind on several of them, with hellos and
// proofs that are right where an input says so. Each text has at most one answer, which the client
// library can read; nothing is remembered of a connection that is closed.
#include "server/node/clients.h"

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
  }
  void close(ConnectionId, std::string_view) override {}
  std::size_t replies = 0;
  std::optional<wire::ServerHello> greeting;
  std::set<ConnectionId> greeted;
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
        nullptr, [this] { return std::optional(database_.executor().executed()); }});
  }

  void run() {
    for (int i = 0; i < 100 && !input_.empty(); ++i) turn();
    // All hang up: whatever was kept for them goes.
    for (std::uint8_t id = 0; id < connections; ++id) clients_->closed(ConnectionId{id});
    while (clients_->has_reads()) clients_->serve_read();
    const std::size_t before = transport_.replies;
    (void)clients_->now_known(Time{clock_.now_ + 10'000'000}, *verifier_);
    ENSURE(clients_->connections() == 0 && !clients_->has_early());
    ENSURE(transport_.replies == before);
  }

 private:
  static constexpr std::uint8_t connections = 3;

  void turn() {
    const ConnectionId id{input_.below(connections)};
    const std::size_t before = transport_.replies;
    switch (input_.below(12)) {
      case 0: clients_->connected(id, "127.0.0." + std::to_string(id.value)); break;
      case 1:
        clients_->closed(id);
        transport_.greeted.erase(id);
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
      default: say(id, to_bytes(input_.chunk()));
    }
    ENSURE(transport_.replies <= before + 70);
  }

  void say(ConnectionId id, const Bytes& text) {
    said(id, clients_->text(id, as_text(text), *verifier_));
  }
  void say(ConnectionId id, const wire::FromClient& message) {
    const std::size_t before = transport_.replies;
    said(id, clients_->text(id, wire::to_json(message), *verifier_));
    ENSURE(transport_.replies <= before + 1);
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
    Line& line = lines_[id.value];
    line.key = wire::client_tag_key(secret, transport_.greeting->key, hello, *transport_.greeting);
    line.said = crypto::sha256(wire::hello_signed_bytes(hello, *transport_.greeting));
  }
  void speak_for(ConnectionId id) {
    const crypto::Signer key = known_key(input_.maybe() ? 100 : input_.byte());
    wire::SpeakFor speak{key.public_key(), {}};
    speak.signature = key.sign(wire::speak_for_signed_bytes(lines_[id.value].said, speak.key));
    say(id, speak);
  }
  void submit(ConnectionId id) {
    const std::uint8_t options = input_.byte();
    wire::ClientRequest request = ordered(1 + options % 8, operation());
    if ((options & 16) != 0) request.body.session = SessionId{input_.byte()};
    const Digest digest = wire::request_digest(request.body);
    wire::SubmitRequest submit{request, std::nullopt, std::nullopt};
    if ((options & 32) != 0) submit.designated = ReplicaId{input_.byte()};
    if ((options & 64) != 0 && lines_[id.value].key) {
      submit.tag = crypto::Mac(*lines_[id.value].key)
                       .tag(wire::request_tagged_bytes(group_.cluster, digest));
    } else {
      submit.request.proof.signature =
          known_key((options & 128) != 0 ? 1 : 100)
              .sign(wire::request_signed_bytes(group_.cluster, digest));
    }
    say(id, submit);
  }
  wire::Operation operation() {
    switch (input_.below(4)) {
      case 0: return wire::Null{input_.byte(), {}};
      case 1: return wire::Leave{};
      case 2: return wire::Call{{"p"}, {}};
      default: return wire::Execute{{{wire::Statement{{"SELECT 1"}, {}, {}}}}, false};
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

  struct Line {
    std::optional<crypto::MacKey> key;
    Digest said;
  };

  Input& input_;
  Database database_;
  crypto::Signer signer_ = known_key(0);
  wire::Membership group_;
  std::optional<wire::Verifier> verifier_;
  Counting transport_;
  StillClock clock_;
  std::uint8_t drawn_ = 0;
  std::optional<node::Clients> clients_;
  std::array<Line, connections> lines_;
  std::vector<wire::ClientRequest> waiting_;
};

void run_gateway(ByteView bytes) {
  Input input(bytes);
  Door(input).run();
}

std::vector<Bytes> seeds_of_gateway() {
  std::vector<Bytes> out;
  const Bytes open{1, 0, 0, 0, 2, 0, 3, 1};
  for (const auto& [name, message] : vectors::from_client()) {
    Bytes seed = open;
    seed.insert(seed.end(), {0, 10});
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
  return out;
}

}  // namespace

const Target gateway{"gateway", run_gateway, seeds_of_gateway};

}  // namespace prytany::fuzz
