// What it gives to replicas that lie, and no correct one would let in: they propose it
// (tests/sim/byzantine/accomplices). Rightly signed, it is ordered, and refused when it is
// executed; what is not must never be ordered.
#include <algorithm>
#include <limits>
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/account_book.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

void Stranger::whispers() {
  if (all_.run().parameters.liars.empty()) return;
  for (const Liar& liar : all_.run().parameters.liars) all_.act(Attack::whispers, liar.replica);
  const std::uint64_t draw = rng_.below(100);
  if (draw < 32) return in_anothers_session();
  if (draw < 54) return in() ? with_odd_numbers() : void();
  if (draw < 66) return in_an_ended_session();
  if (draw < 78) return with_a_false_join();
  if (draw < 90) return in() ? without_the_right() : void();
  if (draw < 91) return in() ? too_much() : void();
  // These may cost a primary its view, if too few can prove them.
  if (!all_.run().parameters.choices.mac_requests) return in_anothers_session();
  draw < 96 ? (in() ? proven_to_few() : void()) : in_anothers_name();
}

/// Signed by its own key: every replica believes that somebody who has that key asks.
void Stranger::whisper(const wire::RequestBody& body, const crypto::Signer& key) {
  all_.capricious(wire::request_digest(body));
  provable(body, key);
  all_.confide({body, signed_by(key, body)});
}

/// Of a session, as its client said it not long ago.
std::optional<wire::RequestBody> Stranger::overheard() {
  const auto& heard = all_.heard();
  constexpr unsigned tries = 4;
  for (unsigned i = 0; i < tries && !heard.empty(); ++i) {
    const auto parsed = wire::from_client_json(*heard[rng_.below(heard.size())]);
    const auto* submitted = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr;
    if (submitted != nullptr && submitted->request.body.session.value != 0)
      return submitted->request.body;
  }
  return std::nullopt;
}

/// With a number that its client will use next; its end; a window full of numbers; one so high that
/// nothing of that session would seem new after it.
void Stranger::in_anothers_session() {
  auto body = overheard();
  if (!body) return;
  const crypto::Signer key = in() && rng_.chance(700'000) ? session_->key : some_key();
  body->signer = key.public_key();
  const std::uint64_t after = body->number.value;
  const auto ask = [&](std::uint64_t number, const wire::Operation& operation) {
    body->number = RequestNumber{number};
    body->operation = {wire::encode(operation)};
    whisper(*body, key);
  };
  switch (rng_.below(8)) {
    case 0: return ask(after + rng_.between(1, 8), wire::Leave{});
    case 1: return ask(std::numeric_limits<std::uint64_t>::max() - rng_.below(3), wire::Null{});
    case 2: return ask(rng_.below(2), workload_.next());
    case 3:
      for (std::uint64_t i = 1; i <= limits::session_window; ++i) ask(after + i, wire::Null{});
      return;
    default: return ask(after + rng_.between(1, 40), workload_.next());
  }
}

/// Used, with another operation; none; and so far ahead that the session's window would have to
/// leave out what is between.
void Stranger::with_odd_numbers() {
  const std::uint64_t next = session_->next;
  const std::array<std::uint64_t, 7> odd{0,
                                         1,
                                         next > 1 ? next - 1 : 1,
                                         next + limits::session_window + rng_.below(8),
                                         next + 1'000,
                                         std::uint64_t{1} << 63,
                                         std::numeric_limits<std::uint64_t>::max()};
  whisper(body_of(*session_, odd[rng_.below(odd.size())], workload_.next()), session_->key);
}

/// Its own, that a newer one of its principal's replaced; if it has none, it will have.
void Stranger::in_an_ended_session() {
  std::vector<std::shared_ptr<Session>> ended;
  for (const auto& session : joining_)
    if (session->id.value != 0 && session != session_) ended.push_back(session);
  if (ended.empty()) return (void)begin_join();
  const auto& session = ended[rng_.below(ended.size())];
  whisper(body_of(*session, session->next++, workload_.next()), session->key);
}

/// Of a session that is over; or one that is as it should be, but signed by another key than it
/// announces.
void Stranger::with_a_false_join() {
  const pbft::Group group{all_.run().parameters.options.replicas,
                          all_.run().parameters.options.faults};
  if (lonely_ && lonely_->tokens.size() >= group.weak_quorum() && rng_.chance(700'000)) {
    const std::shared_ptr<Session> session = std::exchange(lonely_, nullptr);
    wire::RequestBody join = join_of(*session, session->tokens);
    const crypto::Signer key = some_key();
    join.signer = key.public_key();
    false_joins_.insert(wire::request_digest(join));
    return whisper(join, key);
  }
  if (!lonely_) {
    lonely_ = begin_join();
    lonely_->ordered = true;  // not when the tokens arrive
  }
  std::vector<std::shared_ptr<Session>> old;
  for (const auto& session : joining_)
    if (session->ordered && session != session_) old.push_back(session);
  if (old.empty()) return (void)begin_join();
  const auto& session = old[rng_.below(old.size())];
  whisper(join_of(*session, session->tokens), session->key);
}

/// What administrators do.
void Stranger::without_the_right() {
  if (session_->role == "admin") return in_anothers_session();
  const std::array<wire::Operation, 4> operations{
      installable(), wire::Upgrade{installable(), rng_.chance(500'000), false},
      wire::Reconfigure{{}, ReplicaId{1}, some_key().public_key(), {}},
      wire::Execute{{{{{"DELETE FROM account"}, {}, {}}}}, false}};
  for (const wire::Operation& operation : operations)
    whisper(body_of(*session_, session_->next++, operation), session_->key);
}

/// As much as one frame can hold, and many times what a correct primary puts into a batch.
void Stranger::too_much() {
  constexpr std::size_t requests = 7;
  wire::Null null;
  null.payload.bytes.resize(limits::request_bytes_max - 100);
  for (std::size_t i = 0; i < requests; ++i)
    whisper(body_of(*session_, session_->next++, null), session_->key);
}

/// Castro & Liskov TOCS 2002 section 3.2.2, with a primary that knows: tagged for as few that, with
/// the liar's word, all others can come to believe it, or for fewer.
void Stranger::proven_to_few() {
  const Parameters& p = all_.run().parameters;
  const wire::RequestBody body = next();
  std::uint64_t left =
      p.options.faults + 1 - std::min<std::size_t>(p.options.faults, p.liars.size());
  if (rng_.chance(200'000)) --left;
  for (const auto& [replica, line] : ready()) {
    if (left == 0) break;
    if (p.lies(replica)) continue;
    say(line, text_of(body, session_->key, Proof::right, line));
    --left;
  }
  all_.capricious(wire::request_digest(body));
  all_.confide({body, {}});
}

/// With another's key, which it does not have: nothing but the liars' word is for it.
void Stranger::in_anothers_name() {
  auto body = overheard();
  if (!body) return;
  body->number = RequestNumber{body->number.value + rng_.between(1, 40)};
  body->operation = {wire::encode(workload_.next())};
  all_.confide({*body, {}});
}

}  // namespace prytany::sim
