#include "server/node/node.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "server/node/clients.h"
#include "server/node/complaints.h"
#include "server/node/configurations.h"
#include "server/node/lanes.h"
#include "server/node/nondeterminism.h"
#include "server/node/outbox.h"
#include "server/node/state_fetch.h"
#include "server/node/state_server.h"

namespace prytany::node {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

/// Of a peer's frame at once, in signatures to check or in what costs as much to hear: some 50
/// microseconds each.
constexpr std::size_t frame_work_max = 8;

/// A peer's frame that is being looked at.
struct Arriving {
  wire::Verifier::Opening opening;
  bool checked = false;
  std::vector<wire::AuthenticPeerMessage> messages = {};  // once it is
  std::size_t next = 0;                                   // of them, is to be heard
  std::size_t item = 0;                                   // of that one
};

}  // namespace

class Node::Impl {
 public:
  Impl(NodeConfig config, const crypto::Signer& signer, pbft::Recovered recovered, World world)
      : config_(std::move(config)),
        world_(std::move(world)),
        signer_(signer),
        chain_(config_.chain ? *std::move(config_.chain) : wire::Chain(config_.membership)),
        nondeterminism_(world_.clock, world_.application, config_.clock_ahead_max_us,
                        config_.clock_behind_max_us),
        membership_(enter(recovered.image)),
        verifier_(membership_, &chain_),
        clients_({config_.pbft.self, signer, membership_, world_.executor, world_.transport,
                  world_.clock, world_.random, config_.join_token_life_us, &chain_,
                  [this] { return replica_->read_barrier(); }, config_.pbft.group.weak_quorum()}),
        outbox_(config_.pbft.number, world_.transport,
                config_.membership.signed_votes
                    ? std::optional<Outbox::VoteSigning>({config_.pbft.self, signer, membership_})
                    : std::nullopt),
        server_(world_.store, config_.serving),
        fetched_(world_.fetched),
        replica_(std::make_unique<pbft::Replica>(config_.pbft, signer, nondeterminism_,
                                                 std::move(recovered))) {
    clients_.silence(config_.pbft.mute);
    // It was learnt in an earlier life that this configuration is over.
    if (chain_.newest().number > config_.pbft.number)
      inbox_.emplace_back(pbft::Superseded{chain_.links().back().proof});
    inbox_.emplace_back(pbft::Tick{});  // what the journal tells to be executed again comes out now
    tell_when_due();
  }

  void link_up(ReplicaId peer, wire::LinkKeys keys) {
    outbox_.up(peer, std::move(keys));
    arriving_.erase(peer);
    connected_.insert(peer);
    inbox_.emplace_back(pbft::PeerConnected{peer});
  }

  void link_down(ReplicaId peer) {
    outbox_.down(peer);
    arriving_.erase(peer);
    connected_.erase(peer);
    clients_.gateway_gone(peer);
    if (fetch_) fetch_->lost(peer);
  }

  bool frame(ReplicaId peer, ByteView sealed) {
    if (!outbox_.connected(peer)) return false;
    auto found = arriving_.find(peer);
    if (found == arriving_.end()) {
      auto begun = verifier_.begin(peer, outbox_.keys(peer), sealed);
      if (!begun) return refuse(peer, begun.error()), false;
      found = arriving_.emplace(peer, Arriving{*std::move(begun)}).first;
    }
    const bool more = go_on(peer, found->second);
    if (!more) arriving_.erase(found);
    return more;
  }

  /// First all of it is checked, then all of it is heard.
  bool go_on(ReplicaId peer, Arriving& arriving) {
    if (!arriving.checked) {
      const auto done = verifier_.go_on(arriving.opening, frame_work_max);
      if (!done) return refuse(peer, done.error()), false;
      if (!*done) return true;
      arriving.checked = true;
      arriving.messages = arriving.opening.take();
    }
    std::size_t work = frame_work_max;
    for (; arriving.next < arriving.messages.size(); ++arriving.next, arriving.item = 0)
      if (!hear(peer, arriving, work)) return true;
    return false;
  }

