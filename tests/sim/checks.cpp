#include "tests/sim/checks.h"

#include <algorithm>

#include "server/wire/client_json.h"
#include "server/wire/frame.h"

namespace prytany::sim {

Result<std::vector<wire::PeerMessage>, wire::Malformed> messages_of(ByteView frame) {
  wire::Reader reader(frame);
  reader.take(sizeof(std::uint32_t) + sizeof(std::uint8_t) + sizeof(std::uint64_t));
  std::vector<wire::PeerMessage> messages;
  for (unsigned left = reader.number<std::uint16_t>(); left > 0 && !reader.failed(); --left) {
    auto message = wire::decode<wire::PeerMessage>(reader.take(reader.number<std::uint32_t>()));
    if (!message) return message.error();
    messages.push_back(std::move(*message));
  }
  if (reader.failed()) return wire::Malformed{reader.reason()};
  return messages;
}

std::string describe_frame(ByteView frame) {
  const auto messages = messages_of(frame);
  if (!messages) return "what nobody can read";
  std::string text;
  for (const wire::PeerMessage& message : *messages) {
    text += (text.empty() ? "" : ", ") + std::string(wire::name_of(message));
    std::visit(
        [&](const auto& m) {
          if constexpr (requires { m.message.view; })
            text += " v" + std::to_string(m.message.view.value);
          if constexpr (requires { m.message.seq; })
            text += " n" + std::to_string(m.message.seq.value);
          if constexpr (requires { m.view; }) text += " v" + std::to_string(m.view.value);
          if constexpr (requires { m.seq; }) text += " n" + std::to_string(m.seq.value);
        },
        message);
  }
  return text;
}

void Checks::born(ReplicaId id) {
  synced(id);
  forgetful.erase(id);
  votes.born(id);
  views.born(id);
  progress.forgot(id, Seq{0});
}

void Checks::synced(ReplicaId by) { last_frames_.erase(by); }

void Checks::recovered(ReplicaId by, const pbft::Recovered& recovered, Seq image) {
  synced(by);
  leaving.started(by);
  lies.started(by);
  answers.started(by);
  refusals.started(by);
  if (forgetful.contains(by)) return progress.forgot(by, image);
  votes.recovered(by, recovered);
  views.recovered(by, recovered);
  damaged.contains(by) ? progress.forgot(by, image) : progress.started(by, image);
}

/// A quorum's COMMITs decide, whoever sent them (view_checker.h); nothing else that a liar says is
/// of any account.
void Checks::commits_left(ReplicaId from, const std::vector<wire::PeerMessage>& messages) {
  for (const wire::PeerMessage& message : messages) {
    if (std::holds_alternative<wire::Commit>(message)) views.sent(from, message);
    if (const auto* vote = std::get_if<wire::Signed<wire::Commit>>(&message))
      views.sent(from, vote->message);
  }
}

void Checks::frame_left(ReplicaId from, ByteView frame) {
  if (frame.size() > sizeof(crypto::Tag16)) {
    const ByteView untagged = frame.first(frame.size() - sizeof(crypto::Tag16));
    Bytes& last = last_frames_[from];
    if (std::ranges::equal(untagged, last)) return;
    last.assign(untagged.begin(), untagged.end());
  }
  const auto messages = messages_of(frame);
  if (!messages) {
    if (byzantine.contains(from)) return;
    violations.add("frames",
                   replica_name(from) + " sent what nobody can read: " + messages.error().reason);
    return;
  }
  if (byzantine.contains(from)) return commits_left(from, *messages);
  wire::Reader header(frame.subspan(sizeof(std::uint32_t) + sizeof(std::uint8_t)));
  const ConfigNumber config{header.number<std::uint64_t>()};
  proofs.left(from, config, *messages);
  const auto voted = [&](const wire::PeerMessage& vote) {
    std::visit(
        [&](const auto& m) {
          if constexpr (requires { m.view; } && requires { m.seq; })
            configurations.voted(from, config, m.seq);
        },
        vote);
    if (!forgetful.contains(from)) votes.sent(from, vote);
    if (const auto* prepare = std::get_if<wire::Prepare>(&vote)) lies.votes(from, *prepare);
    views.sent(from, vote);
  };
  for (const wire::PeerMessage& message : *messages) {
    if (const auto* prepare = std::get_if<wire::Signed<wire::Prepare>>(&message)) {
      voted(prepare->message);
    } else if (const auto* commit = std::get_if<wire::Signed<wire::Commit>>(&message)) {
      voted(commit->message);
    } else {
      voted(message);
    }
    if (const auto* words = std::get_if<wire::Verified>(&message); words && missed.watches())
      for (const Digest& request : words->requests) missed.vouched(from, request);
    if (const auto* back = std::get_if<wire::RelayBack>(&message))
      for (const wire::RelayedVoice& said : back->items)
        if (const auto* digest = std::get_if<wire::ReplyDigest>(&said.voice.message))
          replies.replied(from, *digest);
    if (const auto* claim = std::get_if<wire::Committed>(&message)) {
      agreement.claimed(from, claim->seq, claim->digest);
    } else if (const auto* own = std::get_if<wire::Signed<wire::Checkpoint>>(&message)) {
      state.signed_checkpoint(from, own->message.seq, own->message.state);
    } else if (const auto* proof = std::get_if<wire::CheckpointProof>(&message)) {
      state.proof(from, *proof);
    }
  }
}

void Checks::text_left(ReplicaId from, node::ConnectionId to, std::string_view text,
                       bool to_honest) {
  const auto parsed = wire::to_client_json(text);
  if (!parsed) {
    violations.add("frames", replica_name(from) +
                                 " sent a client what nobody can read: " + parsed.error().reason);
    return;
  }
  if (const auto* bundle = std::get_if<wire::Bundle>(&parsed->message)) {
    byzantine.contains(from) ? replies.offered(bundle->reply)
                             : replies.replied(from, bundle->reply);
  } else if (const auto* passed = std::get_if<wire::PassedBack>(&parsed->message)) {
    if (!byzantine.contains(from)) answers.passed_back(from, to, *passed);
  } else if (const auto* refused = std::get_if<wire::Refused>(&parsed->message)) {
    if (to_honest) refusals.refused(from, *refused);
  } else if (const auto* read = std::get_if<wire::FastReadReply>(&parsed->message)) {
    views.answered_from(from, read->executed);
  } else if (const auto* named = std::get_if<wire::FastReadDigest>(&parsed->message)) {
    views.answered_from(from, named->executed);
  } else if (byzantine.contains(from)) {
    if (const auto* reply = std::get_if<wire::Reply>(&parsed->message)) replies.offered(*reply);
  } else if (const auto* reply = std::get_if<wire::Reply>(&parsed->message)) {
    replies.replied(from, *reply);
  } else if (const auto* digest = std::get_if<wire::ReplyDigest>(&parsed->message)) {
    replies.replied(from, *digest);
  } else if (const auto* found = std::get_if<wire::IdentityTokenReply>(&parsed->message)) {
    identities.found(replica_name(from), *found);
  }
}

void Checks::client_text_left(std::string_view text) {
  const auto parsed = wire::from_client_json(text);
  if (!parsed) {
    violations.add("frames",
                   std::string("a client sent what nobody can read: ") + parsed.error().reason);
    return;
  }
  if (const auto* submit = std::get_if<wire::SubmitRequest>(&*parsed))
    agreement.issued(wire::request_digest(submit->request.body));
  if (const auto* bundled = std::get_if<wire::BundleRequest>(&*parsed))
    agreement.issued(wire::request_digest(bundled->request.body));
}

}  // namespace prytany::sim
