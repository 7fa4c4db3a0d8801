#include "clientlib/channel.h"

#include "server/wire/client_json.h"

namespace prytany::client {

using wire::Malformed;

Channel::Channel(std::shared_ptr<const ClusterView> cluster, ReplicaId replica)
    : cluster_(std::move(cluster)), replica_(replica) {}

wire::ClientHello Channel::hello(const Entropy& entropy) {
  crypto::DhSecret secret(draw<32>(entropy));
  wire::ClientHello said{cluster_->cluster, secret.public_key(), draw<16>(entropy)};
  greeting_.emplace(Greeting{said, secret});
  mac_.reset();
  state_ = State::greeting;
  return said;
}

std::string Channel::greet(const Entropy& entropy) {
  return wire::to_json(wire::FromClient{hello(entropy)});
}

void Channel::down() {
  state_ = State::down;
  greeting_.reset();
  doubted_.reset();
  question_.reset();
  mac_.reset();
}

wire::SpeakFor Channel::speaking_for(const crypto::Signer& session) const {
  const Bytes said = wire::speak_for_signed_bytes(hello_, session.public_key());
  return {session.public_key(), session.sign(said)};
}

std::string Channel::speak_for(const crypto::Signer& session) const {
  return wire::to_json(wire::FromClient{speaking_for(session)});
}

crypto::Tag16 Channel::tag(const Digest& request) const {
  return mac_->tag(wire::request_tagged_bytes(cluster_->cluster, request));
}

crypto::Tag16 Channel::fast_read_tag(const Digest& read) const {
  return mac_->tag(wire::fast_read_tagged_bytes(cluster_->cluster, read));
}

std::string Channel::subscribe(const crypto::Signer& session, const wire::SubscribeBody& body,
                               std::optional<std::uint64_t> after) const {
  const Bytes said = wire::subscribe_signed_bytes(hello_, wire::subscription_digest(body), after);
  return wire::to_json(wire::FromClient{wire::Subscribe{body, after, session.sign(said)}});
}

Result<std::optional<wire::ToClient>, Malformed> Channel::open(std::string_view text) {
  auto heard = wire::to_client_json(text);
  if (!heard) return heard.error();
  return hear(std::move(heard->message), heard->tag);
}

bool Channel::check(const wire::ToClient& message, const crypto::Tag16& tag) const {
  return mac_->check(wire::tagged_bytes(cluster_->cluster, replica_, message), tag);
}

Channel::Opened Channel::hear(wire::ToClient message, std::optional<crypto::Tag16> tag) {
  if (state_ == State::greeting) {
    if (const auto* server = std::get_if<wire::ServerHello>(&message)) return finish(*server);
    // Before the hello nothing is proven; a refusal is passed on as a reason and no more.
    if (std::holds_alternative<wire::Refused>(message)) return Malformed{"refuses our hello"};
    return Malformed{"speaks before its hello"};
  }
  if (state_ == State::asking) {
    const auto* news = std::get_if<wire::ConfigurationsReply>(&message);
    if (news == nullptr) return Malformed{"does not hold the key that genesis names"};
    cluster_->learn(news->links);
    // Others may have proven the same meanwhile.
    if (cluster_->configuration() == asked_above_)
      return Malformed{"does not hold the key that genesis names, nor one that came of it"};
    return finish(*std::exchange(doubted_, std::nullopt));
  }
  if (state_ != State::ready) return Malformed{"speaks on a closed connection"};
  if (std::holds_alternative<wire::ServerHello>(message)) return Malformed{"greets twice"};
  if (!tag) return Malformed{"message without a tag"};
  if (!check(message, *tag)) return Malformed{"wrong tag"};
  return std::optional<wire::ToClient>(std::move(message));
}

/// What it then says proves itself, or is worth nothing: so it may be asked before it is believed.
Channel::Opened Channel::ask(const wire::ServerHello& server) {
  doubted_ = server;
  asked_above_ = cluster_->configuration();
  state_ = State::asking;
  question_ =
      wire::to_json(wire::FromClient{wire::ConfigurationsRequest{cluster_->configuration()}});
  return std::optional<wire::ToClient>{};
}

Result<std::optional<wire::ToClient>, Malformed> Channel::finish(const wire::ServerHello& server) {
  if (server.replica != replica_) return Malformed{"is another replica than genesis says"};
  const Bytes said = wire::hello_signed_bytes(greeting_->hello, server);
  if (!crypto::verify(cluster_->key(replica_), said, server.signature)) return ask(server);
  configuration_ = server.configuration;
  if (configuration_ > cluster_->configuration()) return ask(server);
  if (behind()) return Malformed{"is in a configuration that has been replaced"};
  const auto key = wire::client_tag_key(greeting_->secret, server.key, greeting_->hello, server);
  if (!key) return Malformed{"offers an unusable key"};
  mac_.emplace(*key);
  hello_ = crypto::sha256(said);
  greeting_.reset();
  state_ = State::ready;
  return std::optional<wire::ToClient>{};
}

}  // namespace prytany::client
