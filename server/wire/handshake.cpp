#include "server/wire/handshake.h"

namespace prytany::wire {
namespace {

constexpr std::size_t handshake_message_bytes_max = 1024;
/// One link of a group of 128 has some 10 KiB.
constexpr std::size_t news_bytes_max = 16 << 10;

template <class M>
void put_message(Bytes& out, const M& message) {
  const Bytes encoded = encode(message);
  Writer w(std::move(out));
  w.number(static_cast<std::uint32_t>(encoded.size()));
  w.raw(encoded);
  out = std::move(w).take();
}

/// The length-prefixed message at the front of `bytes`; an empty view when more bytes are needed.
Result<ByteView, Malformed> front_message(ByteView bytes, std::size_t bytes_max) {
  if (bytes.size() < 4) return ByteView{};
  Reader r(bytes);
  const std::size_t size = r.number<std::uint32_t>();
  if (size == 0 || size > bytes_max) return Malformed{"handshake message of a wrong length"};
  if (r.left() < size) return ByteView{};
  return r.take(size);
}

void put_both(Writer& w, const LinkHello& one, const LinkHello& other) {
  put(w, one.from < other.from ? one : other);
  put(w, one.from < other.from ? other : one);
}

}  // namespace

Bytes link_signed_bytes(const LinkHello& one, const LinkHello& other, ReplicaId from) {
  Writer w;
  put_domain(w, "prytany link");
  put_both(w, one, other);
  put(w, from);
  return std::move(w).take();
}

std::optional<crypto::MacKey> link_key(const crypto::DhSecret& mine, const crypto::DhPublic& theirs,
                                       const LinkHello& one, const LinkHello& other, ReplicaId from,
                                       ReplicaId to) {
  const auto shared = mine.agree(theirs);
  if (!shared) return std::nullopt;
  Writer w;
  put_both(w, one, other);
  const std::string info =
      "prytany link " + std::to_string(from.value) + " " + std::to_string(to.value);
  return crypto::hkdf(*shared, crypto::sha256(w.view()).view(), info);
}

Handshake::Handshake(const Membership& group, const crypto::Signer& self, ReplicaId self_id,
                     std::optional<ReplicaId> peer, std::string engine, const Entropy& entropy,
                     const Chain* chain)
    : group_(group), chain_(chain), signer_(self), secret_(entropy.dh_seed), peer_(peer) {
  ENSURE(self_id.value < group.replica_keys.size());
  ENSURE(!peer || (*peer != self_id && peer->value < group.replica_keys.size()));
  ENSURE(engine.size() <= limits::name_bytes_max);
  mine_.cluster = group.cluster;
  mine_.config = group.config;
  mine_.from = self_id;
  if (peer) mine_.to = *peer;
  mine_.key = secret_.public_key();
  mine_.nonce = entropy.nonce;
  mine_.engine.text = std::move(engine);
}

Bytes Handshake::start() {
  ENSURE(peer_.has_value() && !hello_sent_);
  hello_sent_ = true;
  Bytes out;
  put_message(out, mine_);
  return out;
}

Result<Handshake::Step, Malformed> Handshake::on_bytes(ByteView bytes) {
  ENSURE(!done_ && !failed_);
  const Result<ByteView, Malformed> message =
      front_message(bytes, behind_ ? handshake_bytes_max - 4 : handshake_message_bytes_max);
  if (!message) return fail(message.error().reason);
  Step step;
  if (message->empty()) return step;
  step.consumed = 4 + message->size();
  const char* const reason = behind_   ? on_news(*message, step)
                             : theirs_ ? on_proof(*message)
                                       : on_hello(*message, step);
  if (reason != nullptr) return fail(reason);
  step.done = done_;
  return step;
}

Malformed Handshake::fail(const char* reason) {
  failed_ = true;
  return Malformed{reason};
}

const char* Handshake::on_hello(ByteView message, Step& step) {
  // The version first: of another version, the rest may look different.
  if (message.front() != wire_version) return "another wire version";
  const Result<LinkHello, Malformed> hello = decode<LinkHello>(message);
  if (!hello) return hello.error().reason;
  if (hello->cluster != group_.cluster) return "another cluster";
  if (hello->config != group_.config) return on_other_configuration(hello->config, step);
  if (hello->engine != mine_.engine) return "another SQLite engine";
  if (hello->from.value >= group_.replica_keys.size()) return "not a member";
  if (hello->from == mine_.from) return "my own name";
  if (hello->to != mine_.from) return "meant for another replica";
  if (peer_ && hello->from != *peer_) return "not the replica that was called";

  peer_ = hello->from;
  mine_.to = hello->from;
  theirs_ = *hello;
  const auto sending = link_key(secret_, theirs_->key, mine_, *theirs_, mine_.from, *peer_);
  const auto receiving = link_key(secret_, theirs_->key, mine_, *theirs_, *peer_, mine_.from);
  if (!sending || !receiving) return "ephemeral key of small order";
  keys_ = LinkKeys{crypto::Mac(*sending), crypto::Mac(*receiving)};

  if (!hello_sent_) {
    hello_sent_ = true;
    put_message(step.send, mine_);
  }
  put_message(step.send, LinkProof{signer_.sign(link_signed_bytes(mine_, *theirs_, mine_.from))});
  return nullptr;
}

/// Each side says hello, and then the one that knows more tells the other.
const char* Handshake::on_other_configuration(ConfigNumber theirs, Step& step) {
  if (chain_ == nullptr) return "another configuration";
  if (!hello_sent_) {
    hello_sent_ = true;
    put_message(step.send, mine_);
  }
  if (theirs > group_.config) {
    behind_ = true;
    return nullptr;
  }
  put_message(step.send, chain_->links_above(theirs, news_bytes_max));
  step.over = "the peer is of an older configuration: it is told of this one";
  return nullptr;
}

const char* Handshake::on_news(ByteView message, Step& step) {
  Result<ConfigurationLinks, Malformed> news = decode<ConfigurationLinks>(message);
  if (!news) return news.error().reason;
  step.news = std::move(*news);
  step.over = "there is a newer configuration";
  return nullptr;
}

const char* Handshake::on_proof(ByteView message) {
  const Result<LinkProof, Malformed> proof = decode<LinkProof>(message);
  if (!proof) return proof.error().reason;
  if (!crypto::verify(group_.replica_keys[peer_->value], link_signed_bytes(mine_, *theirs_, *peer_),
                      proof->signature))
    return "wrong signature of a handshake";
  done_ = true;
  return nullptr;
}

ReplicaId Handshake::peer() const {
  ENSURE(done_);
  return *peer_;
}

LinkKeys Handshake::take_keys() {
  ENSURE(done_ && keys_.has_value());
  LinkKeys keys = std::move(*keys_);
  keys_.reset();
  return keys;
}

}  // namespace prytany::wire
