#include "server/pbft/new_view.h"

#include <algorithm>
#include <tuple>

#include "server/pbft/view_change.h"

namespace prytany::pbft {
namespace {

using Messages = std::span<const wire::SignedViewChange>;

template <class Predicate>
unsigned count(Messages messages, Predicate predicate) {
  return static_cast<unsigned>(
      std::count_if(messages.begin(), messages.end(),
                    [&](const wire::SignedViewChange& m) { return predicate(m.content.message); }));
}

/// What the message's P says of n; null if nothing. P is in the order of numbers.
const wire::PreparedEntry* prepared_at(const wire::ViewChange& message, Seq seq) {
  const auto& p = message.prepared.items;
  const auto it =
      std::lower_bound(p.begin(), p.end(), seq, [](const auto& e, Seq s) { return e.seq < s; });
  return it != p.end() && it->seq == seq ? &*it : nullptr;
}

/// What the message's Q says of (n, d); null if nothing. Q is in the order of (n, d).
const wire::PrePreparedEntry* voted_for(const wire::ViewChange& message, Seq seq,
                                        const Digest& digest) {
  const auto& q = message.pre_prepared.items;
  const auto key = std::tie(seq, digest);
  const auto it = std::lower_bound(q.begin(), q.end(), key, [](const auto& e, const auto& k) {
    return std::tie(e.seq, e.digest) < k;
  });
  return it != q.end() && it->seq == seq && it->digest == digest ? &*it : nullptr;
}

/// The highest of the stable checkpoints, each of which comes with its proof. Nobody's h is above
/// it, so every message counts for every number above it.
wire::Checkpoint choose_start(Messages messages) {
  wire::Checkpoint start{Seq{0}, {}};
  for (const wire::SignedViewChange& m : messages) {
    const auto& stable = m.content.message.stable;
    if (stable && stable->checkpoint.seq > start.seq) start = stable->checkpoint;
  }
  return start;
}

/// A1: what a quorum knows of n does not speak against (d, v).
bool uncontradicted(const Group& group, Messages messages, const wire::PreparedEntry& entry) {
  return count(messages, [&](const wire::ViewChange& m) {
           const wire::PreparedEntry* other = prepared_at(m, entry.seq);
           return other == nullptr || other->view < entry.view || *other == entry;
         }) >= group.quorum();
}

/// A2: a correct replica sent PREPARE for d in view v or later, so d was proposed there, its
/// requests are genuine, and its batch can be had.
bool supported(const Group& group, Messages messages, const wire::PreparedEntry& entry) {
  return count(messages, [&](const wire::ViewChange& m) {
           const wire::PrePreparedEntry* vote = voted_for(m, entry.seq, entry.digest);
           return vote != nullptr && vote->view >= entry.view;
         }) >= group.weak_quorum();
}

std::optional<wire::Choice> choose(const Group& group, Messages messages, Seq seq) {
  std::vector<wire::PreparedEntry> candidates;
  for (const wire::SignedViewChange& m : messages)
    if (const wire::PreparedEntry* entry = prepared_at(m.content.message, seq))
      candidates.push_back(*entry);
  // The latest view first: the same choice for everybody.
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return std::tie(b.view, a.digest) < std::tie(a.view, b.digest);
  });
  for (const wire::PreparedEntry& entry : candidates)
    if (uncontradicted(group, messages, entry) && supported(group, messages, entry))
      return wire::Choice{seq, entry.digest};
  const unsigned ignorant =
      count(messages, [&](const wire::ViewChange& m) { return prepared_at(m, seq) == nullptr; });
  if (ignorant >= group.quorum()) return wire::Choice{seq, std::nullopt};
  return std::nullopt;
}

}  // namespace

Result<NewViewPlan, Undecided> plan_new_view(const Group& group, std::uint64_t window,
                                             Messages messages) {
  if (messages.size() < group.quorum()) return Undecided{};
  NewViewPlan plan{choose_start(messages), {}};
  for (Seq seq = plan.start.seq + 1; seq - plan.start.seq <= window; ++seq) {
    const auto choice = choose(group, messages, seq);
    if (!choice) return Undecided{seq};
    plan.choices.push_back(*choice);
  }
  while (!plan.choices.empty() && !plan.choices.back().digest) plan.choices.pop_back();
  return plan;
}

std::vector<wire::Choice> missing_batches(const NewViewPlan& plan,
                                          const std::function<bool(Seq, const Digest&)>& held) {
  std::vector<wire::Choice> missing;
  for (const wire::Choice& choice : plan.choices)
    if (choice.digest && !held(choice.seq, *choice.digest)) missing.push_back(choice);
  return missing;
}

std::optional<Refusal> refuse_new_view(const Config& config, const wire::NewView& message) {
  const auto& embedded = message.view_changes.items;
  if (embedded.size() < config.group.quorum()) return Refusal::new_view_unfounded;
  for (std::size_t i = 0; i < embedded.size(); ++i) {
    const wire::ViewChange& inner = embedded[i].content.message;
    // Strictly increasing: nobody counts twice.
    if (i > 0 && embedded[i - 1].sender >= embedded[i].sender) return Refusal::new_view_unfounded;
    if (!config.group.contains(embedded[i].sender)) return Refusal::new_view_unfounded;
    if (inner.view != message.view) return Refusal::new_view_unfounded;
    if (ViewChanges::refuse(config, inner)) return Refusal::new_view_unfounded;
  }
  const auto plan = plan_new_view(config.group, config.window, embedded);
  if (!plan || plan->start != message.start || plan->choices != message.choices.items)
    return Refusal::new_view_wrong;
  return std::nullopt;
}

}  // namespace prytany::pbft
