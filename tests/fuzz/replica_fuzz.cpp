// The protocol core under authentic messages that mean anything. `replica`: one core, and all of
// its peers say what an input wants; it may be led to wrong conclusions, but it keeps its own
// promises (Invariants, at the end of every step), aborts never and holds no more memory than
// `held_max`, however long it is talked to.
// `group`: four cores of which one lies; the others agree, and no vote of theirs is contradicted.
#include <sanitizer/allocator_interface.h>

#include <random>

#include "tests/fuzz/speaker.h"
#include "tests/fuzz/target.h"
#include "tests/play/group.h"

namespace prytany::fuzz {
namespace {

pbft::Config config_from(Input& input) {
  pbft::Config config = play::small_config(4, 1);
  const std::uint8_t options = input.byte();
  config.boot_question = (options & 1) != 0;
  config.mac_requests = (options & 2) != 0;
  config.bodies_apart = (options & 4) != 0;
  config.early_pre_prepare = (options & 8) != 0;
  config.batch_requests_max = (options & 16) != 0 ? 1 : 4;
  config.backlog_bytes_max = 16 << 10;
  config.backlog_requests_max = 32;
  config.backlog_per_session_max = 8;
  config.backlog_joins_max = 8;
  return config;
}

// ---- One core -----------------------------------------------------------------------------------

/// What a core with such a configuration may hold: in a window of 8 numbers, for each of 4
/// replicas, votes and digests; a proposal or a batch of 3 small requests for each number; the last
/// VIEW-CHANGE of each, NEW-VIEWs that hold four of those; a backlog of 32 requests; a number for
/// each of the 1024 sessions that there are.
constexpr std::size_t held_max = std::size_t{256} << 10;

std::size_t allocated() { return __sanitizer_get_current_allocated_bytes(); }

class Alone {
 public:
  explicit Alone(Input& input) : input_(input), config_(config_from(input)) {
    config_.self = ReplicaId{static_cast<std::uint16_t>(input.below(4))};
    config_.cluster = play::digest_of("play");
    speaker_.invents_proofs = true;
    boot();
  }

  void run() {
    for (int i = 0; i < 200 && !input_.empty() && !host_->stopped; ++i) turn();
    const std::size_t with = allocated();
    host_.reset();
    ENSURE(with - allocated() <= held_max);
  }

 private:
  void boot() {
    host_ = std::make_unique<play::Host>(config_, clock_, disk_);
    host_->on_send = [this](const pbft::Send& send) {
      ++sent_;
      speaker_.hear(config_.self, send.message);
    };
    host_->on_fetch = [this](const wire::CheckpointProof& proof) { wanted_ = proof.checkpoint; };
    host_->handle(now_, pbft::Tick{});
  }

  void turn() {
    sent_ = 0;
    speaker_.remember(host_->state());
    const auto status = host_->status();
    switch (input_.below(16)) {
      case 0:
        now_ = std::max(now_, std::min(host_->replica().deadline(), now_ + 10'000'000));
        host_->tick_if_due(now_);
        break;
      case 1: now_ = now_ + std::uint64_t{input_.byte()} * 1000; break;
      case 2: host_->handle(now_, play::submitted(speaker_.request(input_))); break;
      case 3: host_->handle(now_, pbft::PeerConnected{peer()}); break;
      case 4: agree_with(status); break;
      case 5: checkpoint_with(status); break;
      case 6: rare(status); break;
      case 7: flood(); break;
      default: host_->handle(now_, play::received(input_.below(5), speaker_.say(input_, status)));
    }
    // One message causes a bounded number of others: a window of each kind, to everybody.
    ENSURE(sent_ <= sent_max());
  }

