#include "tests/liar/relay.h"

#include <sys/epoll.h>

#include <cstring>

#include "server/base/log.h"
#include "server/wire/client_json.h"
#include "server/wire/signing.h"

namespace prytany::liar {
namespace {

// A test's program, but a forgotten one must not eat the machine.
constexpr std::size_t waiting_max = 1024;
constexpr std::size_t asked_max = 4096;
constexpr std::size_t remembered_max = 1024;

AgreedTime long_ago() { return AgreedTime{1}; }

Digest digest_of(std::string_view domain, ByteView bytes) { return crypto::sha256(domain, bytes); }

}  // namespace

Relay::Relay(Setting setting, net::Poller& poller)
    : setting_(std::move(setting)),
      poller_(poller),
      cluster_(std::make_shared<client::ClusterView>(setting_.genesis.genesis)),
      pages_(setting_.truth, setting_.genesis, setting_.lies.tells(Lie::pages)) {}

Relay::~Relay() {
  for (auto& [id, conversation] : conversations_) forget(conversation);
}

// ---- connections ------------------------------------------------------------------------------

void Relay::client_connected(net::ConnectionId id, std::string) {
  const auto truth = net::numeric_address(setting_.truth.host, setting_.truth.port);
  ENSURE(truth.ok());
  client::WebSocketConnection::Address address;
  std::memcpy(&address.bytes, &truth->storage, sizeof address.bytes);
  address.size = truth->length;
  auto& c = conversations_.emplace(id, Conversation(client::Channel(cluster_, setting_.self)))
                .first->second;
  const std::string port = std::to_string(setting_.truth.port);
  c.socket = std::make_unique<client::WebSocketConnection>(
      client::WebSocketUrl{false, setting_.truth.host, port, "/"}, address);
  const auto fd = c.socket->start();
  if (!fd) return hang_up(id, fd.error().message);
  c.fd = *fd;
  c.channel.connecting();
  poller_.watch(c.fd, EPOLLIN | EPOLLOUT,
                [this, id](std::uint32_t events) { on_upstream(id, events); });
}

void Relay::client_closed(net::ConnectionId id) {
  const auto found = conversations_.find(id);
  if (found == conversations_.end()) return;
  forget(found->second);
  conversations_.erase(found);
}

void Relay::forget(Conversation& c) {
  if (c.fd >= 0) poller_.forget(c.fd);
  c.fd = -1;
  c.socket.reset();
  c.channel.down();
}

void Relay::hang_up(net::ConnectionId id, std::string_view why) {
  const auto found = conversations_.find(id);
  if (found == conversations_.end()) return;
  forget(found->second);
  if (gateway_ != nullptr) gateway_->close(id, why);
}

void Relay::on_upstream(net::ConnectionId id, std::uint32_t events) {
  const auto found = conversations_.find(id);
  if (found == conversations_.end() || !found->second.socket) return;
  Conversation& c = found->second;
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  auto ready =
      c.socket->ready(broken || (events & EPOLLIN) != 0, broken || (events & EPOLLOUT) != 0);
  if (!ready) return hang_up(id, ready.error().message);
  if (ready->opened) {
    c.socket->send(c.channel.greet([](std::span<std::uint8_t> out) { crypto::random_bytes(out); }));
  }
  for (const std::string& text : ready->texts) {
    auto message = c.channel.open(text);
    if (!message) return hang_up(id, message.error().reason);
    if (*message) {
      heard(id, c, std::move(**message));
      continue;
    }
    for (const std::string& waiting : c.waiting) c.socket->send(waiting);
    c.waiting.clear();
  }
  flush_up(id, c);
}

void Relay::send_up(net::ConnectionId id, Conversation& c, std::string text) {
  if (!c.socket) return;
  if (c.channel.ready()) {
    c.socket->send(text);
    flush_up(id, c);
  } else if (c.waiting.size() < waiting_max) {
    c.waiting.push_back(std::move(text));
  }
}

bool Relay::flush_up(net::ConnectionId id, Conversation& c) {
  if (c.socket->opened()) {
    if (auto flushed = c.socket->flush(); !flushed) {
      hang_up(id, flushed.error().message);
      return false;
    }
  }
  poller_.change(c.fd, c.socket->wants_write() ? EPOLLIN | EPOLLOUT : EPOLLIN);
  return true;
}

void Relay::send_down(net::ConnectionId id, Conversation& c, const wire::ToClient& message) {
  if (gateway_ == nullptr || setting_.lies.tells(Lie::silence)) return;
  std::optional<crypto::Tag16> tag;
  if (c.key) tag = c.key->tag(wire::tagged_bytes(cluster_->cluster, setting_.self, message));
  gateway_->reply(id, wire::to_json(wire::TaggedToClient{message, tag}));
}

// ---- what the client says ---------------------------------------------------------------------

void Relay::client_text(net::ConnectionId id, std::string_view text) {
  const auto found = conversations_.find(id);
  if (found == conversations_.end()) return;
  Conversation& c = found->second;
  auto parsed = wire::from_client_json(text);
  if (!parsed) return send_up(id, c, std::string(text));
  if (const auto* hello = std::get_if<wire::ClientHello>(&*parsed)) return greet(id, c, *hello);
  if (!c.key) return hang_up(id, "say hello first");
  if (auto* submit = std::get_if<wire::SubmitRequest>(&*parsed))
    return on_request(id, c, std::move(*submit));
  if (const auto* asked = std::get_if<wire::BundleRequest>(&*parsed))
    return on_bundle_request(id, c, *asked);
  if (const auto* read = std::get_if<wire::PublicRead>(&*parsed)) return on_read(id, c, *read);
  send_up(id, c, std::string(text));
}

/// As the replica itself would, with its key.
void Relay::greet(net::ConnectionId id, Conversation& c, const wire::ClientHello& hello) {
  if (c.key || hello.cluster != cluster_->cluster) return hang_up(id, "not this hello");
  const crypto::DhSecret secret = crypto::DhSecret::generate();
  wire::ServerHello answer;
  answer.replica = setting_.self;
  answer.key = secret.public_key();
  answer.nonce = crypto::random_array<16>();
  answer.configuration = cluster_->configuration();
  answer.signature = setting_.signer.sign(wire::hello_signed_bytes(hello, answer));
  const auto key = wire::client_tag_key(secret, hello.key, hello, answer);
  if (!key || gateway_ == nullptr) return hang_up(id, "weak key");
  gateway_->reply(id, wire::to_json(wire::TaggedToClient{answer, std::nullopt}));
  c.key.emplace(*key);
}

bool Relay::decides_to_lie(const Question& question) {
  const Lies& lies = setting_.lies;
  if (!lies.procedures.empty() && !lies.procedures.contains(question.procedure)) return false;
  return ++questions_ % lies.every == 0;
}

/// The first answer of all: from what was true when the same was asked before, or made up.
std::optional<wire::Outcome> Relay::prompt(const Asked& asked) const {
  const auto before = remembered_.find(asked.operation);
  if (before != remembered_.end()) return forge(setting_.lies, asked.question, before->second);
  return invent(setting_.lies, asked.question);
}

void Relay::on_request(net::ConnectionId id, Conversation& c, wire::SubmitRequest submit) {
  const wire::RequestBody& body = submit.request.body;
  const Digest digest = wire::request_digest(body);
  const Question question = question_of(body);
  const bool again = c.requests.contains(digest);
  const bool lie = again ? c.requests.at(digest).lie : decides_to_lie(question);
  const Asked asked{question, submit.designated, digest_of("liar request", body.operation.view()),
                    lie};
  if (c.requests.size() < asked_max) c.requests.insert_or_assign(digest, asked);
  if (lie && !again) {
    if (setting_.lies.tells(Lie::refusal))
      send_down(id, c, wire::Refused{digest, {"unknown_session"}, {"never heard of it"}});
    if (auto outcome = prompt(asked)) {
      const AgreedTime now = net::SystemClock().wall();
      send_down(id, c,
                wire::Reply{body.session, body.number, digest, last_seq_ + 1, now, *outcome});
    }
  }
  // We need the rows, whoever is to send them.
  submit.designated.reset();
  send_up(id, c, wire::to_json(wire::FromClient{std::move(submit)}));
}

/// As the gateway of a client with one connection: with our word alone, and later with what others
/// said of the truth.
void Relay::on_bundle_request(net::ConnectionId id, Conversation& c,
                              const wire::BundleRequest& request) {
  const wire::RequestBody& body = request.request.body;
  const Digest digest = wire::request_digest(body);
  const Question question = question_of(body);
  const Asked asked{question, std::nullopt, digest_of("liar request", body.operation.view()),
                    decides_to_lie(question)};
  if (c.requests.size() < asked_max) c.requests.insert_or_assign(digest, asked);
  if (asked.lie && ++bundles_ % 2 == 0) {
    if (auto outcome = prompt(asked)) {
      const AgreedTime now = net::SystemClock().wall();
      send_down(
          id, c,
          wire::Bundle{{body.session, body.number, digest, last_seq_ + 1, now, *outcome}, {}});
    }
  }
  send_up(id, c, wire::to_json(wire::FromClient{request}));
}

void Relay::on_read(net::ConnectionId id, Conversation& c, const wire::PublicRead& read) {
  const Question question{Question::Kind::call, read.call.procedure.text};
  const Asked asked{question, std::nullopt, digest_of("liar read", wire::encode(read.call)),
                    decides_to_lie(question)};
  if (c.reads.size() < asked_max) c.reads.insert_or_assign(read.id, asked);
  if (asked.lie && !setting_.lies.tells(Lie::pages)) {
    if (auto outcome = prompt(asked)) {
      send_down(id, c,
                wire::PublicReadReply{read.id, wire::read_digest(read), last_seq_ + 1,
                                      net::SystemClock().wall(), std::move(*outcome)});
    }
  }
  send_up(id, c, wire::to_json(wire::FromClient{read}));
}

// ---- what the true replica says -----------------------------------------------------------------

void Relay::heard(net::ConnectionId id, Conversation& c, wire::ToClient message) {
  if (auto* reply = std::get_if<wire::Reply>(&message)) return pass_on(id, c, std::move(*reply));
  if (auto* bundle = std::get_if<wire::Bundle>(&message)) {
    last_seq_ = std::max(last_seq_, bundle->reply.seq);
    if (auto found = c.requests.extract(bundle->reply.request))
      if (auto lie = altered(found.mapped(), bundle->reply.outcome))
        bundle->reply.outcome = std::move(*lie);
    return send_down(id, c, *bundle);
  }
  if (auto* read = std::get_if<wire::PublicReadReply>(&message))
    return pass_on(id, c, std::move(*read));
  if (auto* token = std::get_if<wire::JoinTokenReply>(&message))
    return pass_on(id, c, std::move(*token));
  if (auto* status = std::get_if<wire::StatusReply>(&message);
      status != nullptr && setting_.lies.tells(Lie::status))
    return send_down(id, c, forged_status(*status));
  send_down(id, c, message);
}

std::optional<wire::Outcome> Relay::altered(const Asked& asked, const wire::Outcome& truth) {
  if (remembered_.size() < remembered_max || remembered_.contains(asked.operation))
    remembered_.insert_or_assign(asked.operation, truth);
  if (!asked.lie) return std::nullopt;
  return forge(setting_.lies, asked.question, truth);
}

void Relay::pass_on(net::ConnectionId id, Conversation& c, wire::Reply reply) {
  last_seq_ = std::max(last_seq_, reply.seq);
  const auto found = c.requests.find(reply.request);
  if (found == c.requests.end()) return send_down(id, c, reply);
  const Asked asked = found->second;
  c.requests.erase(found);
  if (auto lie = altered(asked, reply.outcome)) {
    reply.outcome = std::move(*lie);
    send_down(id, c, reply);
  } else if (asked.designated && *asked.designated != setting_.self) {
    send_down(id, c,
              wire::ReplyDigest{reply.session, reply.number, reply.request,
                                wire::reply_digest(cluster_->cluster, reply)});
  } else {
    send_down(id, c, reply);
  }
  if (asked.lie && setting_.lies.tells(Lie::ended) && reply.session.value != 0)
    send_down(id, c, wire::SessionEnded{reply.session, {"replaced"}});
}

void Relay::pass_on(net::ConnectionId id, Conversation& c, wire::PublicReadReply reply) {
  last_seq_ = std::max(last_seq_, reply.executed);
  const auto found = c.reads.find(reply.id);
  if (found == c.reads.end()) return send_down(id, c, reply);
  const Asked asked = found->second;
  c.reads.erase(found);
  if (asked.lie && setting_.lies.tells(Lie::pages))
    reply.outcome = pages_.listing(std::move(reply.outcome));
  if (auto lie = altered(asked, reply.outcome)) reply.outcome = std::move(*lie);
  send_down(id, c, reply);
}

void Relay::pass_on(net::ConnectionId id, Conversation& c, wire::JoinTokenReply reply) {
  if (setting_.lies.tells(Lie::token)) {
    wire::JoinToken& token = reply.token;
    token.expires = long_ago();
    token.signature = setting_.signer.sign(
        wire::join_token_signed_bytes(cluster_->cluster, reply.join, token.address, token.expires));
  }
  send_down(id, c, reply);
}

}  // namespace prytany::liar
