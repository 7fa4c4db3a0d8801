#include "tests/sim/checkers.h"

#include <algorithm>

namespace prytany::sim {

namespace {

std::string number(Seq seq) { return "n" + std::to_string(seq.value); }

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::pre_prepare: return "pre-prepare";
    case Phase::prepare: return "prepare";
    case Phase::commit: return "commit";
  }
  return "?";
}

}  // namespace

std::string replica_name(ReplicaId id) { return "r" + std::to_string(id.value); }

// ---- agreement --------------------------------------------------------------------------------

void AgreementChecker::committed(ReplicaId by, Seq seq, const Digest& digest,
                                 const wire::Batch& batch, const wire::Agreed& agreed) {
  const auto found = log_.find(seq);
  if (found != log_.end()) {
    if (found->second.digest != digest)
      violations_.add("agreement", replica_name(by) + " committed " + number(seq) + " as " +
                                       digest.brief() + ", others as " +
                                       found->second.digest.brief());
    return;
  }
  if (wire::batch_digest(batch, agreed) != digest)
    violations_.add("agreement", replica_name(by) + " committed " + number(seq) + " as " +
                                     digest.brief() + ", which is not the digest of its batch");
  for (const wire::ClientRequest& request : batch.requests) {
    const Digest asked = wire::request_digest(request.body);
    if (!issued_.contains(asked))
      violations_.add("agreement",
                      number(seq) + " holds request " + asked.brief() + ", which no client made");
    requests_.insert(asked);
    ++committed_requests_;
  }
  log_.emplace(seq, CommittedBatch{digest, batch, agreed});
  while (log_.contains(contiguous_ + 1)) ++contiguous_;
}

void AgreementChecker::accepted(ReplicaId by, Seq seq, const wire::Batch& batch) {
  for (const wire::ClientRequest& request : batch.requests) {
    const Digest asked = wire::request_digest(request.body);
    if (!issued_.contains(asked))
      violations_.add("agreement", replica_name(by) + " accepts at " + number(seq) + " request " +
                                       asked.brief() + ", which no client made");
  }
}

void AgreementChecker::claimed(ReplicaId by, Seq seq, const Digest& digest) {
  const auto [claim, fresh] = claims_.try_emplace(seq, digest, by);
  const auto found = log_.find(seq);
  const Digest& known = found == log_.end() ? claim->second.first : found->second.digest;
  if (known != digest)
    violations_.add("agreement", replica_name(by) + " says that " + number(seq) + " committed as " +
                                     digest.brief() + ", others say " + known.brief());
}

void AgreementChecker::finish() {
  for (const auto& [seq, claim] : claims_) {
    const auto found = log_.find(seq);
    if (found == log_.end() || found->second.digest != claim.first)
      violations_.add("agreement", replica_name(claim.second) + " said that " + number(seq) +
                                       " committed as " + claim.first.brief() +
                                       ", which nobody wrote down");
  }
}

// ---- votes ------------------------------------------------------------------------------------

void VoteChecker::synced(ReplicaId by, const pbft::JournalRecord& record) {
  if (const auto* prepare = std::get_if<pbft::PreparedVote>(&record)) {
    const wire::Prepare& v = prepare->vote;
    durable_.insert({{by, Phase::prepare, v.view, v.seq}, v.digest});
  } else if (const auto* commit = std::get_if<pbft::CommitVote>(&record)) {
    const wire::Commit& v = commit->vote;
    durable_.insert({{by, Phase::commit, v.view, v.seq}, v.digest});
  }
}

void VoteChecker::sent(ReplicaId by, const wire::PeerMessage& message) {
  if (const auto* p = std::get_if<wire::PrePrepare>(&message)) {
    // Not a vote, and may leave earlier than its record (docs/design.md section 4), but never two
    // of them.
    vote(by, Phase::pre_prepare, p->view, p->seq, wire::batch_digest(p->batch, p->agreed), false);
  } else if (const auto* named = std::get_if<wire::PrePrepareDigests>(&message)) {
    vote(by, Phase::pre_prepare, named->view, named->seq,
         wire::batch_digest(named->requests.items, named->agreed), false);
  } else if (const auto* prepare = std::get_if<wire::Prepare>(&message)) {
    vote(by, Phase::prepare, prepare->view, prepare->seq, prepare->digest, true);
  } else if (const auto* commit = std::get_if<wire::Commit>(&message)) {
    vote(by, Phase::commit, commit->view, commit->seq, commit->digest, true);
  }
}

