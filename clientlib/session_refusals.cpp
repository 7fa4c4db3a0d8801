// What does not end in an answer: refusals, the end of the session, the caller's deadline.
#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "clientlib/session.h"

namespace prytany::client {

void Session::on_refused(Time now, ReplicaId from, const wire::Refused& refused, Effects& out) {
  Question* question = nullptr;
  if (join_question_ && join_question_->digest == refused.request) question = &*join_question_;
  for (auto& [number, pending] : pending_) {
    if (pending.digest == refused.request) question = &pending;
  }
  out.push_back(Note{"replica " + std::to_string(from.value) + " refuses (" + refused.code.text +
                     ": " + refused.message.text + ") -> one voice, believed only from " +
                     std::to_string(cluster_->quorum())});
  for (auto& [id, read] : reads_) {
    if (read.question.digest == refused.request) question = &read.question;
  }
  if (question == nullptr && on_watch_refused(now, from, refused, out)) return;
  if (question == nullptr) return abstained(now, from, refused.request, out);
  // It cannot check our tags on this connection: it gets signatures, and nobody else is troubled.
  Peer& peer = peers_[from.value];
  if (refused.code.text == "speak_for_first" && !peer.wants_signatures) {
    peer.wants_signatures = true;
    return transmit_to(from, *question, out);
  }
  Refusal& refusal = question->refusals[from];
  if (refusal.code != refused.code.text) refusal = {refused.code.text, refused.message.text, 0, 0};
  if (refusal.heard_in != question->round) ++refusal.rounds;
  refusal.heard_in = question->round;
  weigh_refusals(now, *question, out);
}

void Session::weigh_refusals(Time now, Question& question, Effects& out) {
  for (const auto& [from, refusal] : question.refusals) {
    if (is_passing(refusal.code)) continue;
    std::vector<unsigned> alike;
    for (const auto& [other, said] : question.refusals)
      if (said.code == refusal.code) alike.push_back(said.rounds);
    // Not weak_quorum(): correct replicas that are behind refuse, honestly, what the group has long
    // accepted, so that one liar and one late replica would end a good session.
    if (alike.size() < cluster_->quorum()) continue;
    // As often as a quorum said so. One that said it once, and is silent since, takes nothing from
    // the others' word.
    std::ranges::sort(alike, std::greater<>());
    const unsigned rounds = alike[cluster_->quorum() - 1];
    if (rounds >= options_.refusal_rounds) return believe_refusal(question, Refusal(refusal), out);
    question.resend = std::min(question.resend, now + (options_.refusal_retry_us << rounds));
    return;
  }
}

void Session::believe_refusal(Question& question, const Refusal& refusal, Effects& out) {
  Completion completion;
  completion.verdict = Verdict::refused;
  completion.sent = true;
  completion.code = refusal.code;
  completion.message = refusal.message;
  if (join_question_ && &question == &*join_question_) {
    complete(question, std::move(completion), out);
    return fail_join(refusal.code, refusal.message, out);
  }
  if (const auto* read = std::get_if<wire::PublicRead>(&question.message)) {
    complete(question, std::move(completion), out);
    reads_.erase(read->id);
    return;
  }
  if (means_no_session(refusal.code)) return end(refusal.code, out);
  const RequestNumber number = question.number;
  completion.number = number;
  // Too old: it ran, or its number went by; the stored reply is gone.
  if (refusal.code == "number_too_old") completion.verdict = Verdict::outcome_unknown;
  complete(question, std::move(completion), out);
  pending_.erase(number);
  // Numbers have no gaps: what follows a number that the group will not take cannot run for long.
  end("request_refused", out);
}

bool Session::leaving() const {
  return std::ranges::any_of(pending_, [](const auto& entry) { return entry.second.leaves; });
}

void Session::on_ended(ReplicaId from, const wire::SessionEnded& said, Effects& out) {
  if (session_.value == 0 || said.session != session_ || ended_) return;
  // Our own LEAVE is about to be answered.
  if (said.reason.text == "left" && leaving()) return;
  end_claims_[from] = said.reason.text;
  const auto alike = static_cast<std::size_t>(std::ranges::count_if(
      end_claims_, [&](const auto& claim) { return claim.second == said.reason.text; }));
  out.push_back(Note{"replica " + std::to_string(from.value) + " says the session ended (" +
                     said.reason.text + ") -> " +
                     (alike >= cluster_->weak_quorum() ? "believed" : "one voice")});
  if (alike >= cluster_->weak_quorum()) end(said.reason.text, out);
}

void Session::end(const std::string& reason, Effects& out) {
  if (ended_) return;
  ended_ = reason;
  std::map<RequestNumber, Question> pending;
  pending.swap(pending_);
  for (auto& [number, question] : pending) {
    Completion completion;
    completion.verdict = question.sent ? Verdict::outcome_unknown : Verdict::refused;
    completion.sent = question.sent;
    completion.number = number;
    completion.code = question.sent ? "outcome_unknown" : "session_ended";
    completion.message = question.sent ? "the session ended (" + reason +
                                             ") before the answer came: the request may have run"
                                       : "the session has ended: " + reason;
    complete(question, std::move(completion), out);
  }
  refuse_queue("session_ended", "the session has ended: " + reason, out);
  end_watching("session_ended", "the session has ended: " + reason, out);
  out.push_back(Ended{reason});
}

void Session::refuse_queue(const std::string& code, const std::string& message, Effects& out) {
  std::deque<Queued> queue;
  queue.swap(queue_);
  queue_deadline_ = never;
  for (const Queued& queued : queue) {
    Completion completion;
    completion.verdict = Verdict::refused;
    completion.code = code;
    completion.message = message;
    out.push_back(Completed{queued.ticket, std::move(completion)});
  }
}

void Session::expire(Question& question, Effects& out) {
  Completion completion;
  // A request that left may be ordered at any time from now on. (A join, too; but one that nobody
  // waits for changes nothing that anybody asked for.)
  const bool joins = join_question_ && &question == &*join_question_;
  const bool may_run = question.number.value != 0 && question.sent && !joins;
  completion.verdict = may_run ? Verdict::outcome_unknown : Verdict::no_quorum;
  completion.sent = question.sent;
  completion.number = question.number;
  completion.code = may_run ? "outcome_unknown" : "no_quorum";
  completion.message = "fewer than " + std::to_string(cluster_->weak_quorum()) +
                       " replicas answered alike in time (" +
                       std::to_string(question.tally.heard()) + " of " +
                       std::to_string(cluster_->size()) + " answered, " +
                       std::to_string(ready().size()) + " are connected)";
  // Each once: of a certificate that nobody believes all replicas have the same.
  std::set<std::string> troubles;
  for (const ReplicaId replica : cluster_->replicas()) {
    const std::string& trouble = peers_[replica.value].trouble;
    if (!trouble.empty() && troubles.insert(trouble).second)
      completion.message += "; replica " + std::to_string(replica.value) + ": " + trouble;
  }
  std::set<std::string> codes;
  for (const auto& [from, refusal] : question.refusals) codes.insert(refusal.code);
  for (const std::string& refused : codes) completion.message += "; refused by some: " + refused;
  if (may_run) completion.message += "; the request may have run, or may still run, once";
  // Nobody's digest won: whoever spoke differed.
  for (const ReplicaId replica : cluster_->replicas()) {
    auto& list =
        question.tally.heard(replica) ? completion.agreement.differed : completion.agreement.silent;
    list.push_back(replica);
  }
  complete(question, std::move(completion), out);
}

void Session::complete(Question& question, Completion completion, Effects& out) {
  question.deadline = never;
  if (question.told) return;
  question.told = true;
  out.push_back(Completed{question.ticket, std::move(completion)});
}

}  // namespace prytany::client
