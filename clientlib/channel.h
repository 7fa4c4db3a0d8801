// Channel: one connection to one replica, from its opening to its end, without the socket. It
// greets, checks that the replica holds the key genesis names, and lets through only what that
// replica said.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "clientlib/cluster_view.h"
#include "server/crypto/mac.h"
#include "server/wire/client_messages.h"

namespace prytany::client {

/// Fills the span with random bytes: the operating system's, or a simulator's seed.
using Entropy = std::function<void(std::span<std::uint8_t>)>;

template <std::size_t N>
std::array<std::uint8_t, N> draw(const Entropy& entropy) {
  std::array<std::uint8_t, N> out{};
  entropy(out);
  return out;
}

class Channel {
 public:
  /// asking: its hello is of another key or a newer configuration than is known: it may prove it.
  enum class State { down, connecting, greeting, asking, ready };

  Channel(std::shared_ptr<const ClusterView> cluster, ReplicaId replica);

  /// The host was asked for a connection.
  void connecting() { state_ = State::connecting; }
  /// It stands. Returns the hello to send.
  wire::ClientHello hello(const Entropy& entropy);
  std::string greet(const Entropy& entropy);  // as JSON
  void down();
  /// Says that we hold this session key, so that its requests may come with tags. Requires:
  /// ready().
  [[nodiscard]] wire::SpeakFor speaking_for(const crypto::Signer& session) const;
  [[nodiscard]] std::string speak_for(const crypto::Signer& session) const;  // as JSON
  /// For the replica alone, instead of a signature. Requires: ready().
  [[nodiscard]] crypto::Tag16 tag(const Digest& request) const;
  /// The same for a read that is not ordered.
  [[nodiscard]] crypto::Tag16 fast_read_tag(const Digest& read) const;
  /// Asks for the changes after `after`, or after the newest. Requires: ready().
  [[nodiscard]] std::string subscribe(const crypto::Signer& session,
                                      const wire::SubscribeBody& body,
                                      std::optional<std::uint64_t> after) const;
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool ready() const { return state_ == State::ready; }
  /// What it names has been replaced: nothing that it says counts, were it honest or not. For
  /// whoever holds a key that has been replaced can be anybody.
  [[nodiscard]] bool behind() const { return configuration_ < cluster_->configuration(); }

  /// The replica's next message, proven to be its own; nothing for the hello that makes the channel
  /// ready. A Malformed says why this connection deserves no more trust and must be closed.
  Result<std::optional<wire::ToClient>, wire::Malformed> open(std::string_view text);
  /// The same for what came by another road.
  Result<std::optional<wire::ToClient>, wire::Malformed> hear(wire::ToClient message,
                                                              std::optional<crypto::Tag16> tag);
  /// The replica said this. Requires: ready().
  [[nodiscard]] bool check(const wire::ToClient& message, const crypto::Tag16& tag) const;
  /// What open() wants to have sent; nothing most often. Once.
  std::optional<std::string> take_question() { return std::exchange(question_, std::nullopt); }

 private:
  struct Greeting {
    wire::ClientHello hello;
    crypto::DhSecret secret;
  };
  using Opened = Result<std::optional<wire::ToClient>, wire::Malformed>;
  Opened finish(const wire::ServerHello& server);
  Opened ask(const wire::ServerHello& server);

  std::shared_ptr<const ClusterView> cluster_;
  ReplicaId replica_;
  State state_ = State::down;
  std::optional<Greeting> greeting_;
  std::optional<wire::ServerHello> doubted_;  // while asking
  ConfigNumber asked_above_;                  // what was known then
  ConfigNumber configuration_;                // by its last hello
  std::optional<std::string> question_;
  std::optional<crypto::Mac> mac_;
  Digest hello_;  // of what both said in it
};

}  // namespace prytany::client
