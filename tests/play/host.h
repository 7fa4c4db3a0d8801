// One real replica in memory: a clock that can be wrong, a disk that a kill takes what was not
// made durable from, and an "executor" whose state is the hash of all that it executed.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/pbft/replica.h"
#include "server/wire/signing.h"

namespace prytany::play {

inline constexpr std::uint64_t ms = 1000;
/// From sending to receiving.
inline constexpr std::uint64_t delay_us = 10 * ms;
inline constexpr std::int64_t epoch_us = 1'000'000'000;

inline Time at_ms(std::uint64_t t) { return Time{t * ms}; }

inline crypto::Signer signer_of(unsigned id) {
  crypto::Signer::Seed seed{};
  seed[0] = static_cast<std::uint8_t>(id + 1);
  return crypto::Signer(seed);
}

inline wire::ClientRequest request_of(std::uint64_t session, std::uint64_t number,
                                      const std::string& operation = "op") {
  wire::ClientRequest request;
  request.body.session = SessionId{session};
  request.body.number = RequestNumber{number};
  request.body.operation.bytes = to_bytes(as_bytes(operation));
  request.proof.signature.emplace();  // plays have no keys: any will do
  return request;
}

/// Without a signature: whom it is submitted to found its tag right.
inline wire::ClientRequest tagged_request_of(std::uint64_t session, std::uint64_t number) {
  wire::ClientRequest request = request_of(session, number);
  request.proof.signature.reset();
  return request;
}

inline pbft::Submitted submitted(const wire::ClientRequest& request, std::uint64_t from = 0) {
  return {wire::AuthenticForTests::request(request), from};
}
inline pbft::Received received(unsigned from, wire::PeerMessage message) {
  return {wire::AuthenticForTests::from(ReplicaId{static_cast<std::uint16_t>(from)},
                                        std::move(message))};
}

inline Digest digest_of(const std::string& name) { return crypto::sha256(as_bytes(name)); }

/// Agreed time from a clock that can be wrong.
class PlayClock : public pbft::NonDeterminism {
 public:
  wire::Agreed propose(const wire::Batch&, Time now, AgreedTime last) override {
    const std::int64_t mine = local(now);
    return {AgreedTime{std::max(mine, last.value + 1)}, {}};
  }
  Verdict judge(const wire::Batch&, const wire::Agreed& agreed, Time now, AgreedTime) override {
    ++judged;
    const std::int64_t mine = local(now);
    if (agreed.time.value > mine + ahead_max_us)
      return Early{now + static_cast<std::uint64_t>(agreed.time.value - mine - ahead_max_us)};
    if (agreed.choice.bytes == Bytes{'x'}) return Refused{};
    if (agreed.time.value < mine - behind_max_us) return Late{};
    return Accepted{};
  }
  [[nodiscard]] std::int64_t local(Time now) const {
    return epoch_us + static_cast<std::int64_t>(now.value) + offset_us;
  }
  std::int64_t offset_us = 0;
  std::int64_t ahead_max_us = 100'000;
  std::int64_t behind_max_us = 1'000'000;
  unsigned judged = 0;
};

/// Another configuration was ordered, by a request whose operation says so. All correct replicas
/// learn it by executing that.
struct Change {
  Seq ordered;
  Seq ends;  // the one before
};
inline constexpr const char* reconfigure = "reconfigure";
inline const std::vector<Change> no_changes;

/// What survives a kill.
struct Disk {
  std::vector<pbft::JournalRecord> journal;
  std::size_t durable = 0;  // so many of them; the others are lost by a kill
  Seq image;
  Digest image_state;
};

/// A replica with its host: does what effects ask, at once, and says so in the next event.
class Host {
 public:
  Host(pbft::Config config, PlayClock& clock, Disk& disk,
       const std::vector<Change>& changes = no_changes)
      : config_(config),
        signer_(signer_of(config.self.value)),
        clock_(clock),
        disk_(disk),
        changes_(changes) {
    pbft::Recovery recovery;
    for (const pbft::JournalRecord& record : disk.journal) recovery.add(record);
    executed_ = disk.image;
    state_ = disk.image_state;
    enter(disk.image);
    auto recovered = std::move(recovery).finish(disk.image, disk.image_state, config_.first_view);
    ENSURE(recovered.ok());
    replica_ = std::make_unique<pbft::Replica>(config_, signer_, clock, std::move(*recovered));
  }

  std::deque<pbft::Event> inbox;
  /// What execution made of it; a liar's or a broken one's differs.
  std::function<Digest(Digest)> spoil;
  std::function<void(const pbft::Send&)> on_send = [](const pbft::Send&) {};
  std::function<void(const std::string&)> on_note = [](const std::string&) {};
  std::function<void(const pbft::Execute&)> on_execute = [](const pbft::Execute&) {};
  /// What a host finds in its own state: this request was executed.
  std::function<bool(const Digest&)> is_over = [](const Digest&) { return false; };
  std::function<void(const wire::CheckpointProof&)> on_fetch = [](const auto&) {};
  /// When the application wants the next batch, after one of these agreed values; not set: it never
  /// does.
  std::function<pbft::BatchDue(const wire::Agreed& executed)> batch_due;
  /// Its last word, if it ended by itself: it found that its disk was lost.
  std::optional<std::string> stopped;
  /// state.db's commit does not finish while this is set.
  bool disk_stalls = false;