  /// The next message. False: it was too much, and there is more of it.
  bool hear(ReplicaId peer, Arriving& arriving, std::size_t& work) {
    wire::AuthenticPeerMessage& message = arriving.messages[arriving.next];
    const ConfigNumber theirs = arriving.opening.config();
    if (const auto* ask = std::get_if<wire::FetchPart>(&*message)) {
      if (work == 0) return false;
      --work;
      outbox_.add(peer, server_.serve(peer, *ask, world_.clock.now()));
    } else if (const auto* part = std::get_if<wire::StatePart>(&*message)) {
      fetched(peer, *part);
    } else if (const auto* relay = std::get_if<wire::Relay>(&*message)) {
      for (; arriving.item < relay->items.size(); ++arriving.item, --work) {
        if (work == 0) return false;
        grant(clients_.relayed(peer, relay->items.items[arriving.item], verifier_));
      }
    } else if (const auto* back = std::get_if<wire::RelayBack>(&*message)) {
      for (; arriving.item < back->items.size(); ++arriving.item, --work) {
        if (work == 0) return false;
        clients_.relayed_back(peer, back->items.items[arriving.item]);
      }
    } else if (const auto* proof = std::get_if<wire::CheckpointProof>(&*message);
               proof != nullptr && supersedes(*proof)) {
      inbox_.emplace_back(pbft::Superseded{*proof});
    } else if (const auto* asks = std::get_if<wire::Status>(&*message);
               asks != nullptr && theirs != config_.pbft.number) {
      if (theirs < config_.pbft.number) inbox_.emplace_back(pbft::Behind{peer, asks->stable});
    } else if (const auto* forward = std::get_if<wire::Forward>(&*message);
               forward != nullptr && (is_over(forward->request.body) ||
                                      !lanes_.pass(world_.clock.now(), forward->request.body))) {
      // A peer that was behind passes on what was executed long ago. Ordered again after its
      // session ended, it would be answered as if it had never been executed. Or it brings what
      // has not its turn yet.
      return true;
    } else {
      inbox_.emplace_back(pbft::Received{std::move(message)});
    }
    return true;
  }

  void refuse(ReplicaId peer, const wire::Malformed& why) {
    ++counters_.frames_refused;
    complain(peer, why.text());
  }

  /// The link stays: what it sends besides may be right, and it would only dial again.
  void complain(ReplicaId peer, const std::string& reason) {
    std::uint64_t unsaid = 0;
    const bool important = complaints_.worth_a_line(peer, world_.clock.now(), unsaid);
    note("frame from r" + std::to_string(peer.value) + " is refused: " + reason +
             (unsaid > 0 ? ", and so were " + std::to_string(unsaid) + " before" : ""),
         important);
  }

  void client_text(ConnectionId connection, std::string_view text) {
    grant(clients_.text(connection, text, verifier_));
  }

  void grant(Clients::Wish wish) {
    if (auto* submit = std::get_if<Clients::Submit>(&wish)) {
      submitted({std::move(submit->request), submit->host});
    } else if (const auto* question = std::get_if<Clients::AskStatus>(&wish)) {
      clients_.answer(*question, status());
    }
  }

  void submitted(pbft::Submitted request) {
    if (config_.pbft.mute) return;
    auto goes = lanes_.enter(world_.clock.now(), replica_->leads(), std::move(request));
    if (goes) inbox_.emplace_back(std::move(*goes));
  }

  Result<void> turn() {
    if (fault_) return *fault_;
    // Bounded: each round consumes what the last one caused, and execution causes no more than
    // votes do.
    do {
      if (auto done = take_news(); !done) return done;
      pbft::Effects effects;
      const Time now = world_.clock.now();
      step(now, effects);
      relay();
      speak_early(effects);
      if (auto done = persist(effects); !done) return done;
      speak(effects);
      if (auto done = act(now, effects); !done) return done;
      if (auto done = collect_commits(); !done) return done;
      if (auto done = transfer(now); !done) return done;
      for (wire::AuthenticRequest& request : clients_.now_known(now, verifier_))
        submitted({std::move(request)});
      for (pbft::Submitted& request : lanes_.due(now, replica_->leads()))
        inbox_.emplace_back(std::move(request));
      relay();
      outbox_.flush();
      if (auto done = begin_configuration(); !done) return done;
    } while (!inbox_.empty());
    serve_reads();
    return {};
  }

