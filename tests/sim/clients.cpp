#include "tests/sim/clients.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include "server/wire/client_json.h"
#include "tests/sim/account_book.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/recital.h"
#include "tests/sim/script.h"

namespace prytany::sim {

namespace {

/// Longer than any run: the simulator asks whether requests complete, not whether clients give up.
constexpr std::uint64_t patience_us = 3'600'000'000;
constexpr std::uint64_t read_patience_us = 2'000'000;

client::SessionOptions session_options(bool one_connection) {
  client::SessionOptions options;
  if (one_connection) options.connections = client::Connections::one;
  options.gateway_patience_us = 100'000;
  options.gateway_pause_us = 50'000;
  options.gateway_pause_max_us = 1'000'000;
  options.retransmit_first_us = 200'000;
  options.retransmit_max_us = 2'000'000;
  options.reconnect_first_us = 20'000;
  options.reconnect_max_us = 500'000;
  options.hello_timeout_us = 1'000'000;
  return options;
}

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

/// One person with one credential: joins, asks, sometimes leaves and joins anew.
class Clients::Client {
 public:
  Client(Clients& all, std::size_t index, crypto::Signer credential, Rng rng)
      : all_(all), index_(index), credential_(std::move(credential)), rng_(rng) {}

  [[nodiscard]] std::string name() const { return "c" + std::to_string(index_); }
  /// `then`: called once the session exists and, for the first client, the application does.
  void join(std::function<void()> then) {
    then_ = std::move(then);
    session_ = std::make_unique<client::Session>(
        all_.view_, session_options(parameters().one_connection && index_ % 4 != 3),
        [this](std::span<std::uint8_t> out) { rng_.fill(out); });
    parting_ = leaving_ = joined_ = false;
    waiting_ = 0;
    reads_.clear();
    fast_reads_.clear();
    asked_.clear();
    orders_.clear();
    turns_.clear();
    Passports::Shown passport = all_.passports_.shown_by(index_, credential_.public_key());
    identified_ = !passport.prover.kind.empty();
    if (identity_)
      passport.prover = {
          identity_->kind.text,
          [kind = identity_->kind.text](const wire::JoinBegin&) { return unseen_proof(kind); }};
    const Time until = now() + passport.patience_us.value_or(patience_us);
    perform([&](client::Effects& out) {
      session_->start(now(), out);
      const client::Ticket ticket =
          session_->join(now(), credential_, called(), std::move(passport.prover), until, out);
      expect(ticket);
      if (heard_) listens_to_ = ticket;
    });
  }

  /// As many requests at a time as there may be: each one asked when one was answered, and a while.
  void begin() {
    watch();
    if (eager()) return ask_later();
    for (unsigned i = 0; i < parameters().outstanding_max; ++i) ask_later();
  }
  /// Nothing but what is ordered: each has one of the session's numbers.
  void ask_all_at_once() {
    perform([&](client::Effects& out) {
      for (std::size_t i = waiting_; i < limits::session_window && can_ask(); ++i)
        expect(session_->submit(now(), all_.workload_.next_of(index_), now() + patience_us, out));
    });
  }
  void ask() {
    if (!can_ask() || waiting_ >= parameters().outstanding_max) return;
    perform([&](client::Effects& out) {
      if (auto read = all_.workload_.public_read()) {
        ++waiting_;
        reads_.insert(session_->read(now(), std::move(*read), now() + read_patience_us, out));
      } else if (auto fast = all_.workload_.fast_read()) {
        const client::Ticket ticket = session_->fast_read(now(), *fast, now() + patience_us, out);
        expect(ticket);
        fast_reads_.emplace(ticket, wire::encode(*fast));
      } else {
        expect(session_->submit(now(), all_.workload_.next_of(index_), now() + patience_us, out));
      }
    });
  }
  void order(const wire::Operation& operation) {
    if (!joined_ || preparing_ || (parting_ && !all_.stopping_) || leaving_ ||
        waiting_ >= 2 * parameters().outstanding_max + 2)
      return;
    perform([&](client::Effects& out) {
      const client::Ticket ticket = session_->submit(now(), operation, now() + patience_us, out);
      expect(ticket);
      orders_.insert(ticket);
    });
  }