void VoteChecker::vote(ReplicaId by, Phase phase, View view, Seq seq, const Digest& digest,
                       bool durable_first) {
  const Key key{by, phase, view, seq};
  const auto what = [&] {
    return std::string(name_of(phase)) + " of v" + std::to_string(view.value) + " " + number(seq) +
           " for " + digest.brief();
  };
  if (durable_first && !durable_.contains({key, digest}))
    violations_.add("persist before send",
                    replica_name(by) + " sent " + what() + " before its record was synced");
  const auto [said, fresh] = said_.try_emplace(key, digest);
  if (!fresh && said->second != digest)
    violations_.add(
        "votes", replica_name(by) + " sent " + what() + " after one for " + said->second.brief());
}

void VoteChecker::born(ReplicaId by) {
  std::erase_if(said_, [&](const auto& entry) { return std::get<ReplicaId>(entry.first) == by; });
  std::erase_if(durable_,
                [&](const auto& entry) { return std::get<ReplicaId>(entry.first) == by; });
}

void VoteChecker::recovered(ReplicaId by, const pbft::Recovered& recovered) {
  for (const auto& [seq, slot] : recovered.slots) {
    if (slot.prepare) synced(by, pbft::PreparedVote{*slot.prepare});
    if (slot.commit) synced(by, pbft::CommitVote{*slot.commit});
  }
  for (auto it = said_.lower_bound(Key{by, Phase::prepare, View{0}, Seq{0}}); it != said_.end();
       ++it) {
    const auto& [sender, phase, view, seq] = it->first;
    if (sender != by) break;
    if (seq <= recovered.image) continue;
    const auto slot = recovered.slots.find(seq);
    std::optional<std::pair<View, Digest>> kept;
    if (slot != recovered.slots.end() && phase == Phase::prepare && slot->second.prepare)
      kept = {slot->second.prepare->view, slot->second.prepare->digest};
    if (slot != recovered.slots.end() && phase == Phase::commit && slot->second.commit)
      kept = {slot->second.commit->view, slot->second.commit->digest};
    // The journal keeps the latest vote of a slot: an older view's may have been overtaken.
    if (!kept || kept->first < view || (kept->first == view && kept->second != it->second))
      violations_.add("memory", replica_name(by) + " restarted without its " + name_of(phase) +
                                    " of " + number(seq) + " for " + it->second.brief());
  }
}

// ---- state ------------------------------------------------------------------------------------

void StateChecker::state(ReplicaId by, Seq seq, const Digest& digest) {
  const auto [known, fresh] = states_.try_emplace(seq, digest);
  if (fresh) first_.emplace(seq, by);
  if (known->second != digest)
    violations_.add("state", replica_name(by) + " has " + digest.brief() + " at " + number(seq) +
                                 ", " + replica_name(first_.at(seq)) + " has " +
                                 known->second.brief());
}

void StateChecker::signed_checkpoint(ReplicaId by, Seq seq, const Digest& digest) {
  state(by, seq, digest);
}

void StateChecker::proof(ReplicaId by, const wire::CheckpointProof& proof) {
  state(by, proof.checkpoint.seq, proof.checkpoint.state);
  stable_.insert(proof.checkpoint.seq);
}

// ---- progress ---------------------------------------------------------------------------------

void ProgressChecker::committed_durably(ReplicaId by, Seq seq) {
  durable_[by].committed.insert(seq);
}

void ProgressChecker::discarded(ReplicaId by, Seq seq) {
  Durable& durable = durable_[by];
  durable.discarded = std::max(durable.discarded, seq);
  durable.committed.erase(durable.committed.begin(), durable.committed.upper_bound(seq));
}

