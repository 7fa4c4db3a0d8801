// Requests sent by their clients to all, and proposed by their digests (Castro & Liskov, TOCS 2002,
// section 5.1.5: separate request transmission; docs/design.md section 4, big requests). What
// Practicality section 2.4 saw go wrong is a replica that missed a body and could not execute: here
// it asks for the batch before it votes, so that who is prepared holds what will be executed, and
// nobody waits for a checkpoint.
#include <algorithm>
#include <set>

#include "server/pbft/core.h"

namespace prytany::pbft {

void Replica::Core::announce(const wire::PrePrepare& message, const std::vector<Digest>& requests,
                             bool at_once) {
  if (!config_.bodies_apart || requests.empty()) return broadcast(message, at_once);
  broadcast(wire::PrePrepareDigests{message.view, message.seq, {requests}, message.agreed},
            at_once);
}

/// A name is cheap and stands for up to a mebibyte: a liar who names much, or one request often,
/// must not make us build what no frame could have brought.
bool Replica::Core::fits(const wire::PrePrepareDigests& message) const {
  std::set<Digest> named;
  std::size_t bytes = 0;
  for (const Digest& digest : message.requests) {
    if (!named.insert(digest).second) return false;
    const wire::ClientRequest* request = find_waiting(digest);
    if (request != nullptr) bytes += request->body.operation.bytes.size();
  }
  return bytes <= limits::batch_bytes_max;
}

const wire::ClientRequest* Replica::Core::find_waiting(const Digest& digest) const {
  const wire::ClientRequest* request = backlog_.find(digest);
  return request != nullptr ? request : vouching_.find(digest);
}

/// All of them, if they wait here.
std::optional<wire::Batch> Replica::Core::gather(const wire::PrePrepareDigests& message) const {
  std::vector<wire::ClientRequest> requests;
  requests.reserve(message.requests.size());
  for (const Digest& digest : message.requests) {
    const wire::ClientRequest* request = find_waiting(digest);
    if (request == nullptr) return std::nullopt;
    requests.push_back(*request);
  }
  return wire::Batch{{std::move(requests)}};
}

void Replica::Core::on(ReplicaId from, wire::PrePrepareDigests message) {
  const Seq seq = message.seq;
  const wire::PrePrepare whole{message.view, seq, {}, message.agreed};
  // What refuses a PRE-PREPARE refuses this one, whatever is in it.
  if (refuse(from, whole)) return on(from, whole);
  if (!fits(message)) return drop(Refusal::batch_unfit, "pre-prepare n", seq, " from r", from);
  if (auto batch = gather(message))
    return on(from, wire::PrePrepare{message.view, seq, *std::move(batch), message.agreed});
  Slot& slot = window_.at(seq);
  const Digest digest = wire::batch_digest(message.requests.items, message.agreed);
  auto refusal = slot.refuse_pre_prepare(digest);
  if (!refusal && others_vote_against(slot, digest)) refusal = Refusal::conflicting_pre_prepare;
  if (refusal) return drop(*refusal, "pre-prepare n", seq, " from r", from);
  if (const Body* held = slot.body(digest))
    return on(from, wire::PrePrepare{message.view, seq, held->batch, held->agreed});
  slot.announced = digest;
  proposed_ = std::max(proposed_, seq);
  in_use(seq, slot);
  // Whoever proposed it holds it.
  slot.asked = {from, digest};
  trace("pre-prepare n", seq, " names requests that are not here -> ask r", from, " for them");
  send(from, wire::FetchBatch{seq, digest}, true);
}

}  // namespace prytany::pbft