  // ---- a recital's steps: `heard` gets the answer, and nothing else follows from it ----
  void recite_join(const std::optional<wire::Identity>& identity, Recital::Heard heard) {
    hang_up();
    identity_ = identity;
    heard_ = std::move(heard);
    join(nullptr);
  }
  void recite(const wire::Operation& operation, Recital::Heard heard) {
    if (!joined_) return heard(nullptr);
    heard_ = std::move(heard);
    perform([&](client::Effects& out) {
      listens_to_ = session_->submit(now(), operation, now() + patience_us, out);
      expect(listens_to_);
    });
  }
  void recite_read(const wire::Call& call, Recital::Heard heard) {
    heard_ = std::move(heard);
    perform([&](client::Effects& out) {
      ++waiting_;
      listens_to_ = session_->read(now(), call, now() + read_patience_us, out);
      reads_.insert(listens_to_);
    });
  }
  /// After it, all work at once.
  void work() {
    if (joined_) return begin();
    if (session_ != nullptr) hang_up();
    join([this] { begin(); });
  }
  [[nodiscard]] bool idle() const { return (joined_ || refused_) && waiting_ == 0; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] bool told_all(const app::Executor& executor) const {
    return watched_.empty() || !watched_upto_ ||
           executor.changes(*watched_upto_, watched_).items.empty();
  }

  template <class Do>
  void perform(Do&& happens) {
    client::Effects effects;
    happens(effects);
    session_->send_new(now(), effects);
    for (client::Effect& effect : effects) std::visit([this](auto& e) { this->on(e); }, effect);
    wake();
  }
  [[nodiscard]] Time now() const { return all_.run_.queue.now(); }
  [[nodiscard]] client::Session* session() { return session_.get(); }
  [[nodiscard]] std::uint64_t life() const { return life_; }
  /// Which a test says that it has.
  [[nodiscard]] const std::optional<wire::Identity>& identity() const { return identity_; }

 private:
  [[nodiscard]] const Parameters& parameters() const { return all_.run_.parameters; }
  [[nodiscard]] bool scripted() const { return parameters().options.script != nullptr; }
  /// As which it asks to join.
  [[nodiscard]] std::string called() const {
    return scripted() ? parameters().options.script->actors[index_].name : name();
  }
  [[nodiscard]] bool can_ask() const { return joined_ && !parting_ && !all_.stopping_; }
  [[nodiscard]] bool eager() const { return parameters().eager == index_; }
  /// It is ordered: its answer must come after those that were given until now.
  void expect(client::Ticket ticket) {
    ++waiting_;
    asked_.emplace(ticket, Asked{all_.run_.checks.history.invoked(), now()});
  }

  void watch();
  [[nodiscard]] std::string watcher() const { return name() + "/" + std::to_string(life_); }

  void ask_later() {
    const bool plots = parameters().league == index_;
    const std::uint64_t think_us = plots ? 0 : parameters().think_mean_us;
    all_.run_.queue.after(1 + rng_.exponential(think_us), [this, life = life_] {
      if (life == life_) eager() ? ask_all_at_once() : ask();
    });
  }

  void on(client::Connect& e) { all_.open(index_, e.replica); }
  void on(client::Close& e) {
    if (const auto connection = all_.connection_of(index_, e.replica)) {
      all_.end(*connection);
    } else {
      gone_later(e.replica);
    }
  }
  void on(client::Send& e) { all_.send(index_, e.to, e.text); }
  void on(client::Ended&) {}
  void on(client::StatusHeard&) {}
  void on(client::ChangesHeard& e);
  void on(client::SubscriptionEnded& e);
  void on(client::Note& e) {
    if (all_.run_.trace.has_reader()) all_.run_.trace.say(now(), name(), e.text);
  }
  void on(client::Completed& e);
  void answered(client::Ticket ticket, const client::Completion& c);
  Time turn_of(RequestNumber number, Time asked);
  bool tell_the_recital(client::Ticket ticket, const client::Completion& c);
  void go_on();
  void knock_again();
  void show_again();
  void hang_up();
  void begin_anew();
  void begin_anew_later();
  void leave();

  void gone_later(ReplicaId replica) {
    all_.run_.queue.after(1, [this, replica, life = life_] {
      if (life != life_) return;
      perform([&](client::Effects& out) { session_->disconnected(now(), replica, out); });
    });
  }