void ProgressChecker::started(ReplicaId by, Seq image) {
  Durable& durable = durable_[by];
  if (image < durable.image || image < durable.discarded)
    violations_.add("restart", replica_name(by) + " restarted from " + number(image) +
                                   ", but had started from " + number(durable.image) +
                                   " and discarded its journal up to " + number(durable.discarded));
  durable.image = std::max(durable.image, image);
  Life life;
  life.promised = image;
  while (durable.committed.contains(life.promised + 1)) ++life.promised;
  lives_[by] = life;
}

void ProgressChecker::forgot(ReplicaId by, Seq image) {
  durable_[by] = {};
  started(by, image);
}

void ProgressChecker::after_turn(ReplicaId by, const pbft::ReplicaStatus& status,
                                 Seq highest_committed, std::uint64_t window) {
  Life& life = lives_[by];
  const auto complain = [&](const std::string& text) {
    violations_.add("progress", replica_name(by) + " " + text);
  };
  if (status.view < life.view) complain("went back to view " + std::to_string(status.view.value));
  if (status.stable < life.stable)
    complain("moved its stable checkpoint back from " + number(life.stable) + " to " +
             number(status.stable));
  if (status.executed < life.executed)
    complain("moved its last executed back from " + number(life.executed) + " to " +
             number(status.executed));
  if (life.first_turn && status.executed < life.promised)
    complain("restarted with " + number(status.executed) + " executed, though its journal held " +
             number(life.promised));
  if (status.executed > highest_committed)
    complain("executed " + number(status.executed) + ", which is not committed");
  if (status.executed > status.stable + window)
    complain("executed " + number(status.executed) + " beyond its window above " +
             number(status.stable));
  life = {status.view, status.stable, status.executed, life.promised, false};
}

// ---- configurations ---------------------------------------------------------------------------

void ConfigurationChecker::began(ReplicaId by, const wire::Configuration& configuration) {
  const auto [known, fresh] = known_.try_emplace(configuration.number, configuration);
  if (!fresh && known->second != configuration)
    violations_.add("configurations", replica_name(by) + " knows another configuration " +
                                          std::to_string(configuration.number.value) +
                                          " than others");
  for (const crypto::PublicKey& key : configuration.keys)
    if (never_.contains(key))
      violations_.add("configurations", "configuration " +
                                            std::to_string(configuration.number.value) +
                                            " has a key that too few approved");
}

void ConfigurationChecker::voted(ReplicaId by, ConfigNumber config, Seq seq) {
  Votes& votes = votes_[config];
  if (seq < votes.lowest) {
    votes.lowest = seq;
    votes.of_lowest = by;
  }
  if (seq > votes.highest) {
    votes.highest = seq;
    votes.of_highest = by;
  }
}

void ConfigurationChecker::finish() {
  for (const auto& [config, votes] : votes_) {
    const auto mine = known_.find(config);
    const auto next = known_.find(config + 1);
    const std::string of = " in configuration " + std::to_string(config.value);
    if (next != known_.end() && votes.highest > next->second.since)
      violations_.add("configurations", replica_name(votes.of_highest) + " voted for " +
                                            number(votes.highest) + of + ", which ended with " +
                                            number(next->second.since));
    if (mine != known_.end() && votes.lowest <= mine->second.since)
      violations_.add("configurations", replica_name(votes.of_lowest) + " voted for " +
                                            number(votes.lowest) + of + ", which began above " +
                                            number(mine->second.since));
    if (config > ConfigNumber{0} && mine == known_.end())
      violations_.add("configurations",
                      replica_name(votes.of_highest) + " voted" + of + ", which nobody has proven");
  }
}

// ---- time -------------------------------------------------------------------------------------

void TimeChecker::committed(ReplicaId by, Seq seq, AgreedTime agreed) {
  if (agreed.value <= latest_.value + ahead_max_us) return;
  violations_.add("agreed time", replica_name(by) + " committed " + number(seq) + " at " +
                                     std::to_string(agreed.value) +
                                     ", no correct clock shows more than " +
                                     std::to_string(latest_.value));
}

