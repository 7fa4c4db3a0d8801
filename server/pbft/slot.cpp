#include "server/pbft/slot.h"

#include <set>

namespace prytany::pbft {

Body make_body(wire::Batch batch, wire::Agreed agreed) {
  std::vector<Digest> requests;
  requests.reserve(batch.requests.size());
  for (const wire::ClientRequest& request : batch.requests)
    requests.push_back(wire::request_digest(request.body));
  return make_body(std::move(batch), std::move(agreed), std::move(requests));
}

Body make_body(wire::Batch batch, wire::Agreed agreed, std::vector<Digest> requests) {
  const Digest digest = wire::batch_digest(requests, agreed);
  return {std::move(batch), std::move(agreed), digest, std::move(requests)};
}

const Body& null_body() {
  static const Body null = make_body({}, {}, {});
  return null;
}

std::optional<Refusal> Slot::refuse_pre_prepare(const Digest& digest) const {
  // Section 4.2: a backup accepts one PRE-PREPARE per view and number.
  if (proposed_) return *proposed_ == digest ? Refusal::repeated : Refusal::conflicting_pre_prepare;
  // Section 4.4: in this view the number belongs to what its NEW-VIEW chose.
  if (chosen_ && *chosen_ != digest) return Refusal::conflicting_pre_prepare;
  if (committed_ && *committed_ != digest) return Refusal::conflicting_pre_prepare;
  if (announced && *announced != digest) return Refusal::conflicting_pre_prepare;
  return std::nullopt;
}

void Slot::hold(Body body) {
  ENSURE(!refuse_pre_prepare(body.digest));
  proposed_ = body.digest;
  supply(std::move(body));
}

void Slot::choose(const Digest& digest) {
  ENSURE(!refuse_pre_prepare(digest));
  chosen_ = digest;
  if (body(digest) != nullptr) proposed_ = digest;
}

bool Slot::prepared(const Group& group) const {
  return accepted() && prepares.count(*proposed_) >= group.quorum();
}

std::optional<Digest> Slot::decided(const Group& group) const {
  if (auto digest = commits.winner(group.quorum())) return digest;
  return told.winner(group.weak_quorum());
}

bool Slot::awaited(const Group& group) const {
  if (proposed_ || chosen_ || committed_ || announced) return true;
  if (prepares.size() + commits.size() + told.size() < group.weak_quorum()) return false;
  std::set<ReplicaId> speakers;
  for (const VoteSet<Digest>* votes : {&prepares, &commits, &told})
    for (const auto& vote : *votes) speakers.insert(vote.from);
  return speakers.size() >= group.weak_quorum();
}

void Slot::set_committed(const Digest& digest) {
  // Agreement: one digest per number, forever.
  ENSURE(!committed_ || *committed_ == digest);
  committed_ = digest;
}

void Slot::supply(Body body) {
  if (this->body(body.digest) == nullptr) bodies_.push_back(std::move(body));
}

const Body* Slot::body(const Digest& digest) const {
  for (const Body& body : bodies_)
    if (body.digest == digest) return &body;
  return digest == null_body().digest ? &null_body() : nullptr;
}

void Slot::set_recorded(const Digest& digest) {
  for (Body& body : bodies_)
    if (body.digest == digest) body.recorded = true;
}

std::optional<Digest> Slot::missing() const {
  for (const auto& wanted : {committed_, chosen_})
    if (wanted && body(*wanted) == nullptr) return wanted;
  return std::nullopt;
}

}  // namespace prytany::pbft
