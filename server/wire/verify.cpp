#include "server/wire/verify.h"

#include <algorithm>
#include <limits>

namespace prytany::wire {
namespace {

// Some six megabytes for both.
constexpr std::size_t verified_generation_max = 16'384;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

/// A frame cut into its pieces, nothing of it believed yet.
struct Parts {
  FrameHeader header;
  std::vector<ByteView> messages;
  crypto::Tag16 tag{};
};

Result<Parts, Malformed> cut(ByteView frame) {
  const Result<std::size_t, Malformed> length = frame_length(frame);
  if (!length) return length.error();
  if (*length == 0) return Malformed{"truncated"};
  if (*length != frame.size()) return Malformed{"frame of another length than it says"};
  Reader r(frame.subspan(4));
  Parts parts;
  get(r, parts.header);
  if (parts.header.version != wire_version) return Malformed{"another wire version"};
  if (parts.header.count == 0) return Malformed{"empty frame"};
  if (parts.header.count > limits::frame_messages_max)
    return Malformed{"too many messages in a frame"};
  // Every message takes at least its length and one byte.
  if (parts.header.count > r.left() / 5) return Malformed{"truncated"};
  parts.messages.reserve(parts.header.count);
  for (std::size_t i = 0; i < parts.header.count && !r.failed(); ++i)
    parts.messages.push_back(r.take(r.number<std::uint32_t>()));
  get(r, parts.tag);
  if (r.failed()) return Malformed{r.reason()};
  if (!r.empty()) return Malformed{"trailing bytes"};
  return parts;
}

/// What a replica of another configuration may say: nothing that is a vote, or that names a view.
/// Questions, pages that are proven by what was certified, and proofs.
bool crosses_configurations(const PeerMessage& message) {
  return std::holds_alternative<FetchPart>(message) || std::holds_alternative<StatePart>(message) ||
         std::holds_alternative<CheckpointProof>(message) ||
         std::holds_alternative<Status>(message);
}

/// A message is checked in so many parts: one for each request of a batch, and for each VIEW-CHANGE
/// in a NEW-VIEW.
std::size_t parts_in(const PeerMessage& message) {
  if (const auto* proposal = std::get_if<PrePrepare>(&message))
    return std::max<std::size_t>(1, proposal->batch.requests.size());
  if (const auto* body = std::get_if<BatchBody>(&message))
    return std::max<std::size_t>(1, body->batch.requests.size());
  if (const auto* new_view = std::get_if<Signed<NewView>>(&message))
    return 1 + new_view->message.view_changes.size();
  return 1;
}

/// About, in signatures.
std::size_t work_in(const PeerMessage& message, std::size_t part) {
  if (const auto* new_view = std::get_if<Signed<NewView>>(&message))
    return part == 0
               ? 1
               : signatures_in(new_view->message.view_changes.items[part - 1].content.message);
  if (const auto* proof = std::get_if<CheckpointProof>(&message)) return signatures_in(*proof);
  if (const auto* leaves = std::get_if<Signed<ViewChange>>(&message))
    return signatures_in(leaves->message);
  return 1;
}

}  // namespace

Verifier::Verifier(Membership group, const Chain* chain)
    : group_(std::move(group)), chain_(chain), verified_(verified_generation_max) {}

Result<std::vector<AuthenticPeerMessage>, Malformed> Verifier::open(ReplicaId sender,
                                                                    const LinkKeys& keys,
                                                                    ByteView frame,
                                                                    ConfigNumber* config) {
  Result<Opening, Malformed> opening = begin(sender, keys, frame);
  if (!opening) return opening.error();
  if (config != nullptr) *config = opening->config();
  const auto done = go_on(*opening, std::numeric_limits<std::size_t>::max());
  if (!done) return done.error();
  return opening->take();
}

Result<Verifier::Opening, Malformed> Verifier::begin(ReplicaId sender, const LinkKeys& keys,
                                                     ByteView frame) const {
  Result<Parts, Malformed> parts = cut(frame);
  if (!parts) return parts.error();

  // The tag comes before everything that costs: an outsider can make us hash, not parse or verify.
  std::vector<Digest> digests;
  digests.reserve(parts->messages.size());
  for (const ByteView message : parts->messages) digests.push_back(crypto::sha256(message));
  if (!keys.receive.check(frame_tagged_bytes(parts->header, digests), parts->tag))
    return Malformed{"wrong tag"};
  if (chain_ == nullptr && parts->header.config != group_.config)
    return Malformed{"another configuration"};

  Opening opening;
  opening.sender_ = sender;
  opening.config_ = parts->header.config;
  opening.messages_ = std::move(parts->messages);
  opening.opened_.reserve(opening.messages_.size());
  return opening;
}

Result<bool, Malformed> Verifier::go_on(Opening& o, std::size_t work) {
  for (; o.next_ < o.messages_.size(); ++o.next_, o.message_.reset(), o.part_ = 0) {
    if (!o.message_) {
      Result<PeerMessage, Malformed> message = decode<PeerMessage>(o.messages_[o.next_]);
      if (!message) return message.error();
      if (o.config_ != group_.config && !crosses_configurations(*message)) continue;
      o.signatures_ += signatures_in(*message);
      if (o.signatures_ > limits::frame_signatures_max && o.messages_.size() > 1)
        return Malformed{"too many signatures in a frame"};
      o.message_ = std::move(*message);
    }
    for (; o.part_ < parts_in(*o.message_); ++o.part_) {
      if (work == 0) return false;
      work -= std::min(work, work_in(*o.message_, o.part_));
      if (const char* const reason = refuse_inside(o.sender_, *o.message_, o.part_))
        return Malformed{reason};
    }
    // Whether a vote was signed or not is of no interest behind this door.
    if (auto* prepare = std::get_if<Signed<Prepare>>(&*o.message_)) {
      o.opened_.push_back(AuthenticPeerMessage(o.sender_, PeerMessage(prepare->message)));
    } else if (auto* commit = std::get_if<Signed<Commit>>(&*o.message_)) {
      o.opened_.push_back(AuthenticPeerMessage(o.sender_, PeerMessage(commit->message)));
    } else {
      o.opened_.push_back(AuthenticPeerMessage(o.sender_, *std::move(o.message_)));
    }
  }
  return true;
}

Result<AuthenticRequest, Malformed> Verifier::check(ClientRequest request) {
  const Digest digest = request_digest(request.body);
  return check(digest, std::move(request));
}

Result<AuthenticRequest, Malformed> Verifier::check(const Digest& digest, ClientRequest request) {
  if (!check_request(digest, request)) return Malformed{"wrong signature of a request"};
  return AuthenticRequest(digest, std::move(request));
}

Result<AuthenticRequest, Malformed> Verifier::check(const Digest& digest, ClientRequest request,
                                                    const crypto::Mac& key,
                                                    const crypto::Tag16& tag) {
  // Who joins has no session yet, and nothing to save: a join is signed.
  if (!group_.mac_requests || request.body.session == SessionId{0} || request.proof.signature)
    return Malformed{"this request needs a signature"};
  if (!key.check(request_tagged_bytes(group_.cluster, digest), tag))
    return Malformed{"wrong tag of a request"};
  return AuthenticRequest(digest, std::move(request));
}

bool Verifier::check(const CheckpointProof& proof) const {
  return chain_ != nullptr ? chain_->check(proof) : check_proof(group_, proof);
}

const char* Verifier::refuse_inside(ReplicaId sender, const PeerMessage& message,
                                    std::size_t part) {
  const auto refuse_request = [&](const Batch& batch) {
    const bool well = batch.requests.empty() || may_travel(batch.requests.items[part]);
    return well ? nullptr : "wrong signature of a request in a batch";
  };
  const auto refuse_signed = [&](const auto& content, const char* reason) {
    return verify_signed(group_, sender, content.message, content.signature) ? nullptr : reason;
  };
  return std::visit(
      Overloaded{
          [&](const PrePrepare& m) { return refuse_request(m.batch); },
          [&](const BatchBody& m) { return refuse_request(m.batch); },
          [&](const Forward& m) {
            return may_travel(m.request) ? nullptr : "wrong signature of a forwarded request";
          },
          [&](const Signed<Checkpoint>& m) {
            return refuse_signed(m, "wrong signature of a checkpoint");
          },
          [&](const Signed<ViewChange>& m) {
            if (!verify_signed(group_, sender, m.message, m.signature))
              return "wrong signature of a view-change";
            return check_stable(m.message) ? nullptr : "no proof of a view-change's checkpoint";
          },
          [&](const Signed<NewView>& m) { return refuse_new_view(m, part); },
          [&](const CheckpointProof& m) -> const char* {
            return check(m) ? nullptr : "not a proof of a checkpoint";
          },
          [&](const Prepare&) { return refuse_unsigned_vote(); },
          [&](const Commit&) { return refuse_unsigned_vote(); },
          [&](const Signed<Prepare>& m) {
            return refuse_signed(m, "wrong signature of a prepare");
          },
          [&](const Signed<Commit>& m) { return refuse_signed(m, "wrong signature of a commit"); },
          // Questions: the link's tag proves the sender, and nobody else is quoted.
          [](const PrePrepareDigests&) -> const char* { return nullptr; },
          [](const Committed&) -> const char* { return nullptr; },
          [](const Verified&) -> const char* { return nullptr; },
          [](const Status&) -> const char* { return nullptr; },
          [](const FetchBatch&) -> const char* { return nullptr; },
          [](const FetchPart&) -> const char* { return nullptr; },
          [](const StatePart&) -> const char* { return nullptr; },
          [](const AskVotes&) -> const char* { return nullptr; },
          [](const VotesSeen&) -> const char* { return nullptr; },
          [](const Ping&) -> const char* { return nullptr; },
          [](const Pong&) -> const char* { return nullptr; },
          // Clients' words on their way: who is to hear them checks them (server/node/clients.h).
          [](const Relay&) -> const char* { return nullptr; },
          [](const RelayBack&) -> const char* { return nullptr; },
      },
      message);
}

/// The link's tag proves the sender, unless genesis demands more.
const char* Verifier::refuse_unsigned_vote() const {
  return group_.signed_votes ? "a vote without a signature" : nullptr;
}

/// Its primary's signature, whoever brings it: a backup passes it on to those who slept.
const char* Verifier::refuse_new_view(const Signed<NewView>& m, std::size_t part) const {
  if (part > 0) {
    const SignedViewChange& inner = m.message.view_changes.items[part - 1];
    if (!verify_signed(group_, inner.sender, inner.content.message, inner.content.signature))
      return "wrong signature of a view-change in a new-view";
    return check_stable(inner.content.message)
               ? nullptr
               : "no proof of a view-change's checkpoint in a new-view";
  }
  const std::size_t n = group_.replica_keys.size();
  // Before anything is checked: one of them signs what it likes, as often as it likes.
  if (m.message.view_changes.size() > n) return "more view-changes in a new-view than replicas";
  const ReplicaId primary{static_cast<std::uint16_t>(n == 0 ? 0 : m.message.view.value % n)};
  return verify_signed(group_, primary, m.message, m.signature) ? nullptr
                                                                : "wrong signature of a new-view";
}

bool Verifier::check_stable(const ViewChange& message) const {
  return !message.stable || check(*message.stable);
}

bool Verifier::may_travel(const ClientRequest& request) {
  if (request.proof.signature) return check_request(request_digest(request.body), request);
  return group_.mac_requests && request.body.session != SessionId{0};
}

bool Verifier::check_request(const Digest& digest, const ClientRequest& request) {
  if (!request.proof.signature) return false;
  const RequestSignature& signature = *request.proof.signature;
  const crypto::PublicKey& signer = request.body.signer;
  const std::optional<Digest> root = signed_root(digest, signature);
  if (!root) return false;
  const Known* const known = verified_.find(*root);
  if (known != nullptr && known->signer == signer && known->signature.bytes == signature.bytes)
    return true;
  if (!verify_root(group_.cluster, signer, *root, signature)) return false;
  // Only what verified is remembered: forgeries cost their sender a connection, and us no memory.
  verified_.remember(*root, {signer, signature});
  return true;
}

}  // namespace prytany::wire
