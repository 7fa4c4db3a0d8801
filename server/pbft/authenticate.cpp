// Requests that clients tagged for each replica instead of signing them for all (docs/design.md
// section 7; docs/protocol.md, requests without signatures). A tag convinces one replica only. So
// each backup tells the primary which it found right (VERIFIED), and the primary proposes what a
// quorum vouches for: weak_quorum() correct replicas among it accept the proposal, and their
// PREPAREs convince the rest. A client whose tags are right here and wrong there gains nothing: the
// request is proposed and accepted by all, or it is not proposed and no timer runs for it.
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {

/// `from`: the replica that passed it on; nothing if the client's own tag for us was right.
void Replica::Core::take_in_unsigned(const Digest& digest, wire::ClientRequest request,
                                     std::optional<ReplicaId> from) {
  const SessionId session = request.body.session;
  const RequestNumber number = request.body.number;
  if (from) vouching_.said(*from, digest);
  std::optional<Refusal> refusal;
  if (backlog_.knows(digest)) {
    refusal = Refusal::request_known;
  } else {
    refusal = from ? vouching_.bring(now_, *from, digest, std::move(request))
                   : vouching_.add(now_, digest, std::move(request));
  }
  // No word for what is not kept: whoever pours in requests would make the words for those that
  // wait be forgotten, and a primary that remembers them would propose what nobody can prove.
  if (!from && (!refusal || refusal == Refusal::request_known)) vouch(digest);
  if (refusal) {
    drop(*refusal, "request s", session, "/", number);
  } else {
    active_at_ = now_;
    trace("request s", session, "/", number, " bears no signature -> wait for the word of ",
          config_.group.quorum());
  }
  settle(digest);
}

/// It is authentic here: the primary wants to know, with what else became so in this turn.
void Replica::Core::vouch(const Digest& digest) {
  if (vouching_.vouch(digest) && !is_primary()) untold_.push_back(digest);
}

/// There is more word of it than before.
void Replica::Core::settle(const Digest& digest) {
  if (!vouching_.authentic(digest)) {
    if (!vouching_.believed(digest)) return;
    vouch(digest);
  }
  if (vouching_.waits(digest) && vouching_.words(digest) >= config_.group.quorum())
    enqueue(digest, vouching_.take(digest));
  if (unverified_.empty()) return;
  for (const Seq seq : std::set<Seq>(unverified_)) {
    Slot* slot = window_.find(seq);
    const bool waits = slot != nullptr && slot->standing() == Standing::unverified;
    if (waits && !diverged_) {
      settle(seq, *slot);
    } else {
      unverified_.erase(seq);
    }
  }
}

/// A proposal that waits for word may have it now.
void Replica::Core::settle(Seq seq, Slot& slot) {
  if (!authentic(*slot.proposed(), slot.prepares)) return;
  unverified_.erase(seq);
  consider(seq, slot);
}

/// Each request has a quorum's word, but each may be wrong at another backup, so that nobody finds
/// the whole batch right by itself and sends PREPARE. So those who wait tell each other which of
/// its requests they found right; of each, weak_quorum() correct replicas did.
void Replica::Core::wait_for_word(Seq seq, Slot& slot) {
  slot.set_standing(Standing::unverified);
  unverified_.insert(seq);
  trace("pre-prepare n", seq, " has requests that are not authentic here -> wait for ",
        config_.group.weak_quorum(), " others' word");
  share_words(*slot.proposed());
}

void Replica::Core::share_words(const Body& body) {
  wire::Verified message;
  auto digest = body.requests.begin();
  for (const wire::ClientRequest& request : body.batch.requests) {
    if (!request.proof.signature && vouching_.authentic(*digest))
      message.requests.items.push_back(*digest);
    ++digest;
  }
  if (!message.requests.empty()) broadcast(std::move(message), true);
}

/// A PREPARE is its sender's word for every request of the batch.
bool Replica::Core::authentic(const Body& body, const VoteSet<Digest>& prepares) {
  auto digest = body.requests.begin();
  bool all = true;
  for (const wire::ClientRequest& request : body.batch.requests) {
    const Digest& d = *digest++;
    if (request.proof.signature || vouching_.authentic(d)) continue;
    for (std::uint16_t i = 0; i < config_.group.size(); ++i) {
      const Digest* prepared = prepares.of(ReplicaId{i});
      if (prepared != nullptr && *prepared == body.digest) vouching_.said(ReplicaId{i}, d);
    }
    if (vouching_.believed(d)) {
      vouch(d);
    } else {
      all = false;
    }
  }
  return all;
}

/// A proposal that I accept, on others' word or my own: all in it is authentic from now on.
void Replica::Core::believe(const Body& body) {
  auto digest = body.requests.begin();
  for (const wire::ClientRequest& request : body.batch.requests) {
    if (!request.proof.signature) (void)vouching_.vouch(*digest);
    ++digest;
  }
}

void Replica::Core::on(ReplicaId from, const wire::Verified& message) {
  if (!config_.mac_requests) return drop(Refusal::not_for_replica, "verified from r", from);
  if (!peers_.may_vouch(now_, from, message.requests.size()))
    return drop(Refusal::too_often, "verified from r", from);
  trace("r", from, " vouches for ", message.requests.size(), " requests -> remember it");
  wire::Verified mine;
  for (const Digest& digest : message.requests) {
    const bool told_before = vouching_.authentic(digest);
    const bool news = vouching_.said(from, digest);
    settle(digest);
    // It waits there for a quorum's word, mine among it, and here no longer: it has that word, or a
    // number. Without mine nobody else might count the time in which it waits.
    if (told_before && news && from != leader() && !leads() && backlog_.knows(digest))
      mine.requests.items.push_back(digest);
    // Somebody says what waits for a quorum's word. Mine may have been lost, and if I only believe
    // others and do not have the request, nothing else makes me say it again. (This goes to the
    // leader, who answers nobody, or has entered a later view, whose leader answers nobody.)
    const bool silent_here = from == leader() || !vouching_.waits(digest);
    if (told_before && silent_here && !leads()) untold_.push_back(digest);
    // Another backup tries the primary with it, or has waited for long. Who waits, too, gives it
    // its word now, and the others, so that all know what the primary may propose.
    if (told_before && !silent_here && !leads() && peers_.may_hurry(now_, from))
      vouching_.hurry(now_, digest);
  }
  if (!mine.requests.empty()) send(from, std::move(mine), true);
}

/// At the end of a turn, so that one message names all that came in it.
void Replica::Core::tell_primary() {
  std::vector<Digest> told = std::exchange(untold_, {});
  if (told.empty() || leads() || config_.group.n == 1) return;
  for (std::size_t first = 0; first < told.size(); first += limits::verified_requests_max) {
    const auto begin = told.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = std::min(limits::verified_requests_max, told.size() - first);
    send(leader(), wire::Verified{{{begin, begin + static_cast<std::ptrdiff_t>(count)}}}, true);
  }
}

/// To a primary that may not have heard it: a new one, or one whose link was down.
void Replica::Core::tell_again() {
  if (!config_.mac_requests || is_primary()) return;
  untold_ = vouching_.waiting_here();
  for (const Digest& digest : backlog_.waiting_unsigned()) untold_.push_back(digest);
}

/// A retransmission interval has passed and they have no number. Now everybody is told: those who
/// missed the client's tag believe it on our word, and all begin to count the primary's time. A
/// primary that has the word of a quorum, and not the request, gets that, too.
void Replica::Core::say_what_waits_for_word() {
  wire::Verified message;
  std::size_t forwards = 0;
  for (Vouching::Overdue& late : vouching_.overdue(now_, limits::verified_requests_max)) {
    if (!vouching_.authentic(late.digest)) continue;
    message.requests.items.push_back(late.digest);
    if (leads() || now_ < late.since + config_.forward_us) continue;
    if (++forwards <= Peers::forwards_per_interval)
      send(leader(), wire::Forward{std::move(late.request)}, true);
  }
  if (message.requests.empty()) return;
  trace(message.requests.size(), " requests wait for others' word -> give mine to all");
  broadcast(std::move(message), true);
}

/// What a view that was left had proposed, and may not be proposed on my word alone.
void Replica::Core::withdraw_unverified(const Body& body) {
  auto digest = body.requests.begin();
  for (const wire::ClientRequest& request : body.batch.requests) {
    const Digest& d = *digest++;
    if (request.proof.signature || vouching_.words(d) >= config_.group.quorum()) continue;
    if (backlog_.withdraw(d) && vouching_.authentic(d)) (void)vouching_.add(now_, d, request);
  }
}

/// What waited here was authentic, or had a quorum's word, however long ago that was: many others'
/// requests may have come since, and what they made be forgotten is known once more.
void Replica::Core::renew_words(const Body& body) {
  auto digest = body.requests.begin();
  for (const wire::ClientRequest& request : body.batch.requests) {
    const Digest& d = *digest++;
    if (request.proof.signature) continue;
    if (vouching_.waits_here(d) || backlog_.find(d) != nullptr) vouching_.renew(d);
  }
}

/// Who restarted has forgotten which tags were right. What waits on its word would be proposed, and
/// hang if others that could prove it are down meanwhile; it waits for a quorum's word again, and
/// no timer runs for it. A client that is alive says it again. A liar may ask as often as it likes:
/// so this costs what it said, however much waits.
void Replica::Core::forget_words_of(ReplicaId peer) {
  if (!config_.mac_requests) return;
  for (const Digest& digest : vouching_.forget_words(peer)) {
    const wire::ClientRequest* const waits = backlog_.find(digest);
    if (waits == nullptr || waits->proof.signature ||
        vouching_.words(digest) >= config_.group.quorum())
      continue;
    wire::ClientRequest request = *waits;
    backlog_.release(now_, {digest});
    if (vouching_.authentic(digest)) (void)vouching_.add(now_, digest, std::move(request));
  }
}

}  // namespace prytany::pbft