  void wake() {
    const Time due = session_->deadline();
    if (due == never || (wakes_at_ <= due && wakes_at_ > now())) return;
    wakes_at_ = std::max(due, now() + 1);
    all_.run_.queue.at(wakes_at_, [this, when = wakes_at_, life = life_] {
      if (life != life_ || wakes_at_ != when) return;
      wakes_at_ = never;
      perform([&](client::Effects& out) { session_->tick(now(), out); });
    });
  }

  Clients& all_;
  std::size_t index_;
  crypto::Signer credential_;
  Rng rng_;
  std::function<void()> then_;
  std::unique_ptr<client::Session> session_;
  std::uint64_t life_ = 0;  // counts sessions: what an old one scheduled is not for the new one
  bool joined_ = false;
  bool identified_ = false;  // joins with more than a key
  std::optional<wire::Identity> identity_;
  bool refused_ = false;  // somebody's own application did not let it join, so far
  bool preparing_ = false;
  bool parting_ = false;
  bool leaving_ = false;
  std::size_t waiting_ = 0;
  std::set<client::Ticket> reads_;  // not ordered: replicas may differ, and then nobody is believed
  std::set<client::Ticket> orders_;
  struct Asked {
    HistoryChecker::Mark mark;
    Time at;
  };
  std::map<client::Ticket, Asked> asked_;
  std::map<RequestNumber, Time> turns_;         // answered, and when: the next one's turn
  std::map<client::Ticket, Bytes> fast_reads_;  // what is asked
  std::vector<std::string> watched_;            // topics, in this session
  std::optional<std::uint64_t> watched_upto_;
  Recital::Heard heard_;  // of a step that is under way
  client::Ticket listens_to_;
  Time wakes_at_ = never;
};

void Clients::Client::on(client::Completed& e) {
  const client::Completion& c = e.completion;
  --waiting_;
  all_.run_.trace.add(now(), name(), "completed ticket " + std::to_string(e.ticket.value),
                      c.verdict == client::Verdict::answered ? wire::encode(c.outcome) : Bytes{});
  if (reads_.erase(e.ticket) > 0) {
    if (!tell_the_recital(e.ticket, c)) go_on();
    return;
  }
  if (leaving_ && c.verdict == client::Verdict::outcome_unknown) {
    // The reply to its LEAVE was lost with the session: that nobody knows the session is the
    // answer.
    return begin_anew_later();
  }
  if (c.verdict != client::Verdict::answered && scripted() && session_->ended()) {
    // An application may end sessions.
    asked_.erase(e.ticket);
    orders_.erase(e.ticket);
    if (tell_the_recital(e.ticket, c)) return;
    parting_ = true;
    if (waiting_ == 0) begin_anew_later();
    return;
  }
  if (c.verdict != client::Verdict::answered && !joined_ && identified_) return show_again();
  if (c.verdict != client::Verdict::answered) {
    all_.run_.checks.violations.add("liveness", name() + " was told \"" + c.code + "\" (" +
                                                    c.message + ") instead of an answer");
    return;
  }
  if (const auto fast = fast_reads_.extract(e.ticket); fast && c.number.value == 0) {
    const Asked asked = asked_.extract(e.ticket).mapped();
    all_.run_.checks.reads.saw({name(), session_->id(), session_->key(), fast.mapped(), c.outcome,
                                asked.at, now(), asked.mark,
                                all_.run_.checks.agreement.contiguous()});
    ++all_.answered_;
    return go_on();
  }
  if (const auto asked = asked_.extract(e.ticket)) {
    all_.run_.checks.history.answered(name(), asked.mapped().mark, c.seq);
    std::uint64_t& longest = joined_ ? all_.longest_us_ : all_.longest_join_us_;
    const Time turn = eager() && joined_ ? turn_of(c.number, asked.mapped().at) : asked.mapped().at;
    longest = std::max(longest, now() - turn);
    if (joined_) all_.run_.checks.service.answered(index_, turn, now());
  }
  if (orders_.erase(e.ticket) > 0) {
    all_.run_.checks.replies.accepted(name(),
                                      {session_->id(), c.number, c.seq, c.agreed, c.outcome});
    if (parting_) go_on();
    return;
  }
  answered(e.ticket, c);
}

/// Whoever asks all at once waits for its own requests, too, and in the order of their numbers: so
/// a number's turn comes when a lower one is answered. `number` was, now.
Time Clients::Client::turn_of(RequestNumber number, Time asked) {
  // What was answered above it was so earlier: from now on this one counts in its place.
  const auto own = turns_.lower_bound(number);
  const Time turn = own == turns_.begin() ? asked : std::max(asked, std::prev(own)->second);
  turns_.erase(own, turns_.end());
  turns_.emplace(number, now());
  if (waiting_ == 0) turns_.clear();
  return turn;
}

bool Clients::Client::tell_the_recital(client::Ticket ticket, const client::Completion& c) {
  if (!heard_ || listens_to_ != ticket) return false;
  const Recital::Heard heard = std::exchange(heard_, nullptr);
  heard(c.verdict == client::Verdict::answered ? &c : nullptr);
  return true;
}

void Clients::Client::answered(client::Ticket ticket, const client::Completion& c) {
  const bool was_join = !joined_;
  const bool failed = std::holds_alternative<wire::ErrorReply>(c.outcome);
  all_.run_.checks.replies.accepted(
      name(), {was_join ? SessionId{0} : session_->id(), c.number, c.seq, c.agreed, c.outcome});
  ++all_.answered_;
  if (heard_ && listens_to_ == ticket) {
    joined_ = joined_ || !failed;
    refused_ = !joined_;
    tell_the_recital(ticket, c);
    return;
  }
  if (failed && was_join && scripted() && index_ != 0) return knock_again();
  if (failed && (was_join || preparing_)) {
    const auto& error = std::get<wire::ErrorReply>(c.outcome);
    all_.run_.checks.violations.add(
        "liveness", name() + " could not begin: " + error.code.text + ": " + error.message.text);
    return;
  }
  if (was_join) {
    joined_ = true;
    refused_ = false;
    preparing_ = index_ == 0 && life_ == 0;
    // The first client's first request makes the application exist; its answer starts the others.
    if (preparing_) {
      perform([&](client::Effects& out) {
        expect(session_->submit(now(), all_.workload_.preparation(), now() + patience_us, out));
      });
    } else if (auto then = std::exchange(then_, nullptr)) {
      then();
    }
  } else if (preparing_) {
    preparing_ = false;
    if (auto then = std::exchange(then_, nullptr)) then();
  } else if (leaving_) {
    begin_anew_later();
  } else {
    const bool restless = parameters().restless == index_;
    parting_ = parting_ || rng_.chance(restless ? 500'000 : parameters().leave_rate);
    go_on();
  }
}

/// An application may let people join later: when they are members, or the poll is open.
void Clients::Client::knock_again() {
  constexpr std::uint64_t pause_us = 300'000;
  refused_ = true;
  all_.run_.queue.after(pause_us, [this, life = life_] {
    if (life == life_ && !all_.stopping_) begin_anew();
  });
}

/// What replicas do not believe they may believe later, when they have executed what says whom to
/// believe; and what was another's it does not show twice.
void Clients::Client::show_again() {
  constexpr std::uint64_t pause_us = 100'000;
  all_.run_.queue.after(pause_us, [this, life = life_] {
    if (life == life_) begin_anew();
  });
}

void Clients::Client::go_on() {
  if (!parting_ && eager() && waiting_ > 0) return;
  if (!parting_) return ask_later();
  // Who wants to leave waits for what was asked, and asks no more.
  if (waiting_ == 0) leave();
}

/// When the effects of the old session are done.
void Clients::Client::begin_anew_later() {
  all_.run_.queue.after(1, [this, life = life_] {
    if (life == life_) begin_anew();
  });
}

/// Some of the topics, once in a session: from where it was heard before, from the beginning, or
/// from now on.
void Clients::Client::watch() {
  Rng& rng = all_.watching_;
  if (parameters().watch_rate == 0 || !rng.chance(parameters().watch_rate)) return;
  std::vector<std::string> topics;
  for (const std::string_view topic : topic_names())
    if (rng.chance(700'000)) topics.emplace_back(topic);
  if (topics.empty()) topics.emplace_back(topic_names().back());
  std::optional<std::uint64_t> after = watched_upto_;
  if (const std::uint64_t draw = rng.below(4); draw < 2) {
    after.reset();
    if (draw == 0) after = 0;
  }
  watched_ = topics;
  watched_upto_ = after;
  all_.run_.checks.watching.began(watcher(), topics, after);
  perform([&](client::Effects& out) { (void)session_->subscribe(now(), topics, after, out); });
}

void Clients::Client::on(client::ChangesHeard& e) {
  watched_upto_ = e.position;
  wire::Writer writer;
  for (const wire::Change& change : e.items) wire::put(writer, change);
  all_.run_.trace.add(now(), name(), "is told up to " + std::to_string(e.position), writer.view());
  const std::size_t count = e.items.size();
  all_.run_.checks.watching.heard(watcher(), {e.missed, std::move(e.items), e.position});
  perform([&](client::Effects& out) { session_->consumed(e.ticket, count, out); });
}

void Clients::Client::on(client::SubscriptionEnded& e) {
  watched_.clear();
  all_.run_.checks.watching.ended(watcher());
  if (e.code != "session_ended")
    all_.run_.checks.violations.add("subscriptions", name() + "'s ended: " + e.code);
}

/// The old session is left to itself.
void Clients::Client::hang_up() {
  watched_.clear();
  all_.run_.checks.watching.ended(watcher());
  for (const ReplicaId replica : all_.view_->replicas()) {
    if (const auto connection = all_.connection_of(index_, replica)) all_.end(*connection);
  }
  ++life_;
  wakes_at_ = never;
}

void Clients::Client::begin_anew() {
  hang_up();
  join([this] { begin(); });
}

void Clients::Client::leave() {
  if (leaving_ || all_.stopping_) return;
  leaving_ = true;
  perform([&](client::Effects& out) {
    expect(session_->submit(now(), wire::Leave{}, now() + patience_us, out));
  });
}

// ---- all of them ------------------------------------------------------------------------------

Clients::Clients(Run run, const wire::Genesis& genesis, std::vector<crypto::Signer> credentials,
                 Alive alive, Alive second, Rng rng)
    : run_(run),
      alive_(std::move(alive)),
      second_(std::move(second)),
      rng_(rng),
      workload_(run.parameters, Rng(rng_.next())),
      watching_(run.parameters.options.seed, 42),
      turning_(run.parameters.options.seed, 46),
      view_(std::make_shared<const client::ClusterView>(genesis)),
      passports_(run.parameters, view_->cluster) {
  passports_.shown = [this](const Digest& join, std::optional<wire::Identity> truth) {
    run_.checks.identities.shown(join, std::move(truth));
  };
  for (std::size_t i = 0; i < credentials.size(); ++i)
    clients_.push_back(
        std::make_unique<Client>(*this, i, std::move(credentials[i]), Rng(rng_.next())));
  if (const Script* script = run.parameters.options.script)
    recital_ = std::make_unique<Recital>(run_, *script, stage(), Rng(rng_.next()));
}

Recital::Stage Clients::stage() {
  return {
      [this](std::size_t actor, const std::optional<wire::Identity>& identity,
             Recital::Heard heard) { clients_[actor]->recite_join(identity, std::move(heard)); },
      [this](std::size_t actor, const wire::Operation& asked, Recital::Heard heard) {
        clients_[actor]->recite(asked, std::move(heard));
      },
      [this](const wire::Call& call, Recital::Heard heard) {
        clients_.front()->recite_read(call, std::move(heard));
      },
      [this](AgreedTime time) { sets_clocks(time); }, [this] { all_work(); }};
}
Clients::~Clients() = default;

void Clients::start() {
  clients_.front()->join([this] { recital_ ? recital_->start() : all_work(); });
}

void Clients::all_work() {
  for (const auto& each : clients_)
    run_.queue.after(rng_.between(1, 50'000), [&client = *each] { client.work(); });
  run_.checks.service.begins(run_.queue.now());
}

bool Clients::at_work() const { return !recital_ || recital_->over(); }

void Clients::order(wire::Operation operation) { clients_.front()->order(operation); }

void Clients::stop() {
  stopping_ = true;
  run_.checks.service.ends();
}

bool Clients::idle() const {
  return std::ranges::all_of(clients_, [](const auto& client) { return client->idle(); });
}

std::string Clients::who_waits() const {
  std::string text;
  if (!at_work()) text += " the test at " + recital_->place() + ",";
  for (const auto& client : clients_) {
    if (client->idle()) continue;
    text += " " + client->name() + " for " + std::to_string(client->waiting());
  }
  return text.empty() ? " nobody" : text;
}

std::optional<std::string> Clients::who_is_not_told(const app::Executor& executor) const {
  for (const auto& client : clients_)
    if (!client->told_all(executor)) return client->name() + " is not told of what it watches";
  return std::nullopt;
}

std::optional<node::ConnectionId> Clients::connection_of(std::size_t client,
                                                         ReplicaId replica) const {
  for (const auto& [id, connection] : connections_) {
    if (connection.client == client && connection.replica == replica) return id;
  }
  return std::nullopt;
}

void Clients::open(std::size_t client, ReplicaId replica) {
  run_.queue.after(1 + rng_.exponential(run_.parameters.client_link.delay_mean_us),
                   [this, client, replica, life = clients_[client]->life()] {
                     Client& who = *clients_[client];
                     if (who.life() != life) return;
                     Process* process = alive_(replica);
                     if (process == nullptr) {
                       who.perform([&](client::Effects& out) {
                         who.session()->disconnected(who.now(), replica, out);
                       });
                       return;
                     }
                     const node::ConnectionId id = ++last_connection_;
                     Connection connection{client, replica, Path(run_.parameters.client_link, rng_),
                                           Path(run_.parameters.client_link, rng_)};
                     if (calm_) {
                       connection.upward.calm();
                       connection.downward.calm();
                     }
                     connections_.emplace(id, std::move(connection));
                     input(replica, [id, address = "10.0.0." + std::to_string(client)](
                                        node::Node& node) { node.client_connected(id, address); });
                     who.perform([&](client::Effects& out) {
                       who.session()->connected(who.now(), replica, out);
                     });
                   });
}

void Clients::input(ReplicaId replica, const std::function<void(node::Node&)>& happens) {
  if (Process* process = alive_(replica)) process->input(happens);
  if (Process* second = second_(replica)) second->input(happens);
}

void Clients::end(node::ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const std::size_t client = found->second.client;
  const ReplicaId replica = found->second.replica;
  connections_.erase(found);
  run_.trace.add(run_.queue.now(), "net",
                 "ends " + clients_[client]->name() + "-" + replica_name(replica));
  input(replica, [id](node::Node& node) { node.client_closed(id); });
  const std::uint64_t life = clients_[client]->life();
  run_.queue.after(1 + rng_.exponential(1'000), [this, client, replica, life] {
    Client& who = *clients_[client];
    if (who.life() != life) return;
    who.perform(
        [&](client::Effects& out) { who.session()->disconnected(who.now(), replica, out); });
  });
}

void Clients::close(node::ConnectionId connection) { end(connection); }

void Clients::process_ended(ReplicaId id) {
  std::vector<node::ConnectionId> broken;
  for (const auto& [connection, what] : connections_) {
    if (what.replica == id) broken.push_back(connection);
  }
  for (const node::ConnectionId connection : broken) end(connection);
}

void Clients::reset_one() {
  if (connections_.empty()) return;
  auto it = connections_.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(rng_.below(connections_.size())));
  end(it->first);
}

void Clients::calm() {
  calm_ = true;
  for (auto& [id, connection] : connections_) {
    connection.upward.calm();
    connection.downward.calm();
  }
}

/// A client whose tags are right for one replica and wrong for the next (Castro & Liskov TOCS 2002
/// section 3.2.2): the others must vouch for its request, or it must sign.
std::shared_ptr<const std::string> Clients::perhaps_with_a_wrong_tag(
    const std::shared_ptr<const std::string>& text) {
  const Ppm rate = run_.parameters.wrong_tag_rate;
  if (rate == 0 || !rng_.chance(rate)) return text;
  auto parsed = wire::from_client_json(*text);
  auto* submit = parsed ? std::get_if<wire::SubmitRequest>(&*parsed) : nullptr;
  if (submit == nullptr || !submit->tag) return text;
  submit->tag->front() ^= 1;
  return std::make_shared<const std::string>(wire::to_json(*parsed));
}

void Clients::send(std::size_t client, ReplicaId replica,
                   const std::shared_ptr<const std::string>& text) {
  const bool asks =
      text->starts_with(R"({"type":"request")") || text->starts_with(R"({"type":"bundle_request")");
  if (run_.parameters.eager == client && asks && !calm_) return turn_round(client, replica, text);
  send_now(client, replica, text);
}

void Clients::turn_round(std::size_t client, ReplicaId replica,
                         const std::shared_ptr<const std::string>& text) {
  const auto id = connection_of(client, replica);
  if (!id) return;
  auto& together = together_[*id];
  together.push_back(text);
  if (together.size() == 1)
    run_.queue.after(1, [this, client, replica, id = *id] { let_go(client, replica, id); });
}

void Clients::let_go(std::size_t client, ReplicaId replica, node::ConnectionId connection) {
  constexpr std::uint64_t while_us = 20'000;
  auto texts = std::move(together_[connection]);
  together_.erase(connection);
  const bool turned = texts.size() > 1 && turning_.chance(600'000);
  if (turned) std::rotate(texts.begin(), texts.end() - 1, texts.end());
  const std::uint64_t after_us = turned ? turning_.between(1, while_us) : 0;
  // What was said on a connection that is gone is lost.
  if (connection_of(client, replica) == connection) send_now(client, replica, texts.front());
  texts.erase(texts.begin());
  if (texts.empty()) return;
  run_.queue.after(after_us, [this, client, replica, connection, rest = std::move(texts)] {
    for (const auto& each : rest)
      if (connection_of(client, replica) == connection) send_now(client, replica, each);
  });
}

void Clients::send_now(std::size_t client, ReplicaId replica,
                       const std::shared_ptr<const std::string>& text) {
  const auto id = connection_of(client, replica);
  if (!id) return;
  if (text != last_text_) run_.checks.client_text_left(*text);
  last_text_ = text;
  if (overhears) overhears(text);
  const auto carried = calm_ ? text : perhaps_with_a_wrong_tag(text);
  Connection& connection = connections_.at(*id);
  const bool asks = text->starts_with(R"({"type":"request")");
  const bool late = run_.parameters.league == client && asks && !run_.parameters.lies(replica);
  const Time leaves = run_.queue.now() + (late ? run_.parameters.league_late_us : 0);
  for (const Time when : connection.upward.arrivals(leaves, rng_).times) {
    run_.queue.at(when, [this, id = *id, replica, carried] {
      if (hushed_) return held_.push_back({id, replica, carried});
      arrives({id, replica, carried});
    });
  }
}

void Clients::arrives(Held held) {
  const auto& [id, replica, text] = held;
  Process* process = alive_(replica);
  if (!connections_.contains(id) || process == nullptr) return;
  // Who is passed over misses what is asked, and not for whom a connection speaks.
  if (passed_over_ == replica && !text->starts_with(R"({"type":"speak_for")")) return;
  run_.trace.add(run_.queue.now(), replica_name(replica),
                 "text on connection " + std::to_string(id.value), as_bytes(*text));
  if (process->mouth() != nullptr) {
    process->mouth()->client_text(id, *text);
    if (connections_.at(id).client == run_.parameters.league) process->mouth()->confided(*text);
  }
  if (process->notary() != nullptr && notarized(held, *process)) return;
  run_.checks.answers.asked(replica, id);
  input(replica, [held](node::Node& node) { node.client_text(held.connection, *held.text); });
}

/// What is said for a client whose identity a test says: then its proof need not be looked at.
bool Clients::notarized(const Held& held, Process& process) {
  process.notary()->asked(held.connection, *held.text);
  const auto& identity = clients_[connections_.at(held.connection).client]->identity();
  if (!identity || !held.text->starts_with(R"({"type":"identify")")) return false;
  const auto parsed = wire::from_client_json(*held.text);
  const auto* shown = parsed ? std::get_if<wire::Identify>(&*parsed) : nullptr;
  if (shown == nullptr) return false;
  if (auto word = process.vouch(held.connection, *shown, *identity))
    carry(held.replica, held.connection, run_.queue.now(), std::move(*word));
  return true;
}

void Clients::hush(bool on) {
  hushed_ = on;
  if (on) return;
  for (Held& held : std::exchange(held_, {})) arrives(std::move(held));
}

void Clients::carry(ReplicaId, node::ConnectionId id, Time departs, std::string text) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const bool deaf =
      run_.parameters.options.plant == Plant::deaf_client && found->second.client == 1;
  if (deaf) return;
  const auto shared = std::make_shared<const std::string>(std::move(text));
  for (const Time when : found->second.downward.arrivals(departs, rng_).times) {
    run_.queue.at(when, [this, id, shared] {
      const auto open = connections_.find(id);
      if (open == connections_.end()) return;
      const ReplicaId replica = open->second.replica;
      Client& who = *clients_[open->second.client];
      run_.trace.add(run_.queue.now(), who.name(), "text from " + replica_name(replica),
                     as_bytes(*shared));
      who.perform(
          [&](client::Effects& out) { who.session()->text(who.now(), replica, *shared, out); });
    });
  }
}

}  // namespace prytany::sim
