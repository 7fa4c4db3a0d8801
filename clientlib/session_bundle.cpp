// One connection instead of n (docs/decisions/0027-a-reply-bundle.md): a gateway passes our
// requests on and brings the others' answers. It can keep them from us, and then we ask all; it
// cannot make them.
#include <algorithm>

#include "clientlib/session.h"
#include "server/wire/client_json.h"

namespace prytany::client {
namespace {

std::shared_ptr<const std::string> as_text(wire::FromClient message) {
  return std::make_shared<const std::string>(wire::to_json(message));
}

std::string gateway_name(ReplicaId replica) {
  return "replica " + std::to_string(replica.value) + ", our gateway,";
}

/// The same hello is asked of a replica no more often: it may be a liar that knows us never.
constexpr std::uint64_t greet_again_us = 1'000'000;

}  // namespace

/// What a gateway does not bring has to be asked of all.
bool Session::may_bundle() const {
  return options_.connections == Connections::one && session_.value != 0 && !ended_ &&
         watching_.empty() && reads_.empty() && fast_reads_.empty();
}

Time Session::bundling_deadline() const {
  const bool apart = bundling_.state == Bundling::State::apart;
  if (!may_bundle()) return apart || ended_ ? never : Time{};
  return bundling_.next;
}

void Session::tick_bundling(Time now, Effects& out) {
  if (options_.connections == Connections::all) return;
  if (bundling_.state != Bundling::State::apart && !may_bundle()) {
    if (!ended_) part(now, "cannot bring all that is asked", false, out);
    return;
  }
  if (together()) return;
  if (now < bundling_.next) return;
  if (bundling_.state == Bundling::State::apart) {
    if (may_bundle()) begin_bundling(now, out);
  } else if (met_through() + cluster_->faults >= cluster_->size()) {
    come_together(now, out);
  } else {
    part(now, "reaches too few", true, out);
  }
}

/// The others hang up once those who were asked directly have answered.
void Session::hang_up_others(Effects& out) {
  const bool heard = pending_.empty() || pending_.begin()->first > bundling_.last_direct;
  if (!together() || bundling_.alone || !heard) return;
  bundling_.alone = true;
  for (const ReplicaId replica : cluster_->replicas()) {
    if (replica == bundling_.gateway) continue;
    Peer& peer = peers_[replica.value];
    peer.reconnect = never;
    // One that does not stand yet hangs up when it does.
    const Channel::State state = peer.channel.state();
    if (state != Channel::State::down && state != Channel::State::connecting)
      hang_up_needless(replica, out);
  }
}

void Session::hang_up_needless(ReplicaId replica, Effects& out) {
  Peer& peer = peers_[replica.value];
  peer.channel.down();
  peer.hello_by = never;
  peer.closing = true;
  out.push_back(Close{replica, "one connection is enough"});
}

/// The gateway, and whom it has brought a greeting of.
std::size_t Session::met_through() const {
  return 1 + static_cast<std::size_t>(std::ranges::count_if(bundling_.through, &Channel::ready));
}

void Session::begin_bundling(Time now, Effects& out) {
  const std::vector<ReplicaId> candidates = ready();
  // Sessions spread over the replicas, and whoever was failed tries the next one.
  if (candidates.size() + cluster_->faults < cluster_->size()) {
    bundling_.next = now + options_.gateway_pause_us;
    return;
  }
  bundling_.gateway = candidates[(session_.value + bundling_.failed) % candidates.size()];
  bundling_.state = Bundling::State::greeting;
  bundling_.next = now + options_.gateway_patience_us;
  bundling_.through.clear();
  bundling_.greet_again.assign(cluster_->size(), now + greet_again_us);
  for (const ReplicaId replica : cluster_->replicas())
    bundling_.through.emplace_back(cluster_, replica);
  for (const ReplicaId replica : cluster_->replicas())
    if (replica != bundling_.gateway) greet_through(replica, out);
  if (met_through() == cluster_->size()) come_together(now, out);
}

void Session::greet_through(ReplicaId replica, Effects& out) {
  const auto hello = bundling_.through[replica.value].hello(entropy_);
  out.push_back(Send{bundling_.gateway, as_text(wire::PassOn{replica, hello})});
}

void Session::come_together(Time now, Effects& out) {
  bundling_.state = Bundling::State::together;
  bundling_.last_direct = RequestNumber{last_number_};
  bundling_.since = bundling_.answered = now;
  bundling_.alone = false;
  bundling_.next = never;
  bundling_.latency_us = 0;
  bundling_.answers = 0;
  out.push_back(Note{gateway_name(bundling_.gateway) + " reaches " +
                     std::to_string(met_through() - 1) + " others -> ask through it"});
  hang_up_others(out);
}

/// Back to all of them; what is unanswered they are asked anew.
void Session::part(Time now, const std::string& why, bool failed, Effects& out) {
  if (bundling_.state == Bundling::State::apart) return;
  const bool asked = together();
  const bool were_alone = asked && bundling_.alone;
  bundling_.state = Bundling::State::apart;
  bundling_.through.clear();
  if (failed) {
    ++bundling_.failed;
    // Failures long ago say nothing about the next gateway. One that serves as long as we waited
    // for it, and fails then, costs us no more than half of the time.
    if (asked && bundling_.answered > bundling_.since + bundling_.pause_us) bundling_.pause_us = 0;
    bundling_.pause_us =
        std::clamp(bundling_.pause_us * 2, options_.gateway_pause_us,
                   std::max(options_.gateway_pause_us, options_.gateway_pause_max_us));
  }
  bundling_.next = now + std::max(bundling_.pause_us, options_.gateway_pause_us);
  out.push_back(Note{gateway_name(bundling_.gateway) + " " + why + " -> ask all replicas"});
  if (were_alone) {
    for (const ReplicaId replica : cluster_->replicas()) {
      Peer& peer = peers_[replica.value];
      peer.backoff_us = 0;
      // (One that is being closed is dialled again when it is.)
      if (replica != bundling_.gateway && !peer.closing &&
          peer.channel.state() == Channel::State::down)
        peer.reconnect = now;
    }
    tick_peers(now, out);
  }
  if (!asked) return;
  std::vector<Question*> unanswered;
  for (auto& [number, question] : pending_) {
    if (number <= bundling_.last_direct || question.round == 0) continue;
    // Each is asked as soon as it is connected to; soon after, everybody for the whole.
    unanswered.push_back(&question);
    question.resend = std::min(question.resend, now + options_.whole_patience_us);
  }
  sign(unanswered);
}

bool Session::bundle(Time now, Question& question, Effects& out) {
  auto* const submit = std::get_if<wire::SubmitRequest>(&question.message);
  if (submit == nullptr || question.number <= bundling_.last_direct) return false;
  if (question.round > 1) {
    part(now, "is silent", true, out);
    return false;
  }
  if (submit->request.body.operation.bytes.size() > limits::bundled_request_bytes_max) {
    part(now, "does not bring large requests", false, out);
    return false;
  }
  const ReplicaId gateway = bundling_.gateway;
  if (!tags_serve() || peers_[gateway.value].wants_signatures) sign(question);
  wire::BundleRequest asked{submit->request, {}};
  if (!asked.request.proof.signature) {
    for (const ReplicaId replica : cluster_->replicas()) {
      const Channel& channel =
          replica == gateway ? peers_[replica.value].channel : bundling_.through[replica.value];
      // To whom it did not bring us, it is no use to pass this on, and no harm.
      asked.tags.items.push_back(channel.ready() ? channel.tag(question.digest) : crypto::Tag16{});
    }
  }
  submit->designated = gateway;
  question.bundled = true;
  question.sent = true;
  out.push_back(Send{gateway, as_text(std::move(asked))});
  return true;
}

/// A gateway may answer just before it would be asked again, each time: it is left when it takes
/// much longer than all replicas did when they were asked, one of the f+1 fastest of which is
/// correct. Should the group itself be as slow, or have become so, asking all of them tells. How
/// long the join took is no measure: a faulty primary could make a faulty gateway look normal.
void Session::measure_gateway(Time now, std::uint64_t took_us, Effects& out) {
  constexpr unsigned enough_answers = 16;
  bundling_.answered = now;
  bundling_.latency_us = smoothed(bundling_.latency_us, took_us);
  if (++bundling_.answers < enough_answers) return;
  const std::uint64_t usual_us = asked_all_us_ > 0 ? asked_all_us_ : options_.gateway_slack_us;
  if (bundling_.latency_us > 4 * usual_us + options_.gateway_slack_us)
    part(now, "is slow", true, out);
}

void Session::on_passed_back(Time now, ReplicaId from, const wire::PassedBack& passed,
                             Effects& out) {
  const ReplicaId by = passed.from;
  if (bundling_.state == Bundling::State::apart || from != bundling_.gateway ||
      !cluster_->knows(by) || by == from)
    return;
  Channel& channel = bundling_.through[by.value];
  const auto* const refused = std::get_if<wire::Refused>(&passed.voice.message);
  if (refused != nullptr &&
      (refused->code.text == "hello_first" || refused->code.text == "speak_for_first")) {
    // It was restarted, or cut off from the gateway: whoever says so, it costs us a hello.
    Time& again = bundling_.greet_again[by.value];
    if (now < again) return;
    again = now + greet_again_us;
    return greet_through(by, out);
  }
  if (channel.state() == Channel::State::down) return;
  wire::ToClient said =
      std::visit([](const auto& m) { return wire::ToClient(m); }, passed.voice.message);
  auto message = channel.hear(std::move(said), passed.voice.tag);
  leave_behind(now, out);
  if (bundling_.state == Bundling::State::apart) return;
  // Another key, or a newer configuration, is proven on a connection of its own.
  if (!message || channel.state() == Channel::State::asking) {
    channel.down();
    if (met_through() + cluster_->faults < cluster_->size())
      return part(now, "brings what others would not say", true, out);
    out.push_back(Note{gateway_name(bundling_.gateway) + " brings what replica " +
                       std::to_string(by.value) +
                       " would not say, or it lies itself -> do without it"});
    return;
  }
  if (*message) return heard(now, by, std::move(**message), out);
  if (cluster_->mac_requests)
    out.push_back(Send{from, as_text(wire::PassOn{by, channel.speaking_for(signer_)})});
  if (!together() && met_through() == cluster_->size()) come_together(now, out);
}

void Session::on_bundle(Time now, ReplicaId from, wire::Bundle said, Effects& out) {
  const RequestNumber number = said.reply.number;
  const wire::ReplyDigest digest{said.reply.session, number, said.reply.request,
                                 wire::reply_digest(cluster_->cluster, said.reply)};
  // Of 2f others f may be faulty, and the gateway cannot tell who is: their tags prove nothing, and
  // are none of its doing.
  std::vector<ReplicaId> voices;
  if (together() && from == bundling_.gateway) {
    for (const wire::OtherTag& other : said.others) {
      // Its own word is one, however often it says it.
      const bool another = cluster_->knows(other.replica) && other.replica != from;
      if (another && bundling_.through[other.replica.value].ready() &&
          bundling_.through[other.replica.value].check(digest, other.tag))
        voices.push_back(other.replica);
    }
  }
  // An answer may let the next request go, and that may end the bundling: all was checked before.
  for (const ReplicaId replica : voices) on_digest(now, replica, digest, out);
  on_reply(now, from, std::move(said.reply), out);
  const auto open = pending_.find(number);
  const bool short_of = open != pending_.end() && number > bundling_.last_direct &&
                        !open->second.tally.settled(cluster_->weak_quorum());
  if (together() && from == bundling_.gateway && short_of)
    part(now, "brings too few tags that prove anything", true, out);
}

}  // namespace prytany::client
