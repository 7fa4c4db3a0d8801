#include "tests/sim/view_checker.h"

#include <string>

#include "server/pbft/slot.h"
#include "tests/sim/checkers.h"

namespace prytany::sim {
namespace {

template <class M>
Digest digest_of_message(const M& message) {
  return crypto::sha256(wire::encode(message));
}
std::string name(View view) { return "v" + std::to_string(view.value); }

}  // namespace

void ViewChecker::synced(ReplicaId by, const pbft::JournalRecord& record) {
  if (const auto* prepare = std::get_if<pbft::PreparedVote>(&record)) {
    vote(by, prepare->vote.view);
  } else if (const auto* commit = std::get_if<pbft::CommitVote>(&record)) {
    vote(by, commit->vote.view);
  } else if (const auto* left = std::get_if<pbft::ViewChangeRecord>(&record)) {
    durable_.insert({by, left->sent.view, digest_of_message(left->sent)});
    left_for_[by] = std::max(left_for_[by], left->sent.view);
  } else if (const auto* kept = std::get_if<pbft::StableRecord>(&record)) {
    if (kept->proof) stable(by, *kept->proof);
  } else if (const auto* entered = std::get_if<pbft::NewViewRecord>(&record)) {
    const wire::NewView& m = entered->accepted.message;
    durable_.insert({by, m.view, digest_of_message(m)});
    // What a primary that lies says is of no account; what somebody else accepts of it is.
    if (!byzantine_.contains(by) && byzantine_.contains(group_.primary_of(m.view)))
      new_views_[m.view].try_emplace(digest_of_message(m), m);
  }
}

const std::set<ReplicaId>& ViewChecker::nobody() {
  static const std::set<ReplicaId> none;
  return none;
}

void ViewChecker::born(ReplicaId by) {
  left_for_.erase(by);
  std::erase_if(said_, [&](const auto& entry) { return entry.first.first == by; });
}

void ViewChecker::sent(ReplicaId by, const wire::PeerMessage& message) {
  if (const auto* commit = std::get_if<wire::Commit>(&message)) {
    commits_[{commit->view, commit->seq, commit->digest}].insert(by);
  } else if (const auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&message)) {
    view_change(by, left->message);
  } else if (const auto* entered = std::get_if<wire::Signed<wire::NewView>>(&message)) {
    new_view(by, entered->message);
  } else if (const auto* proof = std::get_if<wire::CheckpointProof>(&message)) {
    stable(by, *proof);
  }
}

void ViewChecker::recovered(ReplicaId by, const pbft::Recovered& recovered) {
  if (recovered.view_change) synced(by, pbft::ViewChangeRecord{*recovered.view_change});
  if (recovered.new_view) synced(by, pbft::NewViewRecord{*recovered.new_view});
  if (recovered.view < left_for_[by])
    violations_.add("memory", replica_name(by) + " restarted in " + name(recovered.view) +
                                  ", which it had left for " + name(left_for_[by]));
}

void ViewChecker::vote(ReplicaId by, View view) {
  if (view < left_for_[by] && !forgetful_.contains(by))
    violations_.add("votes", replica_name(by) + " cast a vote in " + name(view) +
                                 " after its view-change for " + name(left_for_[by]));
}

void ViewChecker::stable(ReplicaId by, const wire::CheckpointProof& proof) {
  std::set<ReplicaId> signers;
  for (const auto& each : proof.signatures) signers.insert(each.signer);
  if (signers.size() < group_.quorum() && !byzantine_.contains(by))
    violations_.add("state", replica_name(by) + " takes n" +
                                 std::to_string(proof.checkpoint.seq.value) + " for stable by " +
                                 std::to_string(signers.size()) + " signatures");
}

void ViewChecker::view_change(ReplicaId by, const wire::ViewChange& message) {
  if (message.stable) stable(by, *message.stable);
  if (forgetful_.contains(by)) return;
  const Digest digest = digest_of_message(message);
  const auto [said, fresh] = said_.try_emplace({by, message.view}, digest);
  if (!fresh && said->second != digest)
    violations_.add("votes", replica_name(by) + " sent two view-changes for " + name(message.view));
  if (!durable_.contains({by, message.view, digest}))
    violations_.add("persist before send", replica_name(by) + " sent its view-change for " +
                                               name(message.view) +
                                               " before its record was synced");
}

void ViewChecker::new_view(ReplicaId by, const wire::NewView& message) {
  const Digest digest = digest_of_message(message);
  auto& known = new_views_[message.view];
  known.try_emplace(digest, message);
  if (known.size() > 1 && !forgetful_.contains(group_.primary_of(message.view)))
    violations_.add("votes", "there are two new-views " + name(message.view));
  if (!durable_.contains({by, message.view, digest}) && !forgetful_.contains(by))
    violations_.add("persist before send", replica_name(by) + " sent new-view " +
                                               name(message.view) +
                                               " before its record was synced");
}

/// It neither proposes this again nor starts above it.
bool ViewChecker::leaves_out(const wire::NewView& m, Seq seq, const Digest& committed) {
  if (seq <= m.start.seq) return false;
  const std::uint64_t index = seq - m.start.seq - 1;
  const auto& choices = m.choices.items;
  return index >= choices.size() ||
         choices[index].digest.value_or(pbft::null_body().digest) != committed;
}

void ViewChecker::finish() {
  for (const auto& [what, by] : commits_) {
    if (by.size() < group_.quorum()) continue;
    const auto& [view, seq, digest] = what;
    for (auto later = new_views_.upper_bound(view); later != new_views_.end(); ++later) {
      for (const auto& [name_of_it, m] : later->second) {
        if (leaves_out(m, seq, digest))
          violations_.add("new-view", name(later->first) + " leaves out n" +
                                          std::to_string(seq.value) + " as " + digest.brief() +
                                          ", which was committed in " + name(view));
      }
    }
  }
}

}  // namespace prytany::sim
