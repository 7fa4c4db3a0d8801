// Attacks with requests of a session of its own, and in the name of others.
#include <algorithm>
#include <limits>
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

void Stranger::make(Attack attack) {
  switch (attack) {
    case Attack::inconsistent_proofs: return in() ? inconsistent_proofs() : void();
    case Attack::two_stories: return in() ? two_stories() : void();
    case Attack::odd_numbers: return in() ? odd_numbers() : void();
    case Attack::replays: return replays();
    case Attack::few_only: return in() ? few_only() : void();
    case Attack::half_texts: return in() ? half_texts() : void();
    case Attack::odd_texts: return odd_texts();
    case Attack::comings_and_goings: return comings_and_goings();
    case Attack::false_joins: return false_joins();
    case Attack::join_races: return join_races();
    case Attack::false_reads: return in() ? false_reads() : void();
    case Attack::others_sessions: return in() ? others_sessions() : void();
    case Attack::eavesdropping: return eavesdropping();
    case Attack::hoarding: return in() ? hoarding() : void();
    case Attack::replica_talk: return replica_talk();
    case Attack::bad_signatures: return bad_signatures();
    case Attack::questions: return questions();
    case Attack::fast_reads: return in() ? fast_reads() : void();
    case Attack::errands: return in() ? errands() : void();
    case Attack::watching: return in() ? watching() : void();
    case Attack::whispers: return whispers();
    case Attack::crowds: return crowds();
    case Attack::signed_together: return in() ? signed_together() : void();
  }
}

/// Castro & Liskov TOCS 2002 section 3.2.2. Now and then wrong for everybody: then it must never be
/// executed.
void Stranger::inconsistent_proofs() {
  const wire::RequestBody body = next();
  const auto all = ready();
  const std::uint64_t wrong_ones = rng_.between(1, (std::uint64_t{1} << all.size()) - 1);
  std::uint64_t bit = 1;
  for (const auto& [replica, line] : all) {
    const bool wrong = (wrong_ones & bit) != 0;
    bit <<= 1;
    all_.act(Attack::inconsistent_proofs, replica);
    say(line, text_of(body, session_->key, wrong ? Proof::wrong : Proof::right, line));
  }
}

