#include "server/pbft/boot_question.h"

#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {

// ---- what I voted -----------------------------------------------------------------------------

BootQuestion::BootQuestion(const Config& config, const Recovered& recovered)
    : group_(config.group),
      mute_(config.mute),
      image_(recovered.image),
      view_(recovered.view),
      prepared_(recovered.image),
      committed_(recovered.image),
      asking_(mute_ || (config.boot_question && config.group.n - config.group.f > 1)),
      asked_(asking_) {
  for (const auto& [seq, slot] : recovered.slots) {
    if (!slot.pre_prepared.empty()) prepared_ = std::max(prepared_, seq);
    if (slot.commit) committed_ = std::max(committed_, seq);
    mine_[seq] = {slot.pre_prepared, slot.commit};
  }
}

bool BootQuestion::awaits(ReplicaId peer) const {
  return asked_ && !mute_ && !answered_.contains(peer) && !above_me_.contains(peer);
}

std::optional<std::string> BootQuestion::lacks(const wire::VotesSeen& seen) const {
  const auto words = [](const auto&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    return std::move(text).str();
  };
  if (seen.view > view_) return words("a message of mine in view ", seen.view);
  if (seen.prepared > prepared_) return words("my prepare of n", seen.prepared);
  if (seen.committed > committed_) return words("my commit of n", seen.committed);
  for (const wire::SeenVote& vote : seen.votes) {
    if (vote.seq <= image_) continue;
    const auto found = mine_.find(vote.seq);
    const Mine none;
    const Mine& mine = found == mine_.end() ? none : found->second;
    const bool prepared = std::ranges::any_of(mine.prepares, [&](const auto& entry) {
      return entry.digest == vote.prepare && entry.view >= seen.in;
    });
    if (vote.prepare && !prepared) return words("my prepare of n", vote.seq, " in view ", seen.in);
    // Of commits the journal keeps the last one of each number, which may be of a later view.
    const bool committed =
        mine.commit && (mine.commit->view > seen.in ||
                        (mine.commit->view == seen.in && mine.commit->digest == vote.commit));
    if (vote.commit && !committed) return words("my commit of n", vote.seq, " in view ", seen.in);
  }
  return std::nullopt;
}

BootQuestion::Verdict BootQuestion::answer(ReplicaId from, const wire::VotesSeen& seen) {
  ENSURE(asking_);
  const bool lacking = lacks(seen).has_value();
  (lacking ? above_me_ : answered_).insert(from);
  (lacking ? answered_ : above_me_).erase(from);
  if (above_me_.size() >= group_.weak_quorum()) return Verdict::lost;
  // Those who speak against it do not count: while at most f lie, n-f others and I do not need
  // them.
  if (answered_.size() + 1 < group_.n - group_.f) return Verdict::wait;
  asking_ = false;
  return Verdict::go_on;
}

// ---- what others voted ------------------------------------------------------------------------

SeenVotes::SeenVotes(const Config& config, const Recovered& recovered)
    : group_(config.group), seen_(config.group.n) {
  if (recovered.new_view) saw(recovered.new_view->message);
}

void SeenVotes::saw(ReplicaId from, View view) {
  if (!group_.contains(from)) return;
  seen_[from.value].view = std::max(seen_[from.value].view, view);
}

/// What is signed inside speaks for its signer, whoever brings it.
void SeenVotes::saw(const wire::NewView& message) {
  saw(group_.primary_of(message.view), message.view);
  for (const wire::SignedViewChange& inner : message.view_changes)
    saw(inner.sender, inner.content.message.view);
}

void SeenVotes::saw(ReplicaId from, const wire::PeerMessage& message) {
  wire::VotesSeen& seen = seen_[from.value];
  if (const auto* prepare = std::get_if<wire::Prepare>(&message)) {
    saw(from, prepare->view);
    seen.prepared = std::max(seen.prepared, prepare->seq);
  } else if (const auto* commit = std::get_if<wire::Commit>(&message)) {
    saw(from, commit->view);
    seen.committed = std::max(seen.committed, commit->seq);
  } else if (const auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&message)) {
    saw(from, left->message.view);
  } else if (const auto* entered = std::get_if<wire::Signed<wire::NewView>>(&message)) {
    saw(entered->message);
  }
}

// ---- asking and answering ---------------------------------------------------------------------

void Replica::Core::ask_what_i_voted() {
  for (std::uint16_t i = 0; i < config_.group.size(); ++i)
    if (const ReplicaId peer{i}; peer != config_.self && boot_.awaits(peer))
      send(peer, wire::AskVotes{boot_.above()}, true);
}

/// At once, whatever state I am in: nothing here promises anything.
void Replica::Core::on(ReplicaId from, const wire::AskVotes& message) {
  if (!peers_.may_answer(now_, from)) return drop(Refusal::too_often, "ask-votes from r", from);
  forget_words_of(from);
  wire::VotesSeen seen = seen_.of(from);
  seen.in = voted_in_;
  for (const auto& [seq, slot] : window_.slots()) {
    const Digest* prepare = slot.prepares.of(from);
    const Digest* commit = slot.commits.of(from);
    if (seq <= message.above || (prepare == nullptr && commit == nullptr)) continue;
    wire::SeenVote& vote = seen.votes.items.emplace_back();
    vote.seq = seq;
    if (prepare != nullptr) vote.prepare = *prepare;
    if (commit != nullptr) vote.commit = *commit;
  }
  constexpr std::size_t vote_bytes = 80;
  peers_.answered(from, 1 + seen.votes.size() * vote_bytes / Peers::unit_bytes);
  trace("r", from, " asks what it voted -> tell it of ", seen.votes.size(), " numbers, up to n",
        std::max(seen.prepared, seen.committed), " in view ", seen.view);
  send(from, std::move(seen), true);
  // It has just come to this configuration, perhaps after my own question was lost on it.
  if (boot_.awaits(from)) send(from, wire::AskVotes{boot_.above()}, true);
}

void Replica::Core::on(ReplicaId from, const wire::VotesSeen& message) {
  // What came after the answer that was enough says what I did since.
  if (!boot_.asking()) boot_.late(from);
  if (!boot_.asking() || boot_.mute()) return drop(Refusal::repeated, "votes-seen from r", from);
  const auto lacking = boot_.lacks(message);
  if (lacking) say("r", from, " has seen ", *lacking, ", of which my journal knows nothing");
  switch (boot_.answer(from, message)) {
    case BootQuestion::Verdict::wait: return;
    case BootQuestion::Verdict::go_on:
      trace("r", from, " and others know of no vote that my journal lacks -> vote");
      return go_on();
    case BootQuestion::Verdict::lost: break;
  }
  lost_ = true;
  std::ostringstream reason;
  reason << config_.group.weak_quorum()
         << " replicas have seen votes of mine that my journal does not know (r" << from << ": "
         << *lacking
         << "). The disk was lost, or put back to an older state, so this replica must not vote "
            "again under its key: see \"Disk loss\" in docs/how-to/operate.md";
  out_->push_back(Stop{std::move(reason).str()});
}

}  // namespace prytany::pbft
