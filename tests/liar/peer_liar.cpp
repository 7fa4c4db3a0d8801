#include "tests/liar/peer_liar.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "server/base/log.h"
#include "server/wire/codec.h"
#include "server/wire/signing.h"

namespace prytany::liar {
namespace {

constexpr std::uint64_t unasked_every_us = 20'000;
constexpr std::size_t stories_max = 10'000;

std::vector<wire::PeerMessage> messages_of(ByteView frame, ConfigNumber& config) {
  wire::Reader reader(frame);
  reader.take(sizeof(std::uint32_t) + sizeof(std::uint8_t));
  config = ConfigNumber{reader.number<std::uint64_t>()};
  std::vector<wire::PeerMessage> messages;
  for (unsigned left = reader.number<std::uint16_t>(); left > 0; --left) {
    auto message = wire::decode<wire::PeerMessage>(reader.take(reader.number<std::uint32_t>()));
    ENSURE(message.ok());  // its own node's
    messages.push_back(std::move(*message));
  }
  return messages;
}

template <class... M>
bool is_one_of(const wire::PeerMessage& message) {
  return (std::holds_alternative<M>(message) || ...);
}

}  // namespace

PeerLiar::PeerLiar(Setting setting) : setting_(std::move(setting)) {}

node::Transport& PeerLiar::before(node::Transport& sockets) {
  sockets_ = &sockets;
  return *this;
}
net::Upstream& PeerLiar::before(net::Upstream& node) {
  node_ = &node;
  return *this;
}

/// Keeps the real key for sending, and leaves the node another.
void PeerLiar::link_up(ReplicaId peer, wire::LinkKeys keys) {
  keys_.erase(peer);
  keys_.emplace(peer, std::exchange(keys.send, crypto::Mac(crypto::MacKey{})));
  node_->link_up(peer, std::move(keys));
}
void PeerLiar::link_down(ReplicaId peer) {
  keys_.erase(peer);
  node_->link_down(peer);
}

void PeerLiar::send(ReplicaId to, Bytes frame) {
  std::vector<wire::PeerMessage> leaves;
  for (wire::PeerMessage& message : messages_of(frame, config_)) {
    learn(message);
    if (alter(to, message)) leaves.push_back(std::move(message));
  }
  if (!leaves.empty()) seal(to, leaves);
}

void PeerLiar::learn(const wire::PeerMessage& message) {
  // A proof is worse than one signature.
  const bool proof = is_one_of<wire::CheckpointProof>(message);
  if (proof || (!checkpoint_ && is_one_of<wire::Signed<wire::Checkpoint>>(message)))
    checkpoint_ = message;
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { m.view; } && requires { m.seq; }) {
          view_ = std::max(view_, m.view);
          seq_ = std::max(seq_, m.seq);
        }
      },
      message);
}

void PeerLiar::seal(ReplicaId to, const std::vector<wire::PeerMessage>& messages) {
  const auto key = keys_.find(to);
  if (key == keys_.end()) return;
  std::vector<std::shared_ptr<const wire::EncodedMessage>> encoded;
  for (const wire::PeerMessage& message : messages)
    encoded.push_back(std::make_shared<const wire::EncodedMessage>(wire::encode_message(message)));
  sockets_->send(to, wire::seal(config_, key->second, encoded));
}

void PeerLiar::say(ReplicaId to, const wire::PeerMessage& message) {
  ++told_;
  seal(to, {message});
}

bool PeerLiar::alter(ReplicaId to, wire::PeerMessage& message) {
  const bool proposal = is_one_of<wire::PrePrepare, wire::PrePrepareDigests>(message);
  const bool vote = is_one_of<wire::Prepare, wire::Commit, wire::Signed<wire::Prepare>,
                              wire::Signed<wire::Commit>, wire::Committed>(message);
  if (tells(PeerLie::abstain) && (proposal || vote)) {
    ++told_;
    return false;
  }
  if (tells(PeerLie::withhold) && to == forsaken() &&
      (proposal || is_one_of<wire::BatchBody>(message))) {
    ++told_;
    return false;
  }
  if (tells(PeerLie::equivocate)) equivocate(to, message);
  if (tells(PeerLie::poison) && !poison(message)) return false;
  if (tells(PeerLie::slow) && proposal) {
    ++told_;
    late_.emplace(clock_.now() + setting_.delay_us, Late{to, std::move(message)});
    return false;
  }
  return true;
}

/// Those with odd numbers hear another story: nothing was asked, or the same a little later.
void PeerLiar::equivocate(ReplicaId to, wire::PeerMessage& message) {
  const auto other = [&](auto& proposal, auto empty, auto digest_of) {
    const Digest truth = digest_of(proposal);
    auto lie = proposal;
    if (proposal.seq.value % 2 == 0) empty(lie);
    ++lie.agreed.time.value;
    if (stories_.size() > stories_max) stories_.clear();
    stories_.insert_or_assign(truth, digest_of(lie));
    if (to.value % 2 == 0) return;
    ++told_;
    proposal = std::move(lie);
  };
  if (auto* whole = std::get_if<wire::PrePrepare>(&message)) {
    other(
        *whole, [](auto& m) { m.batch = {}; },
        [](const auto& m) { return wire::batch_digest(m.batch, m.agreed); });
  } else if (auto* named = std::get_if<wire::PrePrepareDigests>(&message)) {
    other(
        *named, [](auto& m) { m.requests = {}; },
        [](const auto& m) { return wire::batch_digest(m.requests.items, m.agreed); });
  }
  std::visit(
      [&](auto& m) {
        if constexpr (requires { m.digest; } && !requires { m.requests; }) {
          const auto told = stories_.find(m.digest);
          if (told != stories_.end() && to.value % 2 == 1) m.digest = told->second;
        }
      },
      message);
}

