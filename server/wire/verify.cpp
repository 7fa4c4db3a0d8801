#include "server/wire/verify.h"

#include <algorithm>

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

}  // namespace

Verifier::Verifier(Membership group, const Chain* chain)
    : group_(std::move(group)), chain_(chain), verified_(verified_generation_max) {}

Result<std::vector<AuthenticPeerMessage>, Malformed> Verifier::open(ReplicaId sender,
                                                                    const LinkKeys& keys,
                                                                    ByteView frame,
                                                                    ConfigNumber* config) {
  const Result<Parts, Malformed> parts = cut(frame);
  if (!parts) return parts.error();

  // The tag comes before everything that costs: an outsider can make us hash, not parse or verify.
  std::vector<Digest> digests;
  digests.reserve(parts->messages.size());
  for (const ByteView message : parts->messages) digests.push_back(crypto::sha256(message));
  if (!keys.receive.check(frame_tagged_bytes(parts->header, digests), parts->tag))
    return Malformed{"wrong tag"};
  if (chain_ == nullptr && parts->header.config != group_.config)
    return Malformed{"another configuration"};

  const bool foreign = parts->header.config != group_.config;
  if (config != nullptr) *config = parts->header.config;
  std::vector<AuthenticPeerMessage> opened;
  opened.reserve(parts->messages.size());
  std::size_t signatures = 0;
  for (const ByteView bytes : parts->messages) {
    Result<PeerMessage, Malformed> message = decode<PeerMessage>(bytes);
    if (!message) return message.error();
    if (foreign && !crosses_configurations(*message)) continue;
    signatures += signatures_in(*message);
    if (signatures > limits::frame_signatures_max && parts->messages.size() > 1)
      return Malformed{"too many signatures in a frame"};
    if (const char* const reason = refuse_inside(sender, *message)) return Malformed{reason};
    // Whether a vote was signed or not is of no interest behind this door.
    if (auto* prepare = std::get_if<Signed<Prepare>>(&*message)) {
      opened.push_back(AuthenticPeerMessage(sender, PeerMessage(prepare->message)));
    } else if (auto* commit = std::get_if<Signed<Commit>>(&*message)) {
      opened.push_back(AuthenticPeerMessage(sender, PeerMessage(commit->message)));
    } else {
      opened.push_back(AuthenticPeerMessage(sender, std::move(message).value()));
    }
  }
  return opened;
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

const char* Verifier::refuse_inside(ReplicaId sender, const PeerMessage& message) {
  const auto refuse_signed = [&](const auto& content, const char* reason) {
    return verify_signed(group_, sender, content.message, content.signature) ? nullptr : reason;
  };
  return std::visit(
      Overloaded{
          [&](const PrePrepare& m) {
            return check_batch(m.batch) ? nullptr : "wrong signature of a request in a batch";
          },
          [&](const BatchBody& m) {
            return check_batch(m.batch) ? nullptr : "wrong signature of a request in a batch";
          },
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
          [&](const Signed<NewView>& m) { return refuse_new_view(m); },
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
const char* Verifier::refuse_new_view(const Signed<NewView>& m) const {
  const std::size_t n = group_.replica_keys.size();
  const ReplicaId primary{static_cast<std::uint16_t>(n == 0 ? 0 : m.message.view.value % n)};
  if (!verify_signed(group_, primary, m.message, m.signature))
    return "wrong signature of a new-view";
  for (const SignedViewChange& inner : m.message.view_changes) {
    if (!verify_signed(group_, inner.sender, inner.content.message, inner.content.signature))
      return "wrong signature of a view-change in a new-view";
    if (!check_stable(inner.content.message))
      return "no proof of a view-change's checkpoint in a new-view";
  }
  return nullptr;
}

bool Verifier::check_stable(const ViewChange& message) const {
  return !message.stable || check(*message.stable);
}

bool Verifier::check_batch(const Batch& batch) {
  return std::all_of(batch.requests.begin(), batch.requests.end(),
                     [&](const ClientRequest& r) { return may_travel(r); });
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