  /// All that came since the last round, and what time brings: one moment for the core.
  void step(Time now, pbft::Effects& effects) {
    if (inbox_.empty() && now < replica_->deadline()) return;
    for (pbft::Event& event : std::exchange(inbox_, {})) hear(now, std::move(event), effects);
    replica_->hear(now, pbft::Tick{}, effects);
    replica_->conclude(now, effects);
  }

  void hear(Time now, pbft::Event event, pbft::Effects& effects) {
    const auto* const received = std::get_if<pbft::Received>(&event);
    if (received == nullptr) return replica_->hear(now, std::move(event), effects);
    const ReplicaId by = received->message.sender();
    const Time began = world_.clock.now();
    replica_->hear(now, std::move(event), effects);
    worked_us_[by] += world_.clock.now() - began;
  }

  /// To one peer: it asked for it, or missed something.
  void send(const pbft::Send& said) {
    const Time began = world_.clock.now();
    outbox_.add(said.to, said.message);
    if (said.to) worked_us_[*said.to] += world_.clock.now() - began;
  }

  [[nodiscard]] std::uint64_t take_worked_us(ReplicaId peer) {
    const auto found = worked_us_.find(peer);
    return found == worked_us_.end() ? 0 : std::exchange(found->second, 0);
  }

  /// What is ordered comes first: reads get a slice of each turn, and when they used it up they
  /// wait as long as it took, so that they never have more than half of the time.
  void serve_reads() {
    const Time began = world_.clock.now();
    if (!clients_.has_reads() || began < reads_again_) return;
    std::uint64_t used = 0;
    while (clients_.has_reads() && used < reads_slice_us) {
      clients_.serve_read();
      used = world_.clock.now() - began;
    }
    reads_again_ = began + used + (used < reads_slice_us ? 0 : used);
  }

  [[nodiscard]] Time deadline() const {
    if (!inbox_.empty() || !news_.empty() || clients_.has_relayed()) return Time{0};
    Time due = replica_->deadline();
    if (fetch_) due = std::min(due, fetch_->deadline());
    if (clients_.has_early()) due = std::min(due, clients_.early_deadline());
    if (clients_.has_reads()) due = std::min(due, reads_again_);
    if (lanes_.kept() > 0)
      due = std::min(due, lanes_.deadline(world_.clock.now(), replica_->leads()));
    if (keep_ < stable_) due = std::min(due, keep_checked_ + keep_check_us);
    return due;
  }

  [[nodiscard]] wire::StatusReply status() const {
    const pbft::ReplicaStatus s = replica_->status();
    wire::StatusReply answer;
    answer.replica = config_.pbft.self;
    answer.view = s.view;
    answer.primary = s.primary;
    answer.last_executed = s.executed;
    answer.stable_checkpoint = s.stable;
    answer.state_digest = s.stable_state;
    answer.connected_peers = outbox_.connected();
    return answer;
  }

  NodeConfig config_;
  World world_;
  const crypto::Signer& signer_;
  wire::Chain chain_;
  std::vector<wire::ConfigurationLinks> news_;  // not checked
  ClockNonDeterminism nondeterminism_;
  wire::Membership membership_;  // of the core's configuration
  wire::Verifier verifier_;
  Clients clients_;
  Outbox outbox_;
  StateServer server_;
  vfs::FetchedPages fetched_;
  TransferCounters transfer_;
  std::unique_ptr<pbft::Replica> replica_;
  NodeCounters counters_;
  std::optional<StateFetch> fetch_;

 private:
  static constexpr std::uint64_t keep_check_us = 1'000'000;
  static constexpr std::uint64_t reads_slice_us = 500;
  /// After so many newer states, the walk begins anew, with the newest.
  static constexpr unsigned newer_max = 12;
  /// After so many checkpoints of our own, what an earlier process fetched is not needed any more.
  static constexpr unsigned leftovers_kept = 4;

  void note(const std::string& text, bool important = true) {
    if (world_.on_note) world_.on_note(text, important);
  }

  /// Clients' words, and words to clients, on their way through other replicas.
  void relay() {
    if (!clients_.has_relayed()) return;
    for (const auto& [to, message] : clients_.take_relayed()) outbox_.add(to, message);
  }

