#include "server/pbft/new_view.h"

#include <algorithm>
#include <set>

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

/// What the message's P says of n; null if nothing.
const wire::PreparedEntry* prepared_at(const wire::ViewChange& message, Seq seq) {
  for (const wire::PreparedEntry& entry : message.prepared)
    if (entry.seq == seq) return &entry;
  return nullptr;
}

std::optional<wire::Checkpoint> choose_start(const Group& group, Messages messages) {
  std::set<std::pair<Seq, Digest>> candidates;
  for (const wire::SignedViewChange& m : messages)
    for (const wire::Checkpoint& c : m.content.message.checkpoints)
      candidates.insert({c.seq, c.state});
  for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) {
    const wire::Checkpoint candidate{it->first, it->second};
    const unsigned not_beyond =
        count(messages, [&](const auto& m) { return m.stable <= candidate.seq; });
    const unsigned holders = count(messages, [&](const wire::ViewChange& m) {
      return std::find(m.checkpoints.begin(), m.checkpoints.end(), candidate) !=
             m.checkpoints.end();
    });
    if (not_beyond >= group.quorum() && holders >= group.weak_quorum()) return candidate;
  }
  return std::nullopt;
}

/// A1: what a quorum knows of n does not speak against (d, v).
bool uncontradicted(const Group& group, Messages messages, const wire::PreparedEntry& entry) {
  return count(messages, [&](const wire::ViewChange& m) {
           if (m.stable >= entry.seq) return false;
           const wire::PreparedEntry* other = prepared_at(m, entry.seq);
           return other == nullptr || other->view < entry.view || *other == entry;
         }) >= group.quorum();
}

/// A2: a correct replica sent PREPARE for d, so d was proposed, its requests are genuine, and its
/// batch can be had.
bool supported(const Group& group, Messages messages, const wire::PreparedEntry& entry) {
  return count(messages, [&](const wire::ViewChange& m) {
           return std::any_of(m.pre_prepared.begin(), m.pre_prepared.end(), [&](const auto& q) {
             return q.seq == entry.seq && q.digest == entry.digest && q.view >= entry.view;
           });
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
  const unsigned ignorant = count(messages, [&](const wire::ViewChange& m) {
    return m.stable < seq && prepared_at(m, seq) == nullptr;
  });
  if (ignorant >= group.quorum()) return wire::Choice{seq, std::nullopt};
  return std::nullopt;
}

}  // namespace

Result<NewViewPlan, Undecided> plan_new_view(const Group& group, std::uint64_t window,
                                             Messages messages) {
  const auto start = choose_start(group, messages);
  if (!start) return Undecided{};
  NewViewPlan plan{*start, {}};
  for (Seq seq = start->seq + 1; seq - start->seq <= window; ++seq) {
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