  /// Many messages, all different, of a few bytes of input: what is kept of each would add up.
  void flood() {
    speaker_.varies = true;
    std::minstd_rand random(input_.byte());
    Bytes noise(512);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random() >> 8);
    const unsigned from = input_.below(5);
    for (Input many(noise); !many.empty() && !host_->stopped;) {
      ENSURE(std::exchange(sent_, 0) <= sent_max());
      const auto status = host_->status();
      const unsigned who = from < 4 ? from : many.below(4);
      if (many.below(4) == 0)
        host_->handle(now_, play::submitted(speaker_.request(many)));
      else
        host_->handle(now_, play::received(who, speaker_.say(many, status)));
    }
    speaker_.varies = false;
  }
  [[nodiscard]] std::size_t sent_max() const { return 40 * config_.window; }
  ReplicaId peer() { return ReplicaId{static_cast<std::uint16_t>(input_.below(4))}; }
  /// All others vote for what was proposed here last, so that an input need not say so itself.
  void agree_with(const pbft::ReplicaStatus& status) {
    const Seq seq = status.executed + 1;
    Digest digest;
    for (const auto& record : disk_.journal)
      if (const auto* p = std::get_if<pbft::PrePreparedRecord>(&record))
        if (p->pre_prepare.seq == seq)
          digest = wire::batch_digest(p->pre_prepare.batch, p->pre_prepare.agreed);
    for (unsigned from = 0; from < 4; ++from) {
      host_->handle(now_, play::received(from, wire::Prepare{status.view, seq, digest}));
      host_->handle(now_, play::received(from, wire::Commit{status.view, seq, digest}));
    }
  }
  void checkpoint_with(const pbft::ReplicaStatus& status) {
    const Seq seq{status.executed.value - status.executed.value % config_.checkpoint_interval};
    if (seq != status.executed) return;
    for (unsigned from = 0; from < 4; ++from)
      host_->handle(now_, play::received(
                              from, wire::Signed<wire::Checkpoint>{{seq, host_->state(), {}}, {}}));
  }
  void rare(const pbft::ReplicaStatus& status) {
    switch (input_.below(5)) {
      case 0:
        if (wanted_ && status.fetching) host_->install(now_, *std::exchange(wanted_, {}));
        break;
      case 1: host_->disk_stalls = input_.maybe(); break;
      case 2:
        host_->handle(now_, pbft::NotWanted{wire::request_digest(speaker_.request(input_).body)});
        break;
      case 3: host_->handle(now_, pbft::Behind{peer(), status.stable}); break;
      default:
        wanted_.reset();
        host_.reset();
        boot();
    }
  }

  Input& input_;
  pbft::Config config_;
  play::PlayClock clock_;
  play::Disk disk_;
  Speaker speaker_;
  std::unique_ptr<play::Host> host_;
  std::optional<wire::Checkpoint> wanted_;
  Time now_{1000};
  std::size_t sent_ = 0;
};

void run_replica(ByteView bytes) {
  Input input(bytes);
  Alone(input).run();
}

// ---- A group, of which one lies -----------------------------------------------------------------

void run_group(ByteView bytes) {
  Input input(bytes);
  play::Group group(config_from(input), false);
  const unsigned liar = input.below(4);
  group.set_faulty(liar);
  Speaker speaker;
  group.on_said = [&](unsigned from, const wire::PeerMessage& message) {
    speaker.hear(ReplicaId{static_cast<std::uint16_t>(from)}, message);
  };
  for (int i = 0; i < 60 && !input.empty(); ++i) {
    const unsigned who = input.below(4);
    switch (input.below(12)) {
      case 0: group.submit_to_all(speaker.request(input)); break;
      case 1: group.submit(who, speaker.request(input)); break;
      case 2: group.deliver(); break;
      case 3: group.advance(1 + std::uint64_t{input.byte()} * 10); break;
      case 4: group.cut(who, (who + 1 + input.below(3)) % 4); break;
      case 5: group.heal(); break;
      case 6:
        if (group.alive(who)) {
          group.kill(who);
          group.restart(who);
        }
        break;
      default: {
        const unsigned to = who == liar ? (who + 1) % 4 : who;
        group.forge(liar, to, speaker.say(input, group.status(to)));
        if (input.maybe()) group.deliver();
      }
    }
  }
  group.heal();
  group.advance(500);
}

// ---- Seeds --------------------------------------------------------------------------------------

std::vector<Bytes> seeds_of_replica() {
  std::vector<Bytes> out;
  for (unsigned self = 0; self < 2; ++self) {
    // A few numbers agreed upon, and a checkpoint; then each kind of message, from each peer.
    Bytes life;
    put(life, {0, self});
    for (unsigned number = 0; number < 4; ++number) {
      put(life, {2, 16 * number, 8, 0, 0, 0, 1, 0, 1, 4});
    }
    life.push_back(5);
    out.push_back(life);
    for (unsigned kind = 0; kind < 16; ++kind)
      for (unsigned from = 0; from < 4; ++from) put(life, {8, from, kind, 0, 1, kind, 1, 0});
    out.push_back(life);
    for (unsigned from = 0; from < 5; ++from)
      for (unsigned times = 0; times < 12; ++times) put(life, {7, 5 * times + from, from});
    out.push_back(life);
  }
  return out;
}

std::vector<Bytes> seeds_of_group() {
  std::vector<Bytes> out;
  for (unsigned liar = 0; liar < 4; ++liar) {
    Bytes life;
    put(life, {0, liar});
    for (unsigned i = 0; i < 24; ++i) put(life, {0, 0, i * 4, i, 7, i, 0, 1, i, 1});
    out.push_back(life);
  }
  return out;
}

}  // namespace

const Target replica{"replica", run_replica, seeds_of_replica};
const Target group{"group", run_group, seeds_of_group};

}  // namespace prytany::fuzz