  /// What promises nothing travels while the disk works.
  void speak_early(const pbft::Effects& effects) {
    for (const pbft::Effect& effect : effects)
      if (const auto* said = std::get_if<pbft::Send>(&effect); said && said->at_once) send(*said);
    outbox_.flush();
  }

  /// Every Persist of the round, one sync; none if no Send waits for them.
  Result<void> persist(const pbft::Effects& effects) {
    bool awaited = false;
    for (const pbft::Effect& effect : effects) {
      if (const auto* p = std::get_if<pbft::Persist>(&effect)) {
        world_.journal.append(p->record);
        awaited = awaited || !p->lazy;
      } else if (std::holds_alternative<pbft::MakeDurable>(effect)) {
        awaited = true;
      }
    }
    if (!awaited) return {};
    if (world_.journal.waits()) ++counters_.syncs;
    return world_.journal.sync();
  }

  void speak(const pbft::Effects& effects) {
    for (const pbft::Effect& effect : effects) {
      if (const auto* said = std::get_if<pbft::Send>(&effect)) {
        if (!said->at_once) send(*said);
      } else if (const auto* noted = std::get_if<pbft::Note>(&effect)) {
        note(noted->text, noted->important);
      }
    }
    outbox_.flush();
  }

  Result<void> act(Time now, pbft::Effects& effects) {
    for (pbft::Effect& effect : effects) {
      Result<void> done = std::visit(
          Overloaded{[&](const pbft::Execute& e) { return execute(e); },
                     [&](const pbft::TakeCheckpoint& t) { return take_checkpoint(t.seq); },
                     [&](const pbft::Stable& s) { return commit(s.seq); },
                     [&](const pbft::DiscardJournal& d) { return discard(d.seq, now); },
                     [&](pbft::FetchState& f) { return fetch(std::move(f), now); },
                     [&](const pbft::AskIfWanted& a) { return answer(a); },
                     [](const pbft::Stop& s) { return Result<void>(Error{s.reason, true}); },
                     [](const auto&) { return Result<void>{}; }},
          effect);
      if (!done) return done;
    }
    return {};
  }

  /// The primary's node would not order it (see frame()).
  Result<void> answer(const pbft::AskIfWanted& asked) {
    const wire::RequestBody& body = asked.request.body;
    if (is_over(body)) inbox_.emplace_back(pbft::NotWanted{wire::request_digest(body)});
    return {};
  }

  Result<void> execute(const pbft::Execute& e) {
    const Time began = world_.clock.now();
    const app::Executed executed =
        world_.executor.execute(e.seq, e.digest, e.batch, e.agreed, e.requests);
    ++counters_.batches_executed;
    counters_.requests_executed += executed.replies.size();
    const Time now = world_.clock.now();
    lanes_.executed(now, now - began, e.batch, executed.steps);
    clients_.executed(executed);
    tell_when_due();
    inbox_.emplace_back(pbft::Executed{e.seq, end_of(world_.executor, config_.pbft.number)});
    return {};
  }

  /// In the core's time, anew after each batch: clocks are set, and a batch that came too early by
  /// the agreed time has changed nothing.
  void tell_when_due() {
    const std::optional<AgreedTime> due = world_.executor.due();
    if (!due && !due_told_) return;
    due_told_ = due.has_value();
    pbft::BatchDue event;
    if (due) {
      const std::int64_t wait = std::max<std::int64_t>(due->value - world_.clock.wall().value, 0);
      event.at = world_.clock.now() + static_cast<std::uint64_t>(wait);
      event.overdue = event.at + static_cast<std::uint64_t>(config_.clock_behind_max_us);
    }
    inbox_.emplace_back(event);
  }

  Result<void> take_checkpoint(Seq seq) {
    ++counters_.checkpoints;
    const Digest state = world_.executor.checkpoint(seq);
    inbox_.emplace_back(pbft::CheckpointTaken{
        seq, state,
        wire::configuration_digest(membership_.cluster, world_.executor.configuration_after(seq))});
    return {};
  }

