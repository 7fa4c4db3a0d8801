// From VIEW-CHANGEs to the start of a view (Castro & Liskov, TOCS 2002, section 4.4 and figure 4,
// in the form of docs/design.md section 4, which needs no transferable certificates). Pure: the new
// primary makes a NEW-VIEW by it, and each backup checks one by it, from the VIEW-CHANGEs embedded
// there.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/refusal.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

/// Where the view starts, and what each number above it must be proposed as again: up to the
/// highest one that is not null.
struct NewViewPlan {
  wire::Checkpoint start;
  std::vector<wire::Choice> choices;  // (start, start + choices.size()], without gaps
  bool operator==(const NewViewPlan&) const = default;
};

/// More messages are needed to decide this: they will come while quorum() correct replicas change
/// view.
struct Undecided {
  std::optional<Seq> seq;  // nothing: there is no quorum of messages yet
  bool operator==(const Undecided&) const = default;
};

/// Requires: one message per sender, all for one view, each !ViewChanges::refuse(it). The order
/// does not matter.
///
/// start: the highest checkpoint that a message proves stable (docs/decisions/0010). For each n in
/// (start, start + window]:
///   A: d, if some message has (n, d, v) in P, and
///      A1: quorum() messages' P says of n nothing, or what is older than v, or (d, v) itself;
///      A2: weak_quorum() messages have (n, d, v') in Q with v' >= v;
///   B: null, if quorum() messages have nothing of n in P.
/// If d was committed at n in an earlier view, no other choice can be made while at most f senders
/// lie. (In the paper A1 and B ask for h < n, too. Here h <= start < n holds of every message.)
Result<NewViewPlan, Undecided> plan_new_view(const Group& group, std::uint64_t window,
                                             std::span<const wire::SignedViewChange> messages);

/// A3: the chosen numbers whose batches are not at hand. A correct replica holds each (A2), so
/// asking brings them.
std::vector<wire::Choice> missing_batches(const NewViewPlan& plan,
                                          const std::function<bool(Seq, const Digest&)>& held);

/// Whether a NEW-VIEW is not what its own VIEW-CHANGEs imply. (Signatures were checked before.)
std::optional<Refusal> refuse_new_view(const Config& config, const wire::NewView& message);

}  // namespace prytany::pbft
