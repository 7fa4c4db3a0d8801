// Numbered requests: from the queue through the window to a result that weak_quorum() replicas
// gave.
#include <algorithm>

#include "clientlib/fits.h"
#include "clientlib/session.h"

namespace prytany::client {
namespace {

std::string list_of(const std::vector<ReplicaId>& replicas) {
  std::string text;
  for (const ReplicaId replica : replicas)
    text += (text.empty() ? "" : ",") + std::to_string(replica.value);
  return text;
}

Completion never_sent(std::string code, std::string message) {
  Completion completion;
  completion.verdict = Verdict::refused;
  completion.code = std::move(code);
  completion.message = std::move(message);
  return completion;
}

/// An answer of the middleware, not of an application or of SQL.
bool is_session_error(const wire::ErrorReply& error) {
  return error.procedure.text.empty() && error.statement == 0 &&
         (error.code.text == "unknown_session" || error.code.text == "session_ended" ||
          error.code.text == "number_too_old");
}

}  // namespace

Ticket Session::submit(Time, const wire::Operation& operation, Time deadline, Effects& out) {
  const Ticket ticket = next_ticket();
  if (!fits(operation)) {
    out.push_back(
        Completed{ticket, never_sent("too_large", "a part of the request exceeds its limit")});
    return ticket;
  }
  enqueue(ticket, wire::encode(operation), std::holds_alternative<wire::Leave>(operation), deadline,
          out);
  return ticket;
}

void Session::enqueue(Ticket ticket, Bytes operation, bool leaves, Time deadline, Effects& out) {
  const auto refuse = [&](std::string code, std::string message) {
    out.push_back(Completed{ticket, never_sent(std::move(code), std::move(message))});
  };
  if (ended_) return refuse("session_ended", "the session has ended: " + *ended_);
  if (queue_.size() >= options_.queue_max)
    return refuse("queue_full", "too many requests wait for their turn in this session");
  if (operation.size() > limits::request_bytes_max)
    return refuse("too_large", "a request is at most " + std::to_string(limits::request_bytes_max) +
                                   " bytes, this one has " + std::to_string(operation.size()));
  queue_.push_back({ticket, std::move(operation), deadline, leaves});
  queue_deadline_ = std::min(queue_deadline_, deadline);
  fill_window();
}

void Session::fill_window() {
  while (session_.value != 0 && !ended_ && !queue_.empty()) {
    const std::uint64_t lowest =
        pending_.empty() ? last_number_ + 1 : pending_.begin()->first.value;
    if (pending_.size() >= options_.depth_max ||
        last_number_ + 1 >= lowest + limits::session_window)
      return;
    // A leave goes last: what it overtook could not be answered any more.
    if (queue_.front().leaves && !pending_.empty()) return;
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    const RequestNumber number{++last_number_};
    wire::ClientRequest request;
    request.body = {session_, number, signer_.public_key(), {std::move(next.operation)}};
    const Digest digest = wire::request_digest(request.body);
    Question& question = pending_[number];
    question.ticket = next.ticket;
    question.deadline = next.deadline;
    question.leaves = next.leaves;
    question.digest = digest;
    question.number = number;
    question.message = wire::SubmitRequest{std::move(request), std::nullopt};
    new_.push_back(number);
  }
  if (queue_.empty()) queue_deadline_ = never;
}

void Session::expire_queue(Time now, Effects& out) {
  if (now < queue_deadline_) return;
  queue_deadline_ = never;
  std::deque<Queued> kept;
  for (Queued& queued : queue_) {
    if (now >= queued.deadline) {
      Completion completion;
      completion.code = "no_quorum";
      completion.message = "the request was not sent in time: " +
                           std::string(session_.value == 0 ? "the session has not joined"
                                                           : "earlier requests are unanswered");
      out.push_back(Completed{queued.ticket, std::move(completion)});
      continue;
    }
    queue_deadline_ = std::min(queue_deadline_, queued.deadline);
    kept.push_back(std::move(queued));
  }
  queue_ = std::move(kept);
}

/// Everybody sends digests, one the rows: the work is spread over the group.
std::optional<ReplicaId> Session::designate(Time now, std::uint64_t number) const {
  const auto all = ready();
  auto candidates = all;
  std::erase_if(candidates, [&](ReplicaId id) { return now < peers_[id.value].rows_again; });
  if (candidates.empty()) candidates = all;
  if (candidates.empty()) return std::nullopt;
  return candidates[number % candidates.size()];
}

/// The others agreed, and it was to send the rows. All that was asked at once counts once.
void Session::kept_rows(Time now, std::optional<ReplicaId> designated) {
  if (!designated) return;
  Peer& peer = peers_[designated->value];
  if (now < peer.rows_again) return;
  peer.rows_pause_us = std::clamp(2 * peer.rows_pause_us, options_.rows_pause_us,
                                  std::max(options_.rows_pause_us, options_.rows_pause_max_us));
  peer.rows_again = now + peer.rows_pause_us;
}

// ---- voices ---------------------------------------------------------------------------------

void Session::on_reply(Time now, ReplicaId from, wire::Reply reply, Effects& out) {
  const Digest digest = wire::reply_digest(cluster_->cluster, reply);
  if (joining_ && joining_->ordering && reply.session.value == 0 &&
      reply.number == join_question_->number && reply.request == join_question_->digest) {
    join_question_->tally.say(from, digest, std::move(reply));
    return weigh(now, *join_question_, out);
  }
  if (session_.value == 0 || reply.session != session_) return;
  const auto found = pending_.find(reply.number);
  if (found == pending_.end()) return judge_late(from, reply.number, digest, out);
  // A reply to another request under our number is a voice too: a differing one.
  found->second.tally.say(from, digest, std::move(reply));
  weigh(now, found->second, out);
}

void Session::on_digest(Time now, ReplicaId from, const wire::ReplyDigest& said, Effects& out) {
  if (joining_ && joining_->ordering && said.session.value == 0 &&
      said.number == join_question_->number && said.request == join_question_->digest) {
    join_question_->tally.say(from, said.reply);
    return weigh(now, *join_question_, out);
  }
  if (session_.value == 0 || said.session != session_) return;
  const auto found = pending_.find(said.number);
  if (found == pending_.end()) return judge_late(from, said.number, said.reply, out);
  // A digest for another request under our number is a voice too, for a reply that nobody has.
  found->second.tally.say(from, said.request == found->second.digest
                                    ? said.reply
                                    : crypto::sha256("prytany other request", wire::encode(said)));
  weigh(now, found->second, out);
}

bool Session::lingers(Time now, Question& question, Time& until) const {
  if (options_.linger_us == 0) return false;
  if (everybody_heard([&](ReplicaId replica) { return question.tally.heard(replica); }))
    return false;
  if (until == never) until = now + options_.linger_us;
  return now < until;
}

void Session::weigh(Time now, Question& question, Effects& out) {
  const auto digest = question.tally.settled(cluster_->weak_quorum());
  if (!digest) return;
  const wire::Reply* whole = question.tally.whole(*digest);
  if (whole == nullptr) {
    if (question.whole_asked) return;
    question.whole_asked = true;
    const std::uint64_t patience = std::max(options_.whole_patience_us, now - question.asked);
    question.resend = std::min(question.resend, now + patience);
    return;
  }
  // weak_quorum() would have to be faulty to say otherwise; nobody else may be believed instead.
  if (whole->session != session_ || whole->number != question.number ||
      whole->request != question.digest)
    return;
  if (lingers(now, question, question.linger)) return;
  const Agreement agreement = question.tally.about(*digest, cluster_->replicas());
  if (join_question_ && &question == &*join_question_)
    return take_join(now, wire::Reply(*whole), agreement, out);
  take(now, question, wire::Reply(*whole), agreement, out);
}

void Session::take(Time now, Question& question, wire::Reply reply, const Agreement& agreement,
                   Effects& out) {
  const RequestNumber number = question.number;
  const bool leaves = question.leaves;
  // Not what we waited for those who agree with an answer that we had.
  const Time settled =
      question.linger == never ? now : Time{question.linger.value - options_.linger_us};
  const std::uint64_t took_us = settled - question.asked;
  const bool by_gateway = question.bundled && question.round == 1;
  // Measured from the first sending: too long when it was lost, which only makes us more patient.
  // What a gateway kept is no measure of anybody.
  if (!question.bundled) {
    latency_us_ = smoothed(latency_us_, took_us);
    asked_all_us_ = smoothed(asked_all_us_, took_us);
  }
  const auto* const submit = std::get_if<wire::SubmitRequest>(&question.message);
  if (submit != nullptr && submit->designated && question.round == 1)
    peers_[submit->designated->value].rows_pause_us = 0;
  judge(agreement, "request " + std::to_string(number.value), out);
  settled_.push_back({number, wire::reply_digest(cluster_->cluster, reply)});
  if (settled_.size() > limits::session_window) settled_.pop_front();

  Completion completion;
  completion.verdict = Verdict::answered;
  completion.sent = true;
  completion.seq = reply.seq;
  completion.agreed = reply.agreed;
  completion.number = number;
  completion.agreement = agreement;
  std::optional<std::string> lost;
  if (const auto* error = std::get_if<wire::ErrorReply>(&reply.outcome);
      error != nullptr && is_session_error(*error)) {
    // It did not run now; whether it ran before the session ended, nobody can say any more.
    completion.verdict = Verdict::outcome_unknown;
    completion.code = error->code.text;
    completion.message = "the session ended before the answer came: the request may have run";
    if (error->code.text != "number_too_old") lost = error->code.text;
  } else {
    completion.outcome = std::move(reply.outcome);
  }
  const bool left = leaves && std::holds_alternative<wire::DoneReply>(completion.outcome) &&
                    completion.verdict == Verdict::answered;
  complete(question, std::move(completion), out);
  pending_.erase(number);
  hang_up_others(out);
  if (left) lost = "left";
  if (lost) return end(*lost, out);
  if (by_gateway && together()) measure_gateway(now, took_us, out);
  fill_window();
}

void Session::judge(const Agreement& agreement, const std::string& about, Effects& out) {
  for (const ReplicaId replica : agreement.agreed) ++peers_[replica.value].standing.agreed;
  // Through a gateway no more are heard than are needed.
  if (!together())
    for (const ReplicaId replica : agreement.silent) ++peers_[replica.value].standing.silent;
  for (const ReplicaId replica : agreement.differed) {
    ++peers_[replica.value].standing.differed;
    out.push_back(Note{"replica " + std::to_string(replica.value) + " differs from " +
                       list_of(agreement.agreed) + " about " + about +
                       " -> its answer is not used"});
  }
}

void Session::judge_late(ReplicaId from, RequestNumber number, const Digest& reply, Effects& out) {
  const auto found = std::ranges::find(settled_, number, &Settled::number);
  if (found == settled_.end()) return;
  Standing& standing = peers_[from.value].standing;
  if (found->reply == reply) {
    // Counted as silent when the result was taken. A replica that repeats itself gains nothing.
    if (standing.silent > 0) {
      --standing.silent;
      ++standing.agreed;
    }
    return;
  }
  ++standing.differed;
  out.push_back(Note{"replica " + std::to_string(from.value) + " differs, late, about request " +
                     std::to_string(number.value) + " -> its answer is not used"});
}

}  // namespace prytany::client
