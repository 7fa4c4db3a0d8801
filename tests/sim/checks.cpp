#include "tests/sim/checks.h"

#include "server/wire/client_json.h"
#include "server/wire/frame.h"

namespace prytany::sim {

namespace {

/// The messages of a frame (server/wire/frame.h), whose tag is the receiver's business.
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

}  // namespace

void Checks::frame_left(ReplicaId from, ByteView frame) {
  const auto messages = messages_of(frame);
  if (!messages) {
    violations.add("frames",
                   replica_name(from) + " sent what nobody can read: " + messages.error().reason);
    return;
  }
  for (const wire::PeerMessage& message : *messages) {
    if (const auto* prepare = std::get_if<wire::Signed<wire::Prepare>>(&message)) {
      votes.sent(from, prepare->message);
      views.sent(from, prepare->message);
    } else if (const auto* commit = std::get_if<wire::Signed<wire::Commit>>(&message)) {
      votes.sent(from, commit->message);
      views.sent(from, commit->message);
    } else {
      votes.sent(from, message);
      views.sent(from, message);
    }
    if (const auto* claim = std::get_if<wire::Committed>(&message)) {
      agreement.claimed(from, claim->seq, claim->digest);
    } else if (const auto* own = std::get_if<wire::Signed<wire::Checkpoint>>(&message)) {
      state.signed_checkpoint(from, own->message.seq, own->message.state);
    } else if (const auto* proof = std::get_if<wire::CheckpointProof>(&message)) {
      state.proof(from, *proof);
    }
  }
}

void Checks::text_left(ReplicaId from, std::string_view text) {
  const auto parsed = wire::to_client_json(text);
  if (!parsed) {
    violations.add("frames", replica_name(from) +
                                 " sent a client what nobody can read: " + parsed.error().reason);
    return;
  }
  if (const auto* reply = std::get_if<wire::Reply>(&parsed->message)) {
    replies.replied(from, *reply);
  } else if (const auto* digest = std::get_if<wire::ReplyDigest>(&parsed->message)) {
    replies.replied(from, *digest);
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
}

}  // namespace prytany::sim
