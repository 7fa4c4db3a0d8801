// Public read-only procedures, without a session and without order: weak_quorum() replicas, each at
// whatever it had executed, gave the same outcome; so at least one correct replica had it. Of
// several such outcomes the newest is taken; all of it may still be behind the group.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "clientlib/fits.h"
#include "clientlib/session.h"
#include "server/base/ensure.h"

namespace prytany::client {
namespace {

/// Replicas at different sequence numbers may answer differently; they are asked again after this.
constexpr std::uint64_t read_retry_us = 20'000;

/// What `enough` of those with this answer had reached, so that one correct replica had.
template <class Place>
Place reached(const Tally<wire::PublicReadReply>& tally, const Digest& digest, std::size_t enough,
              Place wire::PublicReadReply::* place) {
  std::vector<Place> places;
  for (const auto& [replica, said] : tally.wholes())
    if (tally.says(replica, digest)) places.push_back(said.*place);
  ENSURE(places.size() >= enough);
  std::ranges::nth_element(places, places.begin() + static_cast<std::ptrdiff_t>(enough) - 1,
                           std::ranges::greater{});
  return places[enough - 1];
}

/// The newest of the answers that `enough` gave alike: a liar beside one replica that is behind is
/// enough, too, and must not win by having spoken first.
std::optional<Digest> newest(const Tally<wire::PublicReadReply>& tally, std::size_t enough) {
  std::optional<Digest> best;
  Seq best_place{};
  for (const auto& [replica, said] : tally.wholes()) {
    const Digest& digest = tally.said(replica);
    if (tally.count(digest) < enough) continue;
    const Seq place = reached(tally, digest, enough, &wire::PublicReadReply::executed);
    if (!best || best_place < place) {
      best = digest;
      best_place = place;
    }
  }
  return best;
}

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
  wire::PublicRead asked{id, std::move(call)};
  question.digest = wire::read_digest(asked);
  question.message = std::move(asked);
  transmit(now, question, out);
  return ticket;
}

void Session::on_read_reply(Time now, ReplicaId from, wire::PublicReadReply reply, Effects& out) {
  const auto found = reads_.find(reply.id);
  if (found == reads_.end()) return;
  Read& read = found->second;
  // Its tag is right, so the replica was asked this: somebody on the way asks in our place. No
  // voice, for f+1 answers to another question would agree, too.
  if (reply.question != read.question.digest) {
    out.push_back(Note{"replica " + std::to_string(from.value) +
                       " answers another public read than was asked -> not heard"});
    return;
  }
  const Digest digest = crypto::sha256("prytany read outcome", wire::encode(reply.outcome));
  read.tally.say(from, digest, std::move(reply));
  weigh_read(now, found->first, out);
}

void Session::tick_reads(Time now, Effects& out) {
  std::vector<std::uint64_t> due;
  for (const auto& [id, read] : reads_) {
    const Question& question = read.question;
    if (now >= std::min({question.deadline, question.resend, question.linger})) due.push_back(id);
  }
  for (const std::uint64_t id : due) {
    Question& question = reads_.at(id).question;
    if (now >= question.linger) {
      weigh_read(now, id, out);
    } else if (now >= question.deadline) {
      expire(question, out);
      reads_.erase(id);
    } else {
      transmit(now, question, out);
    }
  }
}

void Session::weigh_read(Time now, std::uint64_t id, Effects& out) {
  Read& read = reads_.at(id);
  Question& question = read.question;
  const std::size_t enough = cluster_->weak_quorum();
  const auto settled = newest(read.tally, enough);
  const auto heard = [&](ReplicaId replica) { return read.tally.heard(replica); };
  if (!settled) {
    if (std::ranges::all_of(ready(), heard))
      question.resend = std::min(question.resend, now + read_retry_us);
    return;
  }
  if (options_.linger_us != 0 && !everybody_heard(heard)) {
    if (question.linger == never) question.linger = now + options_.linger_us;
    if (now < question.linger) return;
  }
  Completion completion;
  completion.verdict = Verdict::answered;
  completion.sent = true;
  completion.agreement = read.tally.about(*settled, cluster_->replicas());
  // Whoever lies makes the answer look older, never newer.
  completion.seq = reached(read.tally, *settled, enough, &wire::PublicReadReply::executed);
  completion.agreed = reached(read.tally, *settled, enough, &wire::PublicReadReply::agreed);
  completion.outcome = read.tally.whole(*settled)->outcome;
  // A replica that is behind differs honestly: nobody is judged by a read.
  complete(question, std::move(completion), out);
  reads_.erase(id);
}

}  // namespace prytany::client
