// What comes in on a line between replicas: the handshake, with somebody on the way who changes
// what both say; then frames, from anybody (wrong tags) and from a member whose key is right and
// whose messages are whatever it likes, signed by itself where they are signed.
#include "server/wire/verify.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

using wire::Handshake;

const wire::Membership& members() {
  static const wire::Membership group = vectors::membership();
  return group;
}
const wire::Chain& chain_of_two() {
  static const wire::Chain chain = [] {
    wire::Chain made(members());
    ENSURE(made.extend(vectors::configuration_link()) == nullptr);
    return made;
  }();
  return chain;
}

/// One side of a connection, and what it has not used up of what it was sent.
struct End {
  Handshake handshake;
  Bytes heard = {};
  bool done = false;
  bool over = false;

  /// Its answer.
  Bytes hear(const Bytes& bytes) {
    heard.insert(heard.end(), bytes.begin(), bytes.end());
    Bytes said;
    while (!done && !over) {
      const auto step = handshake.on_bytes(heard);
      if (!step || step->over != nullptr) {
        over = true;
        if (step) said.insert(said.end(), step->send.begin(), step->send.end());
        break;
      }
      ENSURE(step->consumed <= heard.size());
      ENSURE(step->consumed == 0 || step->consumed <= wire::handshake_bytes_max);
      said.insert(said.end(), step->send.begin(), step->send.end());
      heard.erase(heard.begin(), heard.begin() + static_cast<std::ptrdiff_t>(step->consumed));
      done = step->done;
      if (step->consumed == 0) break;
    }
    // What a stranger can make us keep.
    ENSURE(over || done || heard.size() < wire::handshake_bytes_max + 65'536);
    return said;
  }
};

/// The one on the way. True if what arrives is not what was sent.
bool tamper(Input& input, Bytes& bytes) {
  const Bytes sent = bytes;
  switch (input.below(6)) {
    case 0:
    case 1: break;
    case 2:
      if (!bytes.empty())
        bytes[(std::size_t{input.byte()} << 8 | input.byte()) % bytes.size()] ^= input.byte();
      break;
    case 3: bytes.resize(std::min<std::size_t>(bytes.size(), input.byte())); break;
    case 4: bytes = to_bytes(input.chunk()); break;
    default: {
      const ByteView more = input.chunk();
      bytes.insert(bytes.begin(), more.begin(), more.end());
    }
  }
  return bytes != sent;
}

void meet(Input& input) {
  const bool with_chain = input.maybe();
  // With its newer key in the newer configuration, as a replica that was replaced would not.
  static const wire::Membership later = chain_of_two().membership(chain_of_two().newest());
  static const wire::Chain old_chain(members());
  static const crypto::Signer zero = vectors::replica_signer(0);
  static const crypto::Signer two = vectors::replica_signer(2);
  End dialler{Handshake(members(), zero, ReplicaId{0}, ReplicaId{2}, std::string(vectors::engine),
                        vectors::link_entropy(0), with_chain ? &old_chain : nullptr)};
  End acceptor{Handshake(with_chain ? later : members(), two, ReplicaId{2}, std::nullopt,
                         std::string(vectors::engine), vectors::link_entropy(1),
                         with_chain ? &chain_of_two() : nullptr)};
  bool altered = false;
  Bytes said = dialler.handshake.start();
  for (int flight = 0; flight < 6; ++flight) {
    altered = tamper(input, said) || altered;
    said = (flight % 2 == 0 ? acceptor : dialler).hear(said);
    if (said.empty() && input.empty()) break;
  }
  // Proofs cover both hellos: who is done met the other, and no one else.
  if (dialler.done) ENSURE(dialler.handshake.peer() == ReplicaId{2});
  if (acceptor.done) ENSURE(acceptor.handshake.peer() == ReplicaId{0});
  if (with_chain) ENSURE(!dialler.done && !acceptor.done);
  if (!with_chain && !altered) ENSURE(dialler.done && acceptor.done);
  if (!dialler.done || !acceptor.done) return;
  const wire::LinkKeys mine = dialler.handshake.take_keys();
  const wire::LinkKeys theirs = acceptor.handshake.take_keys();
  const Bytes word{1, 2, 3};
  ENSURE(theirs.receive.check(word, mine.send.tag(word)));
}

/// As replica 1 would sign it, which sends it.
void sign_anew(wire::PeerMessage& message) {
  static const crypto::Signer key = vectors::replica_signer(1);
  std::visit(
      [](auto& m) {
        if constexpr (requires { m.signature; })
          m = wire::sign(members(), vectors::peer_sender, key, m.message);
      },
      message);
}

void open_frame(Input& input, bool raw) {
  static const wire::LinkKeys theirs = vectors::keys_of_one();
  static const wire::LinkKeys mine = vectors::keys_of_zero();
  const std::uint8_t options = input.byte();
  Bytes frame;
  if (raw) {
    frame = to_bytes(input.rest());
  } else {
    std::vector<std::shared_ptr<const wire::EncodedMessage>> messages;
    do {
      Bytes bytes = to_bytes(input.chunk());
      if (auto message = wire::decode<wire::PeerMessage>(bytes); message && (options & 1) != 0) {
        sign_anew(*message);
        bytes = wire::encode(*message);
      }
      const Digest digest = crypto::sha256(bytes);
      messages.push_back(std::make_shared<const wire::EncodedMessage>(
          wire::EncodedMessage{std::move(bytes), digest}));
    } while (!input.empty() && messages.size() < limits::frame_messages_max);
    frame = wire::seal(ConfigNumber{(options & 2) != 0 ? 1U : 0U}, theirs.send, messages);
  }
  const auto length = wire::frame_length(frame);
  if (!length || *length == 0 || *length > frame.size()) return;
  wire::Membership group = members();
  group.mac_requests = (options & 4) != 0;
  group.signed_votes = (options & 8) != 0;
  wire::Verifier verifier(group, (options & 16) != 0 ? &chain_of_two() : nullptr);
  const auto opened = verifier.open(vectors::peer_sender, mine, ByteView(frame).first(*length));
  if (!opened) return;
  ENSURE(!raw || !opened->empty());
  for (const wire::AuthenticPeerMessage& message : *opened) {
    ENSURE(message.sender() == vectors::peer_sender);
    // Whatever is behind the door unsigned and must be signed was signed.
    if (const auto* proof = std::get_if<wire::CheckpointProof>(&*message))
      ENSURE(verifier.check(*proof));
    ENSURE(!std::holds_alternative<wire::Signed<wire::Prepare>>(*message));
    (void)wire::name_of(*message);
  }
}

void run_links(ByteView bytes) {
  Input input(bytes);
  const unsigned what = input.below(4);
  if (what == 0) return meet(input);
  open_frame(input, what == 1);
}

std::vector<Bytes> seeds_of_links() {
  std::vector<Bytes> out;
  for (std::uint8_t chained = 0; chained < 2; ++chained) out.push_back({0, chained});
  for (std::uint8_t kind = 0; kind < 6; ++kind)
    out.push_back({0, 0, 0, kind, 0, 7, 1, 0, 3, 1, 2, 3});
  for (const auto& [name, message] : vectors::peer_messages()) {
    Bytes seed{2, 1};
    put_chunk(seed, wire::encode(message));
    out.push_back(seed);
    seed[1] = 16 + 8 + 2;  // of the next configuration
    out.push_back(seed);
  }
  const auto encoded = std::make_shared<const wire::EncodedMessage>(
      wire::encode_message(vectors::peer_messages().front().second));
  out.push_back({1, 0});
  const Bytes frame = wire::seal(ConfigNumber{0}, vectors::keys_of_one().send, {{encoded}});
  out.back().insert(out.back().end(), frame.begin(), frame.end());
  return out;
}

}  // namespace

const Target links{"links", run_links, seeds_of_links};

}  // namespace prytany::fuzz
