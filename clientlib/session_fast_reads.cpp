// Reads of a session that are not ordered (docs/protocol.md, "Reads that are not ordered"):
// quorum() replicas gave the same outcome, each after it had executed whatever it might ever have
// helped to commit, so at least one of them had executed everything that anybody was told before
// the read began. When they do not agree in time, the read is ordered like any request.
#include <algorithm>
#include <functional>

#include "clientlib/fits.h"
#include "clientlib/session.h"
#include "server/wire/client_json.h"

namespace prytany::client {

Ticket Session::fast_read(Time now, const wire::Operation& operation, Time deadline, Effects& out) {
  // Tags are taken where requests have them: a signature for each read would cost more than to
  // order it.
  const bool possible = cluster_->mac_requests && session_.value != 0 && !ended_ &&
                        fast_reads_.size() < options_.depth_max &&
                        ready().size() >= cluster_->quorum() && fits(operation);
  Bytes bytes = possible ? wire::encode(operation) : Bytes{};
  if (!possible || bytes.size() > limits::request_bytes_max)
    return submit(now, operation, deadline, out);
  const std::uint64_t id = ++last_read_;
  FastReading& read = fast_reads_[id];
  read.ticket = next_ticket();
  read.deadline = deadline;
  const std::uint64_t patience = std::clamp(4 * latency_us_, options_.fast_read_patience_us,
                                            options_.fast_read_patience_max_us);
  read.give_up = std::min(deadline, now + patience);
  wire::FastRead& asked = read.message;
  asked.body = {id, session_, signer_.public_key(), {std::move(bytes)}};
  read.digest = wire::fast_read_digest(asked.body);
  const std::vector<ReplicaId> all = ready();
  asked.designated = designate(now, id);
  for (const ReplicaId replica : all) {
    asked.tag = peers_[replica.value].channel.fast_read_tag(read.digest);
    read.asked.insert(replica);
    out.push_back(
        Send{replica, std::make_shared<const std::string>(wire::to_json(wire::FromClient{asked}))});
  }
  return read.ticket;
}

void Session::on_fast_read(Time now, ReplicaId from, wire::FastReadReply reply, Effects& out) {
  const Digest outcome = wire::fast_outcome_digest(reply.outcome);
  const wire::FastReadDigest said{reply.id, reply.question, reply.executed, reply.agreed, outcome};
  const auto found = fast_reads_.find(reply.id);
  if (found == fast_reads_.end() || found->second.digest != reply.question) return;
  found->second.tally.say(from, outcome, std::move(reply));
  on_fast_read(now, from, said, out);
}

void Session::on_fast_read(Time now, ReplicaId from, const wire::FastReadDigest& said,
                           Effects& out) {
  const auto found = fast_reads_.find(said.id);
  if (found == fast_reads_.end() || found->second.digest != said.question) return;
  FastReading& read = found->second;
  read.tally.say(from, said.outcome);
  read.reached.insert_or_assign(from, std::pair(said.executed, said.agreed));
  weigh_fast_read(now, said.id, out);
}

/// It will not answer this one.
void Session::abstained(Time now, ReplicaId from, const Digest& question, Effects& out) {
  for (auto& [id, read] : fast_reads_) {
    if (read.digest != question) continue;
    read.asked.erase(from);
    return weigh_fast_read(now, id, out);
  }
}

void Session::weigh_fast_read(Time now, std::uint64_t id, Effects& out) {
  FastReading& read = fast_reads_.at(id);
  const std::size_t enough = cluster_->quorum();
  if (const auto settled = read.tally.settled(enough)) {
    const wire::FastReadReply* whole = read.tally.whole(*settled);
    if (whole == nullptr) return;  // the rows are on their way, or the read is ordered
    Completion completion;
    completion.verdict = Verdict::answered;
    completion.sent = true;
    completion.agreement = read.tally.about(*settled, cluster_->replicas());
    completion.outcome = whole->outcome;
    // So far weak_quorum() of them had come: at least one of these is correct.
    std::vector<Seq> places;
    std::vector<AgreedTime> times;
    for (const auto& [replica, reached] : read.reached) {
      if (!read.tally.says(replica, *settled)) continue;
      places.push_back(reached.first);
      times.push_back(reached.second);
    }
    std::ranges::sort(places, std::ranges::greater{});
    std::ranges::sort(times, std::ranges::greater{});
    completion.seq = places[cluster_->weak_quorum() - 1];
    completion.agreed = times[cluster_->weak_quorum() - 1];
    out.push_back(Completed{read.ticket, std::move(completion)});
    fast_reads_.erase(id);
    return;
  }
  std::size_t most = 0;
  std::size_t open = 0;
  for (const ReplicaId replica : read.asked) {
    if (!read.tally.heard(replica)) {
      ++open;
    } else {
      most = std::max(most, read.tally.count(read.tally.said(replica)));
    }
  }
  if (most + open < enough) order_instead(now, id, out);
}

void Session::order_instead(Time now, std::uint64_t id, Effects& out) {
  FastReading read = std::move(fast_reads_.at(id));
  fast_reads_.erase(id);
  if (read.tally.settled(cluster_->quorum())) kept_rows(now, read.message.designated);
  ++fast_reads_ordered_;
  enqueue(read.ticket, std::move(read.message.body.operation.bytes), false, read.deadline, out);
}

void Session::tick_fast_reads(Time now, Effects& out) {
  std::vector<std::uint64_t> due;
  for (const auto& [id, read] : fast_reads_)
    if (now >= read.give_up || ended_) due.push_back(id);
  for (const std::uint64_t id : due) order_instead(now, id, out);
}

}  // namespace prytany::client