void Stranger::two_stories() {
  const std::uint64_t number = session_->next++;
  const std::array bodies{body_of(*session_, number, workload_.next()),
                          body_of(*session_, number, workload_.next())};
  const bool both = rng_.chance(300'000);
  for (const auto& [replica, line] : ready()) {
    all_.act(Attack::two_stories, replica);
    const std::size_t first = rng_.below(2);
    say(line, text_of(bodies[first], session_->key, Proof::right, line));
    if (both) say(line, text_of(bodies[1 - first], session_->key, Proof::right, line));
  }
}

void Stranger::odd_numbers() {
  const std::uint64_t next = session_->next;
  const std::array<std::uint64_t, 10> odd{0,
                                          1,
                                          std::numeric_limits<std::uint64_t>::max(),
                                          std::uint64_t{1} << 63,
                                          next + limits::session_window - 1,
                                          next + limits::session_window,
                                          next + 1'000,
                                          next > 3 ? next - 3 : 0,
                                          next > limits::session_window ? next - 64 : 0,
                                          next};
  const std::uint64_t number = odd[rng_.below(odd.size())];
  (void)target(Attack::odd_numbers);
  submit(body_of(*session_, number, workload_.next()), session_->key);
  // What it thinks of as the next one is now what was never used, or was: it does not care.
  if (rng_.chance(100'000)) session_.reset();
}

void Stranger::replays() {
  if (said_.empty()) return;
  const node::ConnectionId line = target(Attack::replays);
  const std::size_t many = rng_.between(1, 8);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < many; ++i) {
    const Said old = said_[rng_.below(said_.size())];
    texts.push_back(text_of(old.body, old.key, Proof::right, line));
  }
  all_.say(line, std::move(texts));
}

void Stranger::few_only() {
  const auto all = ready();
  const ReplicaId primary = all_.primary();
  const std::uint64_t kind = rng_.below(3);
  const bool to_primary = kind == 0;
  const wire::RequestBody body = next();
  for (const auto& [replica, line] : all) {
    if ((replica == primary) != to_primary) continue;
    all_.act(Attack::few_only, replica);
    say(line, text_of(body, session_->key, Proof::right, line));
    if (kind < 2) return;
  }
}

void Stranger::false_reads() {
  const auto statement = [](const char* sql) { return wire::Statement{{sql}, {}, {}}; };
  wire::Execute execute{{{statement("SELECT count(*) FROM account")}}, true};
  switch (rng_.below(4)) {
    case 0: execute.statements.items.push_back(statement("DELETE FROM account")); break;
    case 1:
      execute.statements.items.push_back(
          statement("INSERT INTO note(author, body) VALUES('nobody', 'read only')"));
      break;
    case 2:
      execute.statements.items = {statement("UPDATE account SET balance = balance + 1")};
      break;
    default: execute.statements.items = {statement("CREATE TABLE IF NOT EXISTS mine(a)")}; break;
  }
  (void)target(Attack::false_reads);
  submit(body_of(*session_, session_->next++, execute), session_->key);
}

/// Of what it overheard: under another's session with its own key, with another's key and no
/// signature of that, word for word but unsigned.
void Stranger::others_sessions() {
  const auto& heard = all_.heard();
  if (heard.empty()) return;
  const auto parsed = wire::from_client_json(*heard[rng_.below(heard.size())]);
  const auto* submitted = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr;
  if (submitted == nullptr) return;
  wire::RequestBody body = submitted->request.body;
  const node::ConnectionId line = target(Attack::others_sessions);
  switch (rng_.below(5)) {
    case 4: return speak_for_another(body, line);
    case 0: break;  // its very words, under a signature of mine
    case 1:
      body.number = RequestNumber{body.number.value + 1};
      body.operation = {wire::encode(wire::Operation{wire::Leave{}})};
      break;
    case 2: body.signer = session_->key.public_key(); break;  // mine, and rightly signed
    default:
      body.session = session_->id;  // mine, with another's key
      body.number = RequestNumber{session_->next};
      break;
  }
  submit(body, session_->key, rng_.chance(800'000) ? Proof::right : Proof::none);
}

/// "I hold that key", signed by mine; then its next request, tagged with this connection's key.
void Stranger::speak_for_another(wire::RequestBody body, node::ConnectionId id) {
  const client::Channel& channel = all_.find(id)->channel;
  auto claim = wire::from_client_json(channel.speak_for(session_->key));
  std::get<wire::SpeakFor>(*claim).key = body.signer;
  body.number = RequestNumber{body.number.value + 1};
  const Digest digest = wire::request_digest(body);
  all_.capricious(digest);
  const wire::SubmitRequest submit{{body, {}}, std::nullopt, channel.tag(digest)};
  all_.say(id, {wire::to_json(*claim), wire::to_json(wire::FromClient{submit})});
}

/// Signed, it is as good here as where its client said it. Somebody who has a replica's help hears
/// everything.
void Stranger::eavesdropping() {
  const auto& heard = all_.heard();
  if (heard.empty()) return;
  const node::ConnectionId line = target(Attack::eavesdropping);
  std::vector<std::string> texts;
  for (std::uint64_t i = rng_.between(1, 6); i > 0; --i) {
    const auto& text =
        *heard[heard.size() - 1 - rng_.below(std::min<std::size_t>(heard.size(), 16))];
    const auto parsed = wire::from_client_json(text);
    if (const auto* submitted = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr) {
      all_.capricious(wire::request_digest(submitted->request.body));
      // A tag proves nothing on another connection.
      if (submitted->request.proof.signature)
        proven_.insert(wire::request_digest(submitted->request.body));
    }
    texts.push_back(text);
  }
  all_.say(line, std::move(texts));
}

/// More than a session's window, more than a connection's room, and large. Numbers that leave a gap
/// wait for ever.
void Stranger::hoarding() {
  const node::ConnectionId line = target(Attack::hoarding);
  const std::uint64_t many = rng_.between(40, 300);
  const std::size_t bytes = rng_.chance(200'000) ? rng_.between(1'000, 20'000) : 0;
  const bool nobodys = rng_.chance(250'000);
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < many; ++i) {
    const std::uint64_t number = session_->next + rng_.below(limits::session_window);
    wire::Null null{static_cast<std::uint32_t>(i), {}};
    null.payload.bytes.resize(bytes);
    wire::RequestBody body = body_of(*session_, number, null);
    // Of a session that may begin any moment, as far as the replica knows.
    if (nobodys) body.session = SessionId{1'000'000 + i};
    texts.push_back(text_of(body, session_->key, Proof::right, line));
  }
  session_->next += limits::session_window;
  all_.say(line, std::move(texts));
}

}  // namespace prytany::sim