  Result<void> commit(Seq seq) {
    stable_ = seq;
    committing_.push_back(seq);
    return world_.store.begin_commit(vfs::Label{seq.value});
  }

  Result<void> collect_commits() {
    if (committing_.empty() && !installing_) return {};
    if (auto done = world_.store.poll_disk(); !done) return done;
    const auto durable = world_.store.durable();
    if (!durable) return {};
    while (!committing_.empty() && committing_.front().value <= durable->value) {
      inbox_.emplace_back(pbft::CheckpointDurable{committing_.front()});
      committing_.pop_front();
    }
    if (installing_ && installing_->checkpoint.seq.value <= durable->value) {
      tell_when_due();
      inbox_.emplace_back(pbft::StateInstalled{*std::exchange(installing_, std::nullopt),
                                               end_of(world_.executor, config_.pbft.number)});
      return fetched_.clear();
    }
    return {};
  }

  [[nodiscard]] bool is_over(const wire::RequestBody& request) const {
    const app::Executor& executor = world_.executor;
    return executor.stored_reply(request.session, request.number, wire::request_digest(request)) ||
           executor.refuse(request);
  }

  Result<void> discard(Seq seq, Time now) {
    world_.journal.discard(seq);
    stable_ = std::max(stable_, seq);
    release_pages(now);
    if (fetch_ || installing_ || ++settled_checkpoints_ != leftovers_kept) return {};
    return fetched_.clear();
  }

  /// Pages of checkpoints below the stable one go, unless a peer is reading them.
  void release_pages(Time now) {
    keep_ = server_.keep_from(stable_, now);
    keep_checked_ = now;
    world_.store.discard_below(vfs::Label{keep_.value});
  }

  Result<void> fetch(pbft::FetchState wanted, Time now) {
    // One is in the store and the core does not know yet: what it then still misses it asks for
    // again. (A second install would throw away what was executed after the first.) Nor is it this
    // one that the core found wrong.
    if (installing_) return {};
    if (wanted.diverged) clients_.silence(true);
    const Seq seq = wanted.proof.checkpoint.seq;
    if (fetch_) {
      if (seq <= (newer_ ? newer_->checkpoint.seq : fetch_->target().seq)) return {};
      newer_ = std::move(wanted.proof);
      ++newer_seen_;
      return {};
    }
    note("state of n" + std::to_string(seq.value) + " is needed -> fetch what differs");
    if (auto loaded = fetched_.load(); !loaded) return loaded;
    // A state that went wrong may have done so in memory, below the tree that we compare by.
    std::vector<vfs::PageIndex> damaged;
    if (wanted.diverged) {
      ++counters_.divergences;
      damaged = world_.store.verify(world_.store.retained().back(), world_.store.root()).damaged;
    }
    fetch_.emplace(StateFetch::World{world_.store, fetched_, transfer_}, std::move(wanted.proof),
                   config_.pbft.self, config_.pbft.group, std::move(damaged), now);
    gone_ = false;
    return {};
  }

  void fetched(ReplicaId peer, const wire::StatePart& part) {
    if (!fetch_) {
      ++transfer_.unrequested;
    } else if (auto taken = fetch_->on(peer, part, world_.clock.now()); !taken) {
      fault_ = taken.error();
    }
  }

  Result<void> transfer(Time now) {
    if (keep_ < stable_ && now >= keep_checked_ + keep_check_us) release_pages(now);
    if (!fetch_) return {};
    // The group goes on, and peers keep old pages for a bounded time only. But a walk that moves is
    // let finish: the next one, from there, has little left to fetch.
    if (newer_ &&
        (fetch_->exhausted(connected_) || !fetch_->progressing(now) || newer_seen_ > newer_max)) {
      fetch_->retarget(*std::exchange(newer_, std::nullopt), now);
      newer_seen_ = 0;
      gone_ = false;
    }
    if (!newer_ && !gone_ && fetch_->exhausted(connected_)) {
      gone_ = true;
      inbox_.emplace_back(pbft::StateGone{fetch_->target().seq});
    }
    for (auto& [to, ask] : fetch_->ask(now, connected_)) outbox_.add(to, ask);
    for (const std::string& text : fetch_->take_notes()) note(text);
    if (!fetch_->complete()) return {};
    const Result<bool> whole = fetch_->recheck();
    if (!whole) return whole.error();
    return *whole ? install() : Result<void>{};
  }

