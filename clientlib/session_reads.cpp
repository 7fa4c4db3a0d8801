// Public read-only procedures, without a session and without order: weak_quorum() replicas, each at
// whatever it had executed, gave the same outcome; so at least one correct replica had it.
#include <algorithm>

#include "clientlib/fits.h"
#include "clientlib/session.h"

namespace prytany::client {
namespace {

/// Replicas at different sequence numbers may answer differently; they are asked again after this.
constexpr std::uint64_t read_retry_us = 20'000;

}  // namespace

Ticket Session::read(Time now, wire::Call call, Time deadline, Effects& out) {
  const Ticket ticket = next_ticket();
  if (!fits(call)) {
    Completion completion;
    completion.verdict = Verdict::refused;
    completion.code = "too_large";
    completion.message = "a part of the request exceeds its limit";
    out.push_back(Completed{ticket, std::move(completion)});
    return ticket;
  }
  const std::uint64_t id = ++last_read_;
  Question& question = reads_[id].question;
  question.ticket = ticket;
  question.deadline = deadline;
  question.message = wire::PublicRead{id, std::move(call)};
  transmit(now, question, out);
  return ticket;
}

void Session::on_read_reply(Time now, ReplicaId from, wire::PublicReadReply reply, Effects& out) {
  const auto found = reads_.find(reply.id);
  if (found == reads_.end()) return;
  Read& read = found->second;
  const Digest digest = crypto::sha256("prytany read outcome", wire::encode(reply.outcome));
  read.tally.say(from, digest, std::move(reply));
  const auto settled = read.tally.settled(cluster_->weak_quorum());
  if (!settled) {
    if (read.tally.heard() >= ready().size())
      read.question.resend = std::min(read.question.resend, now + read_retry_us);
    return;
  }
  Completion completion;
  completion.verdict = Verdict::answered;
  completion.sent = true;
  completion.agreement = read.tally.about(*settled, cluster_->replicas());
  completion.seq = Seq{~std::uint64_t{0}};
  for (const ReplicaId replica : completion.agreement.agreed) {
    const wire::PublicReadReply& said = read.tally.wholes().at(replica);
    if (said.executed >= completion.seq) continue;
    completion.seq = said.executed;
    completion.agreed = said.agreed;
  }
  completion.outcome = read.tally.whole(*settled)->outcome;
  // A replica that is behind differs honestly: nobody is judged by a read.
  complete(read.question, std::move(completion), out);
  reads_.erase(found);
}

}  // namespace prytany::client
