#include "clientlib/session.h"

#include <algorithm>

#include "server/wire/client_json.h"

namespace prytany::client {
namespace {

std::string name_of(ReplicaId replica) { return "replica " + std::to_string(replica.value); }

}  // namespace

Session::Session(std::shared_ptr<const ClusterView> cluster, SessionOptions options,
                 Entropy entropy)
    : cluster_(std::move(cluster)),
      options_(options),
      entropy_(std::move(entropy)),
      signer_(draw<32>(entropy_)) {
  for (const ReplicaId replica : cluster_->replicas())
    peers_.emplace_back(Channel(cluster_, replica));
}

void Session::start(Time now, Effects& out) {
  for (Peer& peer : peers_) peer.reconnect = now;
  tick_peers(now, out);
}

// ---- connections ----------------------------------------------------------------------------

void Session::connected(Time now, ReplicaId replica, Effects& out) {
  if (!cluster_->knows(replica)) return;
  Peer& peer = peers_[replica.value];
  peer.reconnect = never;
  if (needless(replica)) return hang_up_needless(replica, out);
  peer.hello_by = now + options_.hello_timeout_us;
  out.push_back(Send{replica, std::make_shared<const std::string>(peer.channel.greet(entropy_))});
}

void Session::disconnected(Time now, ReplicaId replica, Effects& out, std::string why) {
  if (!cluster_->knows(replica)) return;
  Peer& peer = peers_[replica.value];
  peer.closing = false;
  if (needless(replica)) {
    peer.channel.down();
    peer.hello_by = never;
    return;
  }
  ++peer.failures;
  if (!why.empty()) peer.trouble = std::move(why);
  if (peer.channel.ready()) out.push_back(Note{name_of(replica) + " is gone -> connect again"});
  peer.channel.down();
  unwatch(replica);
  wish_again_later(now, peer);
  if (replica == bundling_.gateway) part(now, "is gone", true, out);
  // Whom it was to send the rows, somebody else must.
  for (auto& [number, question] : pending_) {
    const auto& submit = std::get<wire::SubmitRequest>(question.message);
    if (submit.designated == replica)
      question.resend = std::min(question.resend, now + options_.whole_patience_us);
  }
}

void Session::wish_again_later(Time now, Peer& peer) {
  peer.hello_by = never;
  peer.status_asked = 0;
  peer.backoff_us = std::clamp(peer.backoff_us * 2, options_.reconnect_first_us,
                               std::max(options_.reconnect_first_us, options_.reconnect_max_us));
  // Half to whole of the interval, so that a group's clients do not return in one wave.
  const std::uint64_t half = peer.backoff_us / 2;
  const auto dice = draw<2>(entropy_);
  const std::uint64_t part = (std::uint64_t{dice[0]} << 8) | dice[1];
  peer.reconnect = now + half + half * part / 0xffff;
}

void Session::distrust(ReplicaId replica, std::string_view why, Effects& out) {
  ++peers_[replica.value].standing.untrusted;
  hang_up(replica, why, out);
}

void Session::hang_up(ReplicaId replica, std::string_view why, Effects& out) {
  Peer& peer = peers_[replica.value];
  peer.trouble = why;
  peer.channel.down();
  peer.hello_by = never;
  out.push_back(Note{name_of(replica) + ": " + std::string(why) + " -> close the connection"});
  out.push_back(Close{replica, std::string(why)});
}

void Session::text(Time now, ReplicaId replica, std::string_view json, Effects& out) {
  if (!cluster_->knows(replica)) return;
  Peer& peer = peers_[replica.value];
  // What was on its way when we closed is no news.
  if (peer.channel.state() == Channel::State::down) return;
  auto message = peer.channel.open(json);
  leave_behind(now, out);
  if (peer.channel.state() == Channel::State::down) return;
  if (!message && peer.channel.behind()) return hang_up(replica, message.error().reason, out);
  if (!message) return distrust(replica, message.error().reason, out);
  if (auto question = peer.channel.take_question())
    out.push_back(Send{replica, std::make_shared<const std::string>(*std::move(question))});
  if (!*message) {
    if (peer.channel.ready()) became_ready(replica, out);
    return;
  }
  peer.backoff_us = 0;
  heard(now, replica, std::move(**message), out);
}

/// Another configuration has become known, by this session or another one of its process: who has
/// not come to it takes back what it said, and may try again.
void Session::leave_behind(Time now, Effects& out) {
  if (configuration_ == cluster_->configuration()) return;
  configuration_ = cluster_->configuration();
  part(now, "may be in a configuration that has been replaced", false, out);
  for (const ReplicaId replica : cluster_->replicas()) {
    const Channel& channel = peers_[replica.value].channel;
    if (!channel.ready() || !channel.behind()) continue;
    forget(replica);
    hang_up(replica, "is in a configuration that has been replaced", out);
  }
}

void Session::forget(ReplicaId replica) {
  const auto unsay = [replica](Question& question) {
    question.tally.forget(replica);
    question.refusals.erase(replica);
  };
  if (joining_) joining_->forget_token(replica);
  if (join_question_) unsay(*join_question_);
  for (auto& [number, question] : pending_) unsay(question);
  for (auto& [id, read] : reads_) {
    unsay(read.question);
    read.tally.forget(replica);
  }
  for (auto& [id, read] : fast_reads_) {
    read.tally.forget(replica);
    read.asked.erase(replica);
  }
  unwatch(replica);
  end_claims_.erase(replica);
}

void Session::became_ready(ReplicaId replica, Effects& out) {
  Peer& peer = peers_[replica.value];
  peer.hello_by = never;
  peer.failures = 0;
  peer.trouble.clear();
  peer.wants_signatures = false;
  out.push_back(Note{name_of(replica) + " has proven itself -> ask it everything pending"});
  ask_status_of(replica, out);
  if (cluster_->mac_requests)
    out.push_back(
        Send{replica, std::make_shared<const std::string>(peer.channel.speak_for(signer_))});
  if (join_question_) transmit_to(replica, *join_question_, out);
  for (auto& [number, question] : pending_)
    if (question.round > 0) transmit_to(replica, question, out);
  for (auto& [id, read] : reads_) transmit_to(replica, read.question, out);
  for (auto& [ticket, watching] : watching_) subscribe_at(replica, watching, out);
}

void Session::heard(Time now, ReplicaId from, wire::ToClient message, Effects& out) {
  if (auto* reply = std::get_if<wire::Reply>(&message)) {
    on_reply(now, from, std::move(*reply), out);
  } else if (const auto* digest = std::get_if<wire::ReplyDigest>(&message)) {
    on_digest(now, from, *digest, out);
  } else if (const auto* vouched = std::get_if<wire::IdentityTokenReply>(&message)) {
    on_token(now, from, *vouched, out);
  } else if (const auto* token = std::get_if<wire::JoinTokenReply>(&message)) {
    on_token(now, from, *token, out);
  } else if (const auto* refused = std::get_if<wire::Refused>(&message)) {
    // That it passes on no more greetings now is no word about what it was asked to bring.
    const bool of_greeting = refused->code.text == "overloaded" && refused->request == Digest{};
    if (from == bundling_.gateway && !of_greeting)
      part(now, "refuses", refused->code.text != "not_bundled", out);
    on_refused(now, from, *refused, out);
  } else if (const auto* ended = std::get_if<wire::SessionEnded>(&message)) {
    on_ended(from, *ended, out);
  } else if (auto* read = std::get_if<wire::PublicReadReply>(&message)) {
    on_read_reply(now, from, std::move(*read), out);
  } else if (auto* fast = std::get_if<wire::FastReadReply>(&message)) {
    on_fast_read(now, from, std::move(*fast), out);
  } else if (const auto* said = std::get_if<wire::FastReadDigest>(&message)) {
    on_fast_read(now, from, *said, out);
  } else if (auto* changes = std::get_if<wire::Changes>(&message)) {
    on_changes(now, from, std::move(*changes), out);
  } else if (const auto* passed = std::get_if<wire::PassedBack>(&message)) {
    on_passed_back(now, from, *passed, out);
  } else if (auto* bundle = std::get_if<wire::Bundle>(&message)) {
    on_bundle(now, from, std::move(*bundle), out);
  } else if (const auto* status = std::get_if<wire::StatusReply>(&message)) {
    // A replica speaks for itself only.
    if (status->id == status_id_ && status->replica == from) out.push_back(StatusHeard{*status});
  }
}

// ---- asking ------------------------------------------------------------------------------------

void Session::transmit(Time now, Question& question, Effects& out) {
  if (++question.round == 1) {
    question.asked = now;
    question.interval_us =
        std::clamp(4 * latency_us_, options_.retransmit_first_us,
                   std::max(options_.retransmit_first_us, options_.retransmit_max_us));
  } else {
    question.interval_us = std::min(question.interval_us * 2, options_.retransmit_max_us);
  }
  question.resend = now + question.interval_us;
  if (together() && bundle(now, question, out)) return;
  const std::vector<ReplicaId> all = ready();
  if (auto* submit = std::get_if<wire::SubmitRequest>(&question.message)) {
    if (question.whole_asked) kept_rows(now, submit->designated);
    submit->designated = question.round == 1 ? designate(now, question.number.value) : std::nullopt;
    // Whoever asks again lets nothing depend on tags.
    if (question.round > 1 || !tags_serve()) sign(question);
    if (!submit->request.proof.signature) {
      for (const ReplicaId replica : all) transmit_to(replica, question, out);
      return;
    }
  }
  std::shared_ptr<const std::string> text;
  for (const ReplicaId replica : all) {
    if (!text) text = std::make_shared<const std::string>(wire::to_json(question.message));
    question.sent = true;
    out.push_back(Send{replica, text});
  }
}

void Session::send_new(Time now, Effects& out) {
  std::vector<Question*> questions;
  for (const RequestNumber number : std::exchange(new_, {}))
    if (const auto found = pending_.find(number); found != pending_.end())
      questions.push_back(&found->second);
  if (!cluster_->mac_requests || !tags_serve()) sign(questions);
  for (Question* question : questions) transmit(now, *question, out);
}

void Session::sign(const std::vector<Question*>& questions) {
  std::vector<wire::SubmitRequest*> submits;
  std::vector<Digest> digests;
  const auto sign_these = [&] {
    if (submits.empty()) return;
    auto signatures = wire::sign_requests(cluster_->cluster, signer_, digests);
    for (std::size_t i = 0; i < submits.size(); ++i)
      submits[i]->request.proof.signature = std::move(signatures[i]);
    submits.clear();
    digests.clear();
  };
  for (Question* question : questions) {
    auto& submit = std::get<wire::SubmitRequest>(question->message);
    submit.tag.reset();
    if (submit.request.proof.signature) continue;
    submits.push_back(&submit);
    digests.push_back(question->digest);
    if (submits.size() == 1U << limits::signed_together_depth_max) sign_these();
  }
  sign_these();
}

void Session::transmit_to(ReplicaId to, Question& question, Effects& out) {
  question.sent = true;
  if (auto* submit = std::get_if<wire::SubmitRequest>(&question.message)) {
    // Nobody was there when it was first to be sent: whoever comes first sends the rows.
    if (question.round == 1 && !submit->designated) submit->designated = to;
    if (peers_[to.value].wants_signatures) {
      Question alone = question;
      sign(alone);
      out.push_back(Send{to, std::make_shared<const std::string>(wire::to_json(alone.message))});
      return;
    }
    if (!submit->request.proof.signature)
      submit->tag = peers_[to.value].channel.tag(question.digest);
  }
  out.push_back(Send{to, std::make_shared<const std::string>(wire::to_json(question.message))});
}

void Session::ask_status(Effects& out) {
  ++status_id_;
  for (const ReplicaId replica : ready()) ask_status_of(replica, out);
}

void Session::ask_status_of(ReplicaId replica, Effects& out) {
  Peer& peer = peers_[replica.value];
  if (peer.status_asked == status_id_) return;
  peer.status_asked = status_id_;
  const wire::FromClient question = wire::StatusRequest{status_id_};
  out.push_back(Send{replica, std::make_shared<const std::string>(wire::to_json(question))});
}

// ---- time --------------------------------------------------------------------------------------

void Session::tick(Time now, Effects& out) {
  leave_behind(now, out);
  tick_peers(now, out);
  tick_bundling(now, out);
  tick_questions(now, out);
  expire_queue(now, out);
  fill_window();
}

void Session::tick_peers(Time now, Effects& out) {
  for (const ReplicaId replica : cluster_->replicas()) {
    Peer& peer = peers_[replica.value];
    if (now >= peer.hello_by) hang_up(replica, "does not answer", out);
    if (now < peer.reconnect) continue;
    peer.reconnect = never;
    // A host may take a connection, or its first bytes, and then say nothing for ever.
    peer.hello_by = now + options_.hello_timeout_us;
    peer.channel.connecting();
    out.push_back(Connect{replica});
  }
}

void Session::tick_questions(Time now, Effects& out) {
  if (join_question_) {
    if (now >= join_question_->deadline) {
      expire(*join_question_, out);
      fail_join("no_quorum", "the join did not succeed in time", out);
    } else if (joining_ && now >= joining_->again) {
      begin_join(now, out);
    } else if (joining_ && now >= joining_->patience) {
      weigh_tokens(now, out);
    } else if (now >= join_question_->resend) {
      transmit(now, *join_question_, out);
    }
  }
  // Taking an answer removes it from the map: walk over numbers, not iterators.
  std::vector<RequestNumber> due;
  for (const auto& [number, question] : pending_) {
    if (now >= std::min({question.deadline, question.resend, question.linger}))
      due.push_back(number);
  }
  for (const RequestNumber number : due) {
    const auto found = pending_.find(number);
    if (found == pending_.end()) continue;
    Question& question = found->second;
    if (now >= question.linger) {
      weigh(now, question, out);
      continue;
    }
    if (now >= question.deadline) expire(question, out);
    if (now >= question.resend) transmit(now, question, out);
  }
  tick_reads(now, out);
  tick_fast_reads(now, out);
  tick_watching(now, out);
}

Time Session::deadline() const {
  Time earliest = std::min(queue_deadline_, bundling_deadline());
  for (const Peer& peer : peers_) earliest = std::min({earliest, peer.reconnect, peer.hello_by});
  const auto consider = [&](const Question& q) {
    earliest = std::min({earliest, q.deadline, q.resend, q.linger});
  };
  if (join_question_) consider(*join_question_);
  if (joining_) earliest = std::min({earliest, joining_->patience, joining_->again});
  for (const auto& [number, question] : pending_) consider(question);
  for (const auto& [id, read] : reads_) consider(read.question);
  for (const auto& [id, read] : fast_reads_) earliest = std::min(earliest, read.give_up);
  for (const auto& [ticket, watching] : watching_)
    for (const auto& [replica, again] : watching.again) earliest = std::min(earliest, again);
  return earliest;
}

// ---- what is known -----------------------------------------------------------------------------

/// When a quorum gets them, which all correct replicas are.
bool Session::tags_serve() const {
  const std::size_t met = together() ? met_through() : ready().size();
  return met + cluster_->faults >= cluster_->size();
}

std::vector<ReplicaId> Session::ready() const {
  std::vector<ReplicaId> ready;
  for (const ReplicaId replica : cluster_->replicas()) {
    if (peers_[replica.value].channel.ready()) ready.push_back(replica);
  }
  return ready;
}

bool Session::everybody_heard(const std::function<bool(ReplicaId)>& heard) const {
  return std::ranges::all_of(cluster_->replicas(), [&](ReplicaId replica) {
    const Peer& peer = peers_[replica.value];
    const bool on_its_way = peer.channel.state() != Channel::State::down && peer.failures == 0;
    return heard(replica) || !(peer.channel.ready() || on_its_way);
  });
}

const Standing& Session::standing(ReplicaId replica) const {
  ENSURE(cluster_->knows(replica));
  return peers_[replica.value].standing;
}

unsigned Session::failures(ReplicaId replica) const {
  ENSURE(cluster_->knows(replica));
  return peers_[replica.value].failures;
}

}  // namespace prytany::client