  /// Durable before the core hears of it: from then on it answers for this state.
  Result<void> install() {
    const wire::CheckpointProof target = fetch_->proof();
    world_.executor.release();
    if (auto done = fetch_->install(world_.store); !done) return done;
    world_.executor.reload();
    note("state of n" + std::to_string(target.checkpoint.seq.value) + " is here, " +
         std::to_string(fetch_->progress().differing) + " of " +
         std::to_string(fetch_->progress().pages) + " pages differed -> make it durable");
    fetch_.reset();
    newer_.reset();
    newer_seen_ = 0;
    ++counters_.state_transfers;
    committing_.clear();
    installing_ = target;
    clients_.silence(false);
    stable_ = keep_ = target.checkpoint.seq;
    return world_.store.begin_commit(vfs::Label{target.checkpoint.seq.value});
  }

  // ---- configurations ----

  /// Who I am in the configuration of the state of `stable`.
  wire::Membership enter(Seq stable) {
    config_.pbft = in_configuration(config_.pbft, world_.executor, stable, signer_.public_key());
    return chain_.membership(chain_.at(config_.pbft.number));
  }

  /// It ends the core's configuration, or is of a later one.
  [[nodiscard]] bool supersedes(const wire::CheckpointProof& proof) const {
    return chain_.newest().number > config_.pbft.number &&
           proof.checkpoint.seq >= chain_.at(config_.pbft.number + 1).since;
  }

  Result<void> take_news() {
    const ConfigNumber before = chain_.newest().number;
    for (const wire::ConfigurationLinks& links : std::exchange(news_, {})) {
      for (const wire::ConfigurationLink& link : links) {
        const char* const reason = chain_.extend(link);
        if (reason == nullptr) continue;
        // Anybody can say such things, so it is not for the operator's log.
        note(std::string("what is said of configurations is refused: ") + reason, false);
        break;
      }
    }
    if (chain_.newest().number == before) return {};
    note("configuration " + std::to_string(chain_.newest().number.value) + " began above n" +
         std::to_string(chain_.newest().since.value) + " -> get there");
    inbox_.emplace_back(pbft::Superseded{chain_.links().back().proof});
    return chain_grew();
  }

  Result<void> chain_grew() {
    if (auto saved = world_.chain_file.save(chain_); !saved) return saved;
    const crypto::PublicKey& key = signer_.public_key();
    if (chain_.newest().keys.items[config_.pbft.self.value] != key)
      return Error{"in configuration " + std::to_string(chain_.newest().number.value) +
                       " this member has another key, of a newer incarnation: this folder, with "
                       "its key, is of no use any more",
                   true};
    for (const ReplicaId peer : std::set<ReplicaId>(connected_)) link_down(peer);
    world_.chain_file.changed(chain_);
    return {};
  }

  /// The state is durable with which the core's configuration ends, or one of a later: the core of
  /// the next one begins, with nothing said and nothing heard (docs/protocol.md, reconfiguration).
  Result<void> begin_configuration() {
    const auto end = end_of(world_.executor, config_.pbft.number);
    const auto& stable = replica_->stable_proof();
    if (!end || !stable || stable->checkpoint.seq < *end) return {};
    const wire::CheckpointProof proof = *stable;
    const Seq seq = proof.checkpoint.seq;
    const wire::Configuration& next = world_.executor.configuration_after(seq);
    if (next.number > chain_.newest().number) {
      const char* const refused = chain_.extend({next, proof});
      ENSURE(refused == nullptr);
      if (auto done = chain_grew(); !done) return done;
    }
    membership_ = enter(seq);
    verifier_ = wire::Verifier(membership_, &chain_);
    outbox_.configure(config_.pbft.number);
    // What was received, or begun, was of the last configuration; clients' requests are of none.
    arriving_.clear();
    std::erase_if(inbox_, [](const pbft::Event& event) {
      return !std::holds_alternative<pbft::Submitted>(event);
    });
    fetch_.reset();
    newer_.reset();
    installing_.reset();
    committing_.clear();
    pbft::Recovered recovered;
    recovered.view = config_.pbft.first_view;
    recovered.image = seq;
    recovered.stable = proof;
    recovered.first_boot = false;
    recovered.fresh = true;
    replica_ = std::make_unique<pbft::Replica>(config_.pbft, signer_, nondeterminism_,
                                               std::move(recovered));
    clients_.silence(config_.pbft.mute);
    clients_.close_all("another configuration has begun");
    inbox_.emplace_back(pbft::Tick{});
    for (const ReplicaId peer : connected_) inbox_.emplace_back(pbft::PeerConnected{peer});
    tell_when_due();
    if (chain_.newest().number > config_.pbft.number)
      inbox_.emplace_back(pbft::Superseded{chain_.links().back().proof});
    return {};
  }