// ---- replies ----------------------------------------------------------------------------------

bool judged_not_executed(const wire::Outcome& outcome) {
  static const std::set<std::string_view> codes{"unknown_session", "wrong_key",
                                                "number_too_old",  "number_too_new",
                                                "number_reused",   "reply_forgotten"};
  const auto* error = std::get_if<wire::ErrorReply>(&outcome);
  return error != nullptr && codes.contains(error->code.text);
}

void ReplyChecker::replied(ReplicaId by, const wire::Reply& reply) {
  const Digest digest = wire::reply_digest(cluster_, reply);
  note(by, {reply.session, reply.number, reply.request}, digest, &reply);
  if (reply.session == SessionId{0}) return;
  if (capricious_.contains(reply.request) && judged_not_executed(reply.outcome)) return;
  const auto [first, fresh] =
      executed_at_.try_emplace({reply.session, reply.number}, std::pair{reply.request, reply.seq});
  if (!fresh && first->second != std::pair{reply.request, reply.seq})
    violations_.add("exactly once",
                    replica_name(by) + " answers request " + std::to_string(reply.number.value) +
                        " of session " + std::to_string(reply.session.value) + " as executed at " +
                        number(reply.seq) + ", it was at " + number(first->second.second));
}

void ReplyChecker::replied(ReplicaId by, const wire::ReplyDigest& digest) {
  note(by, {digest.session, digest.number, digest.request}, digest.reply, nullptr);
}

void ReplyChecker::offered(const wire::Reply& reply) {
  offered_.try_emplace(wire::reply_digest(cluster_, reply), reply);
}

void ReplyChecker::note(ReplicaId by, const Key& key, const Digest& reply,
                        const wire::Reply* whole) {
  const auto [found, fresh] = given_.try_emplace(key, Given{reply, std::nullopt, by, {}});
  Given* given = &found->second;
  const bool may_change =
      std::get<SessionId>(key) == SessionId{0} || capricious_.contains(std::get<Digest>(key));
  if (given->reply != reply && may_change) {
    const auto other = std::ranges::find(given->others, reply, &Given::reply);
    given = other != given->others.end()
                ? &*other
                : &given->others.emplace_back(Given{reply, std::nullopt, by, {}});
  }
  if (given->reply != reply) {
    violations_.add("replies", replica_name(by) + " answers request " +
                                   std::to_string(std::get<1>(key).value) + " of session " +
                                   std::to_string(std::get<0>(key).value) + " otherwise than " +
                                   replica_name(given->by));
    return;
  }
  if (whole != nullptr && !given->whole) given->whole = *whole;
}

const wire::Reply* ReplyChecker::whole_of(const Given& given) const {
  if (given.whole) return &*given.whole;
  const auto offered = offered_.find(given.reply);
  return offered == offered_.end() ? nullptr : &offered->second;
}

const wire::Reply* ReplyChecker::find(const Accepted& what) const {
  const auto same = [&](const wire::Reply& r) {
    return r.seq == what.seq && r.agreed == what.agreed && r.outcome == what.outcome;
  };
  for (auto it = given_.lower_bound(Key{what.session, what.number, Digest{}}); it != given_.end();
       ++it) {
    if (std::get<0>(it->first) != what.session) break;
    if (what.session != SessionId{0} && std::get<1>(it->first) != what.number) break;
    if (const wire::Reply* whole = whole_of(it->second); whole && same(*whole)) return whole;
    for (const Given& other : it->second.others)
      if (const wire::Reply* whole = whole_of(other); whole && same(*whole)) return whole;
  }
  return nullptr;
}

void ReplyChecker::accepted(const std::string& client, const Accepted& what) {
  if (find(what) == nullptr)
    violations_.add("client acceptance", client + " accepted for request " +
                                             std::to_string(what.number.value) + " of session " +
                                             std::to_string(what.session.value) +
                                             " what no replica gave");
}

}  // namespace prytany::sim
