#include "tests/fuzz/speaker.h"

#include <limits>

#include "tests/play/group.h"

namespace prytany::fuzz {
namespace {

constexpr std::size_t remembered_max = 64;

template <class T>
void keep(std::vector<T>& list, T item) {
  if (list.size() == remembered_max) list.erase(list.begin());
  list.push_back(std::move(item));
}
/// The last are the likeliest to be of use.
template <class T>
const T& pick(Input& input, const std::vector<T>& list) {
  return list[list.size() - 1 - input.byte() % list.size()];
}

std::uint64_t huge(Input& input) { return ~std::uint64_t{0} - input.below(3); }

}  // namespace

Speaker::Speaker() { remember(Digest{}); }

void Speaker::remember(const Digest& digest) {
  if (std::find(digests_.begin(), digests_.end(), digest) == digests_.end()) keep(digests_, digest);
}
void Speaker::remember(const wire::CheckpointProof& proof) { keep(proofs_, proof); }

void Speaker::hear(ReplicaId from, const wire::PeerMessage& message) {
  keep(heard_, message);
  if (const auto* p = std::get_if<wire::PrePrepare>(&message)) {
    remember(wire::batch_digest(p->batch, p->agreed));
  } else if (const auto* vote = std::get_if<wire::Prepare>(&message)) {
    remember(vote->digest);
  } else if (const auto* checkpoint = std::get_if<wire::Signed<wire::Checkpoint>>(&message)) {
    remember(checkpoint->message.state);
  } else if (const auto* proof = std::get_if<wire::CheckpointProof>(&message)) {
    remember(*proof);
  } else if (const auto* change = std::get_if<wire::Signed<wire::ViewChange>>(&message)) {
    keep(view_changes_, wire::SignedViewChange{from, *change});
  } else if (const auto* next = std::get_if<wire::Signed<wire::NewView>>(&message)) {
    for (const wire::SignedViewChange& inner : next->message.view_changes)
      keep(view_changes_, inner);
  }
}

// ---- Fields -------------------------------------------------------------------------------------

View Speaker::view(Input& input) const {
  const unsigned which = input.below(16);
  if (which == 15) return View{huge(input)};
  if (which < 8) return at_.view;
  if (which == 8 && at_.view > View{0}) return at_.view - 1;
  return at_.view + (which - 8);
}

Seq Speaker::seq(Input& input) const {
  const std::uint8_t which = input.byte();
  if (which == 255) return Seq{huge(input)};
  if (which >= 240) return Seq{at_.stable.value - std::min<std::uint64_t>(at_.stable.value, 4)};
  return at_.stable + which % 10;
}

Digest Speaker::digest(Input& input) const {
  if (varies && input.maybe()) return crypto::sha256(input.take(4));
  return pick(input, digests_);
}

wire::ClientRequest Speaker::request(Input& input) const {
  const unsigned options = input.byte();
  wire::ClientRequest made = play::request_of((options >> 2) % 4, 1 + (options >> 4));
  if (varies) {
    made.body.session = SessionId{std::uint64_t{input.byte()} * 4 + options % 4};
    made.body.number = RequestNumber{1 + std::uint64_t{input.byte()}};
    made.body.operation.bytes.resize(100);
  }
  if ((options & 3) == 3) made.proof.signature.reset();
  return made;
}

wire::Batch Speaker::batch(Input& input) const {
  wire::Batch made;
  for (unsigned count = input.below(4); count > 0; --count)
    made.requests.items.push_back(request(input));
  return made;
}

wire::Agreed Speaker::agreed(Input& input) const {
  const unsigned which = input.below(8);
  using std::numeric_limits;
  if (which == 7) return {AgreedTime{numeric_limits<std::int64_t>::max()}, {}};
  if (which == 6) return {AgreedTime{numeric_limits<std::int64_t>::min()}, {}};
  if (which == 5) return {AgreedTime{play::epoch_us}, {Bytes{'x'}}};
  return {AgreedTime{play::epoch_us + std::int64_t{which} * 100'000}, {}};
}

std::optional<wire::CheckpointProof> Speaker::proof(Input& input) const {
  if (invents_proofs && input.maybe())
    return wire::CheckpointProof{{seq(input), digest(input), {}}, {}};
  if (proofs_.empty()) return std::nullopt;
  return pick(input, proofs_);
}

wire::ViewChange Speaker::view_change(Input& input) const {
  wire::ViewChange made{view(input), {}, {}, {}};
  if (input.maybe()) made.stable = proof(input);
  for (unsigned count = input.below(6); count > 0; --count)
    made.prepared.items.push_back({seq(input), digest(input), view(input)});
  for (unsigned count = input.below(6); count > 0; --count)
    made.pre_prepared.items.push_back({seq(input), digest(input), view(input)});
  return made;
}

// ---- Messages -----------------------------------------------------------------------------------

wire::PeerMessage Speaker::proposal(Input& input) {
  const View in = view(input);
  const Seq number = seq(input);
  if (input.below(4) == 0) {
    wire::PrePrepareDigests made{in, number, {}, agreed(input)};
    for (unsigned count = input.below(4); count > 0; --count)
      made.requests.items.push_back(input.maybe() ? wire::request_digest(request(input).body)
                                                  : digest(input));
    remember(wire::batch_digest(made.requests.items, made.agreed));
    return made;
  }
  wire::PrePrepare made{in, number, batch(input), agreed(input)};
  remember(wire::batch_digest(made.batch, made.agreed));
  return made;
}

wire::PeerMessage Speaker::ballot(Input& input) {
  const View in = view(input);
  const Seq number = seq(input);
  switch (input.below(4)) {
    case 0: return wire::Prepare{in, number, digest(input)};
    case 1: return wire::Commit{in, number, digest(input)};
    case 2: return wire::Committed{number, digest(input)};
    default: return wire::Signed<wire::Checkpoint>{{number, digest(input), {}}, {}};
  }
}

wire::PeerMessage Speaker::question(Input& input) {
  switch (input.below(10)) {
    case 0: {
      wire::Status made{view(input), view(input), seq(input), seq(input), {}};
      for (unsigned count = input.below(12); count > 0; --count) {
        const unsigned known = input.byte();
        made.slots.items.push_back(
            {seq(input), (known & 1) != 0, (known & 2) != 0, (known & 4) != 0});
      }
      return made;
    }
    case 1: return wire::FetchBatch{seq(input), digest(input)};
    case 2: return wire::AskVotes{seq(input)};
    case 3: {
      wire::VotesSeen made{view(input), seq(input), seq(input), view(input), {}};
      for (unsigned count = input.below(4); count > 0; --count)
        made.votes.items.push_back({seq(input), digest(input), digest(input)});
      return made;
    }
    case 4: {
      wire::Verified made;
      for (unsigned count = input.below(6); count > 0; --count)
        made.requests.items.push_back(wire::request_digest(request(input).body));
      return made;
    }
    case 5: return wire::Forward{request(input)};
    case 6: return wire::FetchPart{seq(input), input.byte(), wire::RootWish{}};
    case 7: return wire::Ping{input.byte()};
    case 8: return wire::Pong{1 + input.below(4)};
    default: return wire::StatePart{seq(input), input.byte(), wire::NotHeld{}};
  }
}

wire::PeerMessage Speaker::new_view(Input& input) {
  wire::NewView made{view(input), {}, {seq(input), digest(input), {}}, {}};
  const std::uint16_t first = input.below(4) & 3;
  for (std::uint16_t i = 0; i < 3 && invents_proofs && input.maybe(); ++i) {
    auto inner = view_change(input);
    inner.view = made.view;
    made.view_changes.items.push_back(
        {ReplicaId{static_cast<std::uint16_t>((first + i) % 4)}, {std::move(inner), {}}});
  }
  if (!view_changes_.empty())
    for (unsigned count = input.below(5); count > 0; --count)
      made.view_changes.items.push_back(pick(input, view_changes_));
  if (input.maybe() && !made.view_changes.empty())
    made.view = made.view_changes.items[0].content.message.view;
  for (unsigned count = input.below(9); count > 0; --count)
    made.choices.items.push_back(
        {seq(input), input.maybe() ? std::optional(digest(input)) : std::nullopt});
  return wire::Signed<wire::NewView>{std::move(made), {}};
}

wire::PeerMessage Speaker::say(Input& input, const pbft::ReplicaStatus& receiver) {
  at_ = receiver;
  switch (input.below(16)) {
    case 0:
    case 1:
    case 2: return proposal(input);
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: return ballot(input);
    case 8: return wire::BatchBody{seq(input), batch(input), agreed(input)};
    case 9: return wire::Signed<wire::ViewChange>{view_change(input), {}};
    case 10: return new_view(input);
    case 11:
      if (auto known = proof(input)) return *std::move(known);
      return ballot(input);
    case 12:
    case 13:
      if (!heard_.empty()) return pick(input, heard_);
      return ballot(input);
    default: return question(input);
  }
}

}  // namespace prytany::fuzz