  /// One event and all that it causes here.
  void handle(Time now, pbft::Event event) {
    inbox.push_back(std::move(event));
    while (!inbox.empty()) {
      pbft::Effects effects;
      pbft::Event next = std::move(inbox.front());
      inbox.pop_front();
      replica_->step(now, std::move(next), effects);
      for (const pbft::Effect& effect : effects) persist(effect);
      for (const pbft::Effect& effect : effects) speak(effect);
      for (const pbft::Effect& effect : effects) act(effect);
      last_effects = std::move(effects);
      begin_configuration();
    }
  }
  void tick_if_due(Time now) {
    if (now >= replica_->deadline()) handle(now, pbft::Tick{});
  }
  void install(Time now, const wire::Checkpoint& checkpoint) {
    executed_ = disk_.image = checkpoint.seq;
    state_ = disk_.image_state = checkpoint.state;
    handle(now, pbft::StateInstalled{wanted_.at(checkpoint.seq), ends()});
  }

  [[nodiscard]] pbft::Replica& replica() { return *replica_; }
  [[nodiscard]] pbft::ReplicaStatus status() const { return replica_->status(); }
  [[nodiscard]] Seq executed() const { return executed_; }
  [[nodiscard]] ConfigNumber configuration() const { return config_.number; }
  /// The last number of its configuration, once the next one is ordered here.
  [[nodiscard]] std::optional<Seq> ends() const {
    if (changes_.size() <= config_.number.value) return std::nullopt;
    const Change& next = changes_[config_.number.value];
    return next.ordered <= executed_ ? std::optional(next.ends) : std::nullopt;
  }
  [[nodiscard]] const Digest& state() const { return state_; }
  pbft::Effects last_effects;

 private:
  void enter(Seq image) {
    config_.number = {};
    for (const Change& change : changes_)
      if (change.ends <= image) ++config_.number;
    config_.first_view = pbft::first_view_of(config_.group, config_.number, std::nullopt);
    config_.ends_at = ends();
  }
  /// As a node does.
  void begin_configuration() {
    const auto& stable = replica_->stable_proof();
    if (!ends() || !stable || stable->checkpoint.seq < *ends()) return;
    pbft::Recovered recovered;
    recovered.image = stable->checkpoint.seq;
    recovered.stable = stable;
    recovered.first_boot = false;
    recovered.fresh = true;
    enter(recovered.image);
    recovered.view = config_.first_view;
    replica_ = std::make_unique<pbft::Replica>(config_, signer_, clock_, std::move(recovered));
    std::erase_if(inbox, [](const pbft::Event& event) {
      return !std::holds_alternative<pbft::Submitted>(event);
    });
    inbox.push_back(pbft::Tick{});
    for (std::uint16_t peer = 0; peer < config_.group.n; ++peer)
      inbox.push_back(pbft::PeerConnected{ReplicaId{peer}});
  }

  void persist(const pbft::Effect& effect) {
    const auto* p = std::get_if<pbft::Persist>(&effect);
    if (p != nullptr) disk_.journal.push_back(p->record);
    if (p != nullptr ? !p->lazy : std::holds_alternative<pbft::MakeDurable>(effect))
      disk_.durable = disk_.journal.size();
  }
  void speak(const pbft::Effect& effect) {
    if (const auto* send = std::get_if<pbft::Send>(&effect)) on_send(*send);
    if (const auto* note = std::get_if<pbft::Note>(&effect)) on_note(note->text);
  }
  void act(const pbft::Effect& effect) {
    if (const auto* e = std::get_if<pbft::Execute>(&effect)) {
      ENSURE(e->seq == executed_ + 1);
      executed_ = e->seq;
      state_ = crypto::sha256_pair(state_, e->digest);
      if (spoil) state_ = spoil(state_);
      on_execute(*e);  // learns of changes
      if (batch_due) inbox.push_back(batch_due(e->agreed));
      inbox.push_back(pbft::Executed{e->seq, ends()});
    } else if (const auto* t = std::get_if<pbft::TakeCheckpoint>(&effect)) {
      ENSURE(t->seq == executed_);
      taken_[t->seq] = state_;
      inbox.push_back(pbft::CheckpointTaken{t->seq, state_});
    } else if (const auto* s = std::get_if<pbft::Stable>(&effect)) {
      if (disk_stalls) return;
      disk_.image = s->seq;
      disk_.image_state = taken_.at(s->seq);
      ENSURE(disk_.image_state == s->state);
      inbox.push_back(pbft::CheckpointDurable{s->seq});
    } else if (const auto* a = std::get_if<pbft::AskIfWanted>(&effect)) {
      const Digest digest = wire::request_digest(a->request.body);
      if (is_over(digest)) inbox.push_back(pbft::NotWanted{digest});
    } else if (const auto* f = std::get_if<pbft::FetchState>(&effect)) {
      wanted_.insert_or_assign(f->proof.checkpoint.seq, f->proof);
      on_fetch(f->proof);
    } else if (const auto* ended = std::get_if<pbft::Stop>(&effect)) {
      stopped = ended->reason;
    }
  }

  pbft::Config config_;
  crypto::Signer signer_;
  std::map<Seq, wire::CheckpointProof> wanted_;  // of each FetchState
  PlayClock& clock_;
  Disk& disk_;
  const std::vector<Change>& changes_;
  std::unique_ptr<pbft::Replica> replica_;
  Seq executed_;
  Digest state_;
  std::map<Seq, Digest> taken_;
};

}  // namespace prytany::play