  std::deque<Seq> committing_;                       // begun, not known to be durable
  std::optional<wire::CheckpointProof> installing_;  // in the store, not known to be durable
  std::optional<wire::CheckpointProof> newer_;       // than the one being fetched
  unsigned newer_seen_ = 0;                          // since that one was begun
  bool gone_ = false;                                // what is fetched; the core knows
  std::optional<Error> fault_;                       // met while reading frames
  Complaints complaints_;
  Lanes lanes_{[this](SessionId session) { return world_.executor.highest(session); }};
  bool due_told_ = false;  // the core waits for a time of the application's
  std::vector<pbft::Event> inbox_;
  std::map<ReplicaId, Arriving> arriving_;
  std::map<ReplicaId, std::uint64_t> worked_us_;  // for each peer, and not taken
  std::set<ReplicaId> connected_;
  unsigned settled_checkpoints_ = 0;
  Seq stable_;
  Seq keep_;
  Time keep_checked_;
  Time reads_again_;
};

Node::Node(NodeConfig config, const crypto::Signer& signer, pbft::Recovered recovered, World world)
    : impl_(std::make_unique<Impl>(std::move(config), signer, std::move(recovered),
                                   std::move(world))) {}
Node::~Node() = default;

void Node::link_up(ReplicaId peer, wire::LinkKeys keys) { impl_->link_up(peer, std::move(keys)); }
void Node::link_down(ReplicaId peer) { impl_->link_down(peer); }
bool Node::frame(ReplicaId peer, ByteView sealed) { return impl_->frame(peer, sealed); }
std::uint64_t Node::take_worked_us(ReplicaId peer) { return impl_->take_worked_us(peer); }
void Node::configurations(const wire::ConfigurationLinks& news) {
  // Each costs a few signatures at most, and who was not heard says it again.
  constexpr std::size_t news_max = 16;
  if (impl_->news_.size() < news_max) impl_->news_.push_back(news);
}
const wire::Chain& Node::chain() const { return impl_->chain_; }
void Node::client_connected(ConnectionId connection, std::string address) {
  impl_->clients_.connected(connection, std::move(address));
}
void Node::client_text(ConnectionId connection, std::string_view text) {
  impl_->client_text(connection, text);
}
void Node::read(ConnectionId connection, std::string address, wire::Call call) {
  impl_->clients_.read(connection, std::move(address), std::move(call));
}
void Node::client_closed(ConnectionId connection) { impl_->clients_.closed(connection); }

Result<void> Node::turn() { return impl_->turn(); }
Time Node::deadline() const { return impl_->deadline(); }
wire::StatusReply Node::status() const { return impl_->status(); }
pbft::ReplicaStatus Node::replica_status() const { return impl_->replica_->status(); }
const NodeCounters& Node::counters() const { return impl_->counters_; }
Held Node::held() const {
  Held held;
  held.core = impl_->replica_->held();
  impl_->clients_.count(held);
  return held;
}
std::optional<app::Executor::Page> Node::page(std::string_view path) const {
  return impl_->world_.executor.page(path);
}
std::optional<StateFetch::Progress> Node::transfer() const {
  if (!impl_->fetch_) return std::nullopt;
  return impl_->fetch_->progress();
}
const TransferCounters& Node::transfer_counters() const { return impl_->transfer_; }
std::uint64_t Node::state_bytes_served() const { return impl_->server_.bytes_served(); }

}  // namespace prytany::node
