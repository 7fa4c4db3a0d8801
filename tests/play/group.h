// A group of real replicas in one process: virtual time, a network that obeys rules, journals in
// memory (host.h). Used by plays and by the paper's tests.
//
// Checked all along: agreement, no vote contradicted (also across restarts), durable before sent,
// execution in order.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/play/host.h"

namespace prytany::play {

/// "drop from r0 type prepare to r2": any part may be missing, and then means "any".
struct DropRule {
  std::optional<unsigned> from;
  std::optional<unsigned> to;
  std::string type;
  std::optional<std::uint64_t> seq;
};

class Group {
 public:
  explicit Group(pbft::Config config, bool with_trace = true)
      : config_(config), members_(config.group.n) {
    config_.cluster = digest_of("play");
    config_.notes = with_trace;
    for (unsigned id = 0; id < config_.group.n; ++id) boot(id);
    settle();
  }

  // ---- the world ----
  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] unsigned size() const { return config_.group.n; }
  [[nodiscard]] const pbft::Config& config() const { return config_; }
  [[nodiscard]] bool alive(unsigned id) const { return members_[id].host != nullptr; }
  [[nodiscard]] Host& host(unsigned id) { return *members_[id].host; }
  [[nodiscard]] PlayClock& clock(unsigned id) { return members_[id].clock; }
  [[nodiscard]] Disk& disk(unsigned id) { return members_[id].disk; }
  [[nodiscard]] pbft::ReplicaStatus status(unsigned id) { return host(id).status(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  std::vector<std::string> trace;

  /// `from`: the number of the client's host.
  void submit(unsigned to, const wire::ClientRequest& request, std::uint64_t from = 0) {
    submitted_.emplace(wire::request_digest(request.body), request);
    if (!alive(to) || host(to).is_over(wire::request_digest(request.body))) return;
    host(to).handle(now_, play::submitted(request, from));
  }
  void submit_to_all(const wire::ClientRequest& request, std::uint64_t from = 0) {
    for (unsigned id = 0; id < size(); ++id) submit(id, request, from);
  }
  /// Delivers all that is under way; timers that come due meanwhile are served.
  void deliver() {
    while (!network_.empty()) run_until(network_.begin()->first.first);
    check();
  }
  void advance(std::uint64_t milliseconds) {
    const Time end = now_ + milliseconds * ms;
    while (true) {
      Time next = network_.empty() ? never : network_.begin()->first.first;
      for (unsigned id = 0; id < size(); ++id)
        if (alive(id)) next = std::min(next, host(id).replica().deadline());
      if (next > end) break;
      run_until(std::max(next, now_));
    }
    now_ = end;
    check();
  }
  void drop(DropRule rule) { rules_.push_back(std::move(rule)); }
  void clear_rules() { rules_.clear(); }
  /// By a loss of power: what no Send waited for is lost.
  void kill(unsigned id) {
    Disk& disk = members_[id].disk;
    disk.journal.resize(std::min(disk.journal.size(), disk.durable));
    members_[id].host.reset();
    members_[id].fetching.reset();
  }
  void restart(unsigned id) {
    ENSURE(!alive(id));
    boot(id);
    for (unsigned peer = 0; peer < size(); ++peer) connect(id, peer);
  }
  /// No link between them until connect().
  void cut(unsigned a, unsigned b) { cuts_.insert(std::minmax(a, b)); }
  void connect(unsigned a, unsigned b) {
    cuts_.erase(std::minmax(a, b));
    if (a == b || !alive(a) || !alive(b)) return;
    host(a).handle(now_, pbft::PeerConnected{id_of(b)});
    host(b).handle(now_, pbft::PeerConnected{id_of(a)});
  }
  /// The network is whole again.
  void heal() {
    clear_rules();
    for (const auto& [a, b] : std::exchange(cuts_, {})) connect(a, b);
  }
  /// `from` says this to `to`, whatever its core would have said.
  void forge(unsigned from, unsigned to, wire::PeerMessage message) {
    members_[from].faulty = true;
    post(from, to, std::move(message));
  }
  void set_faulty(unsigned id) { members_[id].faulty = true; }
  [[nodiscard]] bool faulty(unsigned id) const { return members_[id].faulty; }
  /// Replaces what this replica says, by a message or by silence.
  std::function<std::optional<wire::PeerMessage>(unsigned from, unsigned to, wire::PeerMessage)>
      mangle;
  /// Hears everything that is said to anybody.
  std::function<void(unsigned from, const wire::PeerMessage&)> on_said;
  /// The primary proposes nothing any more: requests may wait in the end.
  bool halted = false;
  /// State transfer takes this long.
  std::uint64_t transfer_ms = 50;

  // ---- the end of every play ----
  /// All faults end (liars stay liars); then everything that was submitted to a correct, live group
  /// is executed by all, and all are in the same state.
  std::string converge(std::uint64_t patience_ms = 60'000) {
    for (unsigned id = 0; id < size(); ++id)
      if (!alive(id)) restart(id);
    heal();
    for (unsigned id = 0; id < size(); ++id) {
      clock(id).offset_us = 0;
      host(id).disk_stalls = false;
      host(id).spoil = nullptr;
    }
    for (std::uint64_t waited = 0; waited < patience_ms; waited += 1000) {
      if (agreed()) return {};
      repeat_requests();
      advance(1000);
    }
    std::ostringstream why;
    why << "no agreement after healing:";
    for (unsigned id = 0; id < size(); ++id) why << "\n  " << describe(id);
    return why.str();
  }
  [[nodiscard]] std::string describe(unsigned id) {
    std::ostringstream text;
    text << "r" << id << ": ";
    if (!alive(id)) return text.str() + "dead";
    const auto s = host(id).status();
    text << "view " << s.view << (s.active ? "" : " asked for") << ", stable n" << s.stable
         << ", executed n" << s.executed << ", proposed n" << s.proposed << ", " << s.waiting
         << " waiting, state " << host(id).state() << (s.fetching ? ", fetching" : "")
         << (s.diverged ? ", diverged" : "");
    return text.str();
  }
  [[nodiscard]] bool agreed() {
    std::optional<unsigned> first;
    for (unsigned id = 0; id < size(); ++id) {
      if (faulty(id)) continue;
      if (!first) first = id;
      if (host(id).executed() != host(*first).executed()) return false;
      if (host(id).state() != host(*first).state()) return false;
      if (host(id).status().stable != host(*first).status().stable) return false;
      if (halted) continue;
      const auto status = host(id).status();
      // Whoever asks alone for another view has seen what a liar proposed to nobody else.
      if (status.waiting > 0 || (status.active && status.proposed != status.executed)) return false;
    }
    return true;
  }
  /// Requests executed somewhere, of those that were submitted.
  [[nodiscard]] std::size_t executed_requests() const { return executed_requests_.size(); }
  [[nodiscard]] bool executed(const wire::ClientRequest& request) const {
    return executed_requests_.contains(wire::request_digest(request.body));
  }
  [[nodiscard]] const std::map<Seq, Digest>& history() const { return history_; }

 private:
  /// Clients send to all what nobody answers. (A host would not let in again what is executed.)
  void repeat_requests() {
    if (halted) return;
    for (const auto& [digest, request] : submitted_)
      if (!executed_requests_.contains(digest)) {
        wire::ClientRequest again = request;
        again.proof.signature.emplace();  // whoever asks again signs
        submit_to_all(again);
      }
  }

  struct Member {
    std::unique_ptr<Host> host;
    PlayClock clock;
    Disk disk;
    bool faulty = false;
    std::optional<Seq> fetching;
  };
  using Order = std::pair<Time, std::uint64_t>;
  struct Letter {
    unsigned from;
    unsigned to;
    std::optional<wire::PeerMessage> message;  // nothing: an image arrived
    wire::Checkpoint image;
    ConfigNumber number = {};  // the sender's
  };

  static ReplicaId id_of(unsigned id) { return ReplicaId{static_cast<std::uint16_t>(id)}; }

  void boot(unsigned id) {
    Member& member = members_[id];
    pbft::Config config = config_;
    config.self = id_of(id);
    member.host = std::make_unique<Host>(config, member.clock, member.disk, changes_);
    Host& host = *member.host;
    host.on_note = [this, id](const std::string& text) { say(id, text); };
    host.on_send = [this, id](const pbft::Send& send) { this->send(id, send); };
    host.on_execute = [this, id](const pbft::Execute& e) { executed(id, e); };
    host.is_over = [this, &host](const Digest& request) {
      const auto at = executed_requests_.find(request);
      return at != executed_requests_.end() && at->second <= host.executed();
    };
    host.on_fetch = [this, id](const wire::CheckpointProof& proof) {
      Member& fetcher = members_[id];
      if (fetcher.fetching == proof.checkpoint.seq) return;  // under way
      fetcher.fetching = proof.checkpoint.seq;
      network_.emplace(Order{now_ + transfer_ms * ms, next_++},
                       Letter{id, id, std::nullopt, proof.checkpoint});
    };
  }
  void settle() {
    for (unsigned id = 0; id < size(); ++id) host(id).tick_if_due(now_);
  }

  void say(unsigned id, const std::string& text) {
    if (!config_.notes) return;
    std::ostringstream line;
    line << "[" << std::string(now_.value / ms < 1000 ? (now_.value / ms < 100 ? 2 : 1) : 0, ' ')
         << now_.value / ms << "] r" << id << " > " << text;
    // A play that aborts shows no trace at its end.
    static const bool echo = std::getenv("PRYTANY_ECHO") != nullptr;
    if (echo) std::cerr << line.str() << "\n";
    trace.push_back(line.str());
  }

  void send(unsigned from, const pbft::Send& send) {
    check_vote(from, send);
    if (on_said) on_said(from, send.message);
    for (unsigned to = 0; to < size(); ++to)
      if (to != from && (!send.to || send.to->value == to)) post(from, to, send.message);
  }
  void post(unsigned from, unsigned to, wire::PeerMessage message) {
    ++sent_;
    if (cuts_.contains(std::minmax(from, to))) return;
    for (const DropRule& rule : rules_)
      if (rule.from.value_or(from) == from && rule.to.value_or(to) == to &&
          (rule.type.empty() || rule.type == wire::name_of(message)) &&
          (!rule.seq || seq_of(message) == *rule.seq))
        return;
    if (mangle && faulty(from)) {
      auto other = mangle(from, to, std::move(message));
      if (!other) return;
      message = *std::move(other);
    }
    network_.emplace(Order{now_ + delay_us, next_++},
                     Letter{from, to, std::move(message), {}, said_in(from)});
  }
  [[nodiscard]] ConfigNumber said_in(unsigned from) {
    return alive(from) ? host(from).configuration() : ConfigNumber{};
  }
  static std::optional<std::uint64_t> seq_of(const wire::PeerMessage& message) {
    return std::visit(
        [](const auto& m) -> std::optional<std::uint64_t> {
          if constexpr (requires { m.seq.value; }) return m.seq.value;
          if constexpr (requires { m.message.seq.value; }) return m.message.seq.value;
          return std::nullopt;
        },
        message);
  }

  /// Everything that is due at `time`, in the order in which it was sent; then timers.
  void run_until(Time time) {
    now_ = std::max(now_, time);
    while (!network_.empty() && network_.begin()->first.first <= now_) {
      Letter letter = std::move(network_.begin()->second);
      network_.erase(network_.begin());
      if (!alive(letter.to)) continue;
      if (!letter.message) {
        Member& fetcher = members_[letter.to];
        if (fetcher.fetching != letter.image.seq) continue;  // a newer one was asked for
        fetcher.fetching.reset();
        host(letter.to).install(now_, letter.image);
      } else if (const auto* forward = std::get_if<wire::Forward>(&*letter.message);
                 forward != nullptr &&
                 host(letter.to).is_over(wire::request_digest(forward->request.body))) {
        continue;  // as a node does
      } else if (alive(letter.from) || faulty(letter.from)) {
        hear(std::move(letter));
      }
    }
    for (unsigned id = 0; id < size(); ++id)
      if (alive(id)) host(id).tick_if_due(now_);
  }

  /// As a node does with what is of another configuration.
  void hear(Letter letter) {
    Host& to = host(letter.to);
    const ConfigNumber mine = to.configuration();
    const auto* proof = std::get_if<wire::CheckpointProof>(&*letter.message);
    const auto* status = std::get_if<wire::Status>(&*letter.message);
    if (letter.number == mine) {
      to.handle(now_, received(letter.from, *std::move(letter.message)));
    } else if (letter.number > mine && proof != nullptr) {
      to.handle(now_, pbft::Superseded{*proof});
    } else if (letter.number < mine && status != nullptr) {
      to.handle(now_, pbft::Behind{id_of(letter.from), status->stable});
    }
  }

  // ---- what must hold all along ----
  void check_vote(unsigned from, const pbft::Send& send) {
    if (faulty(from)) return;
    const auto recorded = [&](auto vote, auto record) {
      const auto key = std::tuple{from, vote.view, vote.seq, send.message.index()};
      const auto [it, first] = votes_.emplace(key, vote.digest);
      // Of a number only its own configuration speaks.
      const ConfigNumber number = said_in(from);
      ENSURE(changes_.size() <= number.value || vote.seq <= changes_[number.value].ends);
      ENSURE(number == ConfigNumber{0} || vote.seq > changes_[number.value - 1].ends);
      ENSURE(it->second == vote.digest);  // no vote contradicts one that was sent, ever
      const auto& journal = members_[from].disk.journal;
      const bool durable_before_it_left =
          std::any_of(journal.begin(), journal.end(), [&](const pbft::JournalRecord& r) {
            const auto* same = std::get_if<decltype(record)>(&r);
            return same != nullptr && same->vote == vote;
          });
      ENSURE(durable_before_it_left);
    };
    if (const auto* p = std::get_if<wire::Prepare>(&send.message))
      recorded(*p, pbft::PreparedVote{});
    if (const auto* c = std::get_if<wire::Commit>(&send.message)) recorded(*c, pbft::CommitVote{});
  }
  void executed(unsigned id, const pbft::Execute& e) {
    if (faulty(id)) return;
    const auto [it, first] = history_.emplace(e.seq, e.digest);
    ENSURE(it->second == e.digest);  // agreement
    for (const wire::ClientRequest& request : e.batch.requests) {
      const Digest digest = wire::request_digest(request.body);
      ENSURE(submitted_.contains(digest) || any_faulty());  // nobody invents requests
      executed_requests_.emplace(digest, e.seq);
      order(e.seq, request.body.operation.bytes);
    }
  }
  void order(Seq seq, const Bytes& operation) {
    const bool pending = !changes_.empty() && changes_.back().ends >= seq;
    if (operation != to_bytes(as_bytes(reconfigure)) || pending) return;
    const std::uint64_t k = config_.checkpoint_interval;
    changes_.push_back({seq, Seq{(seq.value + config_.window + k - 1) / k * k}});
  }
  [[nodiscard]] bool any_faulty() const {
    for (const Member& member : members_)
      if (member.faulty) return true;
    return false;
  }
  void check() {
    for (unsigned id = 0; id < size(); ++id) {
      if (!alive(id)) continue;
      const auto status = host(id).status();
      ENSURE(status.stable <= status.executed);
      ENSURE(status.executed.value <= status.stable.value + config_.window);
    }
  }

  pbft::Config config_;
  std::vector<Change> changes_;
  std::vector<Member> members_;
  Time now_{100 * ms};
  std::multimap<Order, Letter> network_;
  std::uint64_t next_ = 0;
  std::uint64_t sent_ = 0;
  std::vector<DropRule> rules_;
  std::set<std::pair<unsigned, unsigned>> cuts_;
  std::map<Digest, wire::ClientRequest> submitted_;
  std::map<Digest, Seq> executed_requests_;
  std::map<Seq, Digest> history_;
  std::map<std::tuple<unsigned, View, Seq, std::size_t>, Digest> votes_;
};

inline pbft::Config small_config(unsigned n, unsigned f, std::uint64_t checkpoint = 4,
                                 std::uint64_t window = 8) {
  pbft::Config config;
  config.group = {n, f};
  config.checkpoint_interval = checkpoint;
  config.window = window;
  config.slow_after_us = 60'000'000;  // no trials: tests/paper/slow_primary_test.cpp has them
  config.boot_question = false;       // tests/unit/pbft/boot_question_test.cpp asks it
  return config;
}

/// Requests `from` .. of one session, one batch each, handed to replica `at`.
inline void run(Group& group, std::uint64_t batches, std::uint64_t from = 1, unsigned at = 0) {
  for (std::uint64_t number = from; number < from + batches; ++number) {
    group.submit(at, request_of(1, number));
    group.deliver();
  }
}

/// How many lines of its trace have these words in them.
inline std::size_t times_told(const Group& group, const std::string& words) {
  return static_cast<std::size_t>(std::ranges::count_if(
      group.trace, [&](const std::string& line) { return line.find(words) != std::string::npos; }));
}

}  // namespace prytany::play
