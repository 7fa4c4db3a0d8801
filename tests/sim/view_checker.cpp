#include "tests/sim/view_checker.h"

#include <algorithm>
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
std::string name(Seq seq) { return "n" + std::to_string(seq.value); }

void keep(std::map<Seq, wire::PreparedEntry>& entries, const wire::PreparedEntry& latest) {
  wire::PreparedEntry& entry = entries[latest.seq];
  if (latest.view >= entry.view) entry = latest;
}

/// Whether some entry is of this one, or of a later view.
template <class Entries>
bool tells_of(const Entries& entries, const wire::PreparedEntry& wanted, bool of_another) {
  return std::ranges::any_of(entries, [&](const auto& entry) {
    if (entry.seq != wanted.seq || entry.view < wanted.view) return false;
    return entry.digest == wanted.digest || (of_another && entry.view > wanted.view);
  });
}

}  // namespace

void ViewChecker::synced(ReplicaId by, const pbft::JournalRecord& record) {
  if (const auto* prepare = std::get_if<pbft::PreparedVote>(&record)) {
    const wire::Prepare& v = prepare->vote;
    vote(by, v.view);
    keep(voted_[by], {v.seq, v.digest, v.view});
  } else if (const auto* commit = std::get_if<pbft::CommitVote>(&record)) {
    const wire::Commit& v = commit->vote;
    vote(by, v.view);
    if (commit->prepared) keep(prepared_[by], {v.seq, v.digest, v.view});
  } else if (const auto* left = std::get_if<pbft::ViewChangeRecord>(&record)) {
    durable_.insert({by, left->sent.view, digest_of_message(left->sent)});
    left_for_[by] = std::max(left_for_[by], left->sent.view);
  } else if (const auto* kept = std::get_if<pbft::StableRecord>(&record)) {
    if (kept->proof) stable(by, *kept->proof);
  } else if (const auto* entered = std::get_if<pbft::NewViewRecord>(&record)) {
    const wire::NewView& m = entered->accepted.message;
    begun_[by] = std::max(begun_[by], m.view);
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
  begun_.erase(by);
  prepared_.erase(by);
  voted_.erase(by);
  helped_.erase(by);
  helped_before_.erase(by);
  std::erase_if(said_, [&](const auto& entry) { return entry.first.first == by; });
}

void ViewChecker::sent(ReplicaId by, const wire::PeerMessage& message) {
  if (const auto* commit = std::get_if<wire::Commit>(&message)) {
    commits_[{commit->view, commit->seq, commit->digest}].insert(by);
    View& latest = helped_[by][commit->seq];
    latest = std::max(latest, commit->view);
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
  open_view_change(by, recovered);
  auto& helped = helped_[by];
  helped.erase(helped.begin(), helped.upper_bound(recovered.image));
  helped_before_[by] = helped;
}

/// What it asked for and nobody began is open: it says the same again, and votes in no view before.
void ViewChecker::open_view_change(ReplicaId by, const pbft::Recovered& recovered) {
  const View asked = left_for_[by];
  if (recovered.view != asked || asked <= begun_[by]) return;
  const auto& open = recovered.view_change;
  if (!open || open->view != asked) {
    violations_.add("memory", replica_name(by) + " restarted without its view-change for " +
                                  name(asked) + ", which had not begun");
    return;
  }
  const auto said = said_.find({by, asked});
  if (said != said_.end() && said->second != digest_of_message(*open))
    violations_.add("memory", replica_name(by) + " restarted with another view-change for " +
                                  name(asked) + " than it had sent");
}

void ViewChecker::after_turn(ReplicaId by, const pbft::ReplicaStatus& status) {
  if (forgetful_.contains(by) || !status.active || status.view == View{0}) return;
  if (status.view == left_for_[by] && begun_[by] < status.view)
    violations_.add("memory", replica_name(by) + " takes part in " + name(status.view) +
                                  ", which it had asked for and nobody began");
}

/// A view began since that does not go so far: what was said above its end helped nobody.
bool ViewChecker::given_up(Seq seq, View view) const {
  return std::any_of(new_views_.upper_bound(view), new_views_.end(), [&](const auto& later) {
    return std::ranges::any_of(later.second, [&](const auto& of_digest) {
      const wire::NewView& m = of_digest.second;
      return seq > m.start.seq + m.choices.size();
    });
  });
}

void ViewChecker::answered_from(ReplicaId by, Seq executed) {
  const auto mine = helped_before_.find(by);
  if (mine == helped_before_.end() || forgetful_.contains(by)) return;
  for (auto it = mine->second.upper_bound(executed); it != mine->second.end(); ++it) {
    if (given_up(it->first, it->second)) continue;
    violations_.add("memory", replica_name(by) + " answers a read from " + name(executed) +
                                  ", though it sent a commit of " + name(it->first) +
                                  " before its restart");
    return;
  }
}

/// Some view after the entry's and before this one gave the number to another batch, so that the
/// entry cannot have been committed.
bool ViewChecker::decided_otherwise(const wire::PreparedEntry& entry, View before) const {
  const auto otherwise = [&](const auto& of_digest) {
    const wire::NewView& m = of_digest.second;
    if (entry.seq <= m.start.seq) return false;
    const std::uint64_t index = entry.seq - m.start.seq - 1;
    const auto& choices = m.choices.items;
    return index >= choices.size() || choices[index].digest != entry.digest;
  };
  for (auto later = new_views_.upper_bound(entry.view); later != new_views_.end(); ++later) {
    if (later->first >= before) return false;
    if (std::ranges::any_of(later->second, otherwise)) return true;
  }
  return false;
}

/// P and Q say all that counts of what it did in the views that it leaves.
void ViewChecker::tells_all(ReplicaId by, const wire::ViewChange& message) {
  const auto complain = [&](const wire::PreparedEntry& entry, const char* what) {
    violations_.add("memory", replica_name(by) + "'s view-change for " + name(message.view) +
                                  " does not tell that it " + what + " " + name(entry.seq) +
                                  " as " + entry.digest.brief() + " in " + name(entry.view));
  };
  const auto& prepared = prepared_[by];
  for (auto it = prepared.upper_bound(message.low()); it != prepared.end(); ++it) {
    const wire::PreparedEntry& entry = it->second;
    if (entry.view < message.view && !tells_of(message.prepared, entry, true) &&
        !decided_otherwise(entry, message.view))
      complain(entry, "prepared");
  }
  const auto& voted = voted_[by];
  for (auto it = voted.upper_bound(message.low()); it != voted.end(); ++it)
    if (it->second.view < message.view && !tells_of(message.pre_prepared, it->second, false))
      complain(it->second, "voted for");
}

void ViewChecker::vote(ReplicaId by, View view) {
  const View asked = left_for_[by];
  if (forgetful_.contains(by)) return;
  if (view < asked)
    violations_.add("votes", replica_name(by) + " cast a vote in " + name(view) +
                                 " after its view-change for " + name(asked));
  if (view > View{0} && view == asked && begun_[by] < view)
    violations_.add("votes", replica_name(by) + " cast a vote in " + name(view) +
                                 ", which it had asked for and nobody began");
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
  tells_all(by, message);
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