/// Every second part is bad: with a byte that is not so, or not to be had.
bool PeerLiar::poison(wire::PeerMessage& message) {
  auto* part = std::get_if<wire::StatePart>(&message);
  if (part == nullptr || ++count_ % 2 == 0) return true;
  ++told_;
  if (auto* pages = std::get_if<wire::StatePages>(&part->what);
      pages && !pages->bytes.bytes.empty()) {
    pages->bytes.bytes[count_ % pages->bytes.bytes.size()] ^= 1;
  } else if (auto* nodes = std::get_if<wire::TreeNodes>(&part->what);
             nodes && !nodes->digests.items.empty()) {
    nodes->digests.items.front() = crypto::sha256(as_bytes("no such node"));
  } else if (auto* root = std::get_if<wire::TreeRoot>(&part->what)) {
    root->page_count += 1'000'000;
  } else {
    return count_ % 4 != 1;
  }
  return true;
}

// ---- unasked ------------------------------------------------------------------------------------

Time PeerLiar::deadline() const {
  Time due = late_.empty() ? never : late_.begin()->first;
  if (tells(PeerLie::view_changes) || tells(PeerLie::flood) || tells(PeerLie::fetches) ||
      tells(PeerLie::checkpoints) || tells(PeerLie::heavy))
    due = std::min(due, next_);
  return due;
}

void PeerLiar::tick(Time now) {
  while (!late_.empty() && late_.begin()->first <= now) {
    const Late late = std::move(late_.begin()->second);
    late_.erase(late_.begin());
    seal(late.to, {late.message});
  }
  if (now < next_) return;
  next_ = now + unasked_every_us;
  if (tells(PeerLie::view_changes)) spam_view_changes();
  if (tells(PeerLie::flood)) flood();
  if (tells(PeerLie::fetches)) fetch();
  if (tells(PeerLie::checkpoints)) spam_checkpoints();
  if (tells(PeerLie::heavy)) weigh_down();
}

/// For the next views and for far ones, knowing nothing.
void PeerLiar::spam_view_changes() {
  wire::Membership group;
  group.cluster = setting_.cluster;
  group.config = config_;
  for (const auto& [peer, key] : keys_) {
    wire::ViewChange message;
    message.view = view_ + 1 + (count_ % 3 == 0 ? 1'000'000 : peer.value);
    say(peer, wire::sign(group, setting_.self, setting_.signer, std::move(message)));
  }
  ++count_;
}

/// Small messages, all of them right by their form: votes that nobody needs, words for requests
/// that nobody sent, questions.
void PeerLiar::flood() {
  const std::uint64_t burst = setting_.per_second * unasked_every_us / 1'000'000;
  for (const auto& [peer, key] : keys_) {
    std::vector<wire::PeerMessage> all;
    for (std::uint64_t i = 0; i < burst; ++i) {
      const Digest nobodys = crypto::sha256(as_bytes(std::to_string(++count_)));
      switch (count_ % 5) {
        case 0: all.emplace_back(wire::Prepare{view_, seq_ + count_ % 300, nobodys}); break;
        case 1:
          all.emplace_back(wire::Commit{view_ + count_ % 3, seq_ + count_ % 300, nobodys});
          break;
        case 2: all.emplace_back(wire::Verified{{{nobodys}}}); break;
        case 3: all.emplace_back(wire::Committed{seq_ + count_ % 300, nobodys}); break;
        default: all.emplace_back(wire::Status{view_, view_, Seq{0}, Seq{0}, {}}); break;
      }
    }
    told_ += all.size();
    if (!all.empty()) seal(peer, all);
  }
}

/// All of them true, and each some fifty microseconds or more of who must check it.
void PeerLiar::spam_checkpoints() {
  if (!checkpoint_) return;
  const std::uint64_t burst = setting_.per_second * unasked_every_us / 1'000'000;
  for (const auto& [peer, key] : keys_) {
    const std::vector<wire::PeerMessage> all(burst, *checkpoint_);
    told_ += all.size();
    if (!all.empty()) seal(peer, all);
  }
}

/// Fifty milliseconds of work each: greetings, as if of clients, and signatures.
void PeerLiar::weigh_down() {
  wire::Relay greetings;
  for (std::uint64_t i = 0; i < limits::relayed_max; ++i) {
    const Digest random = crypto::sha256(as_bytes(std::to_string(++count_)));
    greetings.items.items.push_back({i, wire::ClientHello{setting_.cluster, random.bytes, {}}});
  }
  say(forsaken(), greetings);
  if (!checkpoint_) return;
  const std::size_t signatures = wire::signatures_in(*checkpoint_);
  seal(forsaken(),
       std::vector<wire::PeerMessage>(limits::frame_signatures_max / signatures, *checkpoint_));
  ++told_;
}

/// Whole pages, and batches of the window, over and over.
void PeerLiar::fetch() {
  constexpr int questions = 64;
  for (const auto& [peer, key] : keys_) {
    std::vector<wire::PeerMessage> all;
    for (int i = 0; i < questions; ++i) {
      wire::PagesWish pages;
      for (std::uint32_t page = 0; page < limits::pages_per_part_max; ++page)
        pages.indexes.items.push_back(page);
      const std::uint64_t checkpoint =
          seq_.value - seq_.value % limits::checkpoint_interval_default;
      all.emplace_back(wire::FetchPart{Seq{checkpoint}, ++count_, pages});
      wire::Status behind{view_, view_, Seq{0}, Seq{checkpoint}, {}};
      all.emplace_back(behind);
      all.emplace_back(wire::AskVotes{Seq{0}});
      all.emplace_back(wire::Ping{count_});
    }
    told_ += all.size();
    seal(peer, all);
  }
}

}  // namespace prytany::liar
