// The ports of one process: what the simulator puts in the place of clock, network and disk. Every
// effect passes the fuse first, then the checkers, then the world.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/node/ports.h"
#include "server/store/disk.h"
#include "server/store/journal_file.h"
#include "tests/sim/checks.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/machine.h"
#include "tests/sim/notary.h"
#include "tests/sim/parameters.h"
#include "tests/sim/sim_files.h"
#include "tests/sim/trace.h"
#include "vfs/durable_image.h"
#include "vfs/page_slots.h"
#include "vfs/state_disk.h"

namespace prytany::sim {

/// 2025-06-15: where the wall clocks begin.
inline constexpr std::int64_t wall_begins_us = 1'750'000'000'000'000;

/// What all parts of a run share.
struct Run {
  const Parameters& parameters;
  EventQueue& queue;
  Trace& trace;
  Checks& checks;
};

/// What a process hands to the world outside; `departs` is when, in virtual time.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual void frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) = 0;
  virtual void text_departs(ReplicaId from, node::ConnectionId to, Time departs,
                            std::string text) = 0;
  virtual void connection_ends(ReplicaId by, node::ConnectionId connection) = 0;
  /// Its links are to be made anew, with other keys.
  virtual void configuration_changed(ReplicaId of) = 0;
  /// Its links end, and it calls again. Only who lies does this.
  virtual void hangs_up(ReplicaId by) = 0;
};

/// Time as one process sees it: the world's, plus what its turn has taken so far.
class LocalClock final : public node::Clock {
 public:
  /// `times` hears of every look at the wall clock, unless this one lies.
  LocalClock(const Machine& machine, const EventQueue& queue, TimeChecker* times)
      : machine_(machine), queue_(queue), times_(times) {}

  [[nodiscard]] Time now() const override { return to_local(world_now()); }
  [[nodiscard]] AgreedTime wall() const override;

  void turn_begins() { spent_us_ = 0; }
  void spend(std::uint64_t microseconds) { spent_us_ += microseconds; }
  [[nodiscard]] Time world_now() const { return queue_.now() + spent_us_; }
  [[nodiscard]] Time to_local(Time world) const;
  /// The world's time at which the local clock shows `local`; `never` stays never.
  [[nodiscard]] Time to_world(Time local) const;

 private:
  const Machine& machine_;
  const EventQueue& queue_;
  TimeChecker* times_;
  std::uint64_t spent_us_ = 0;
};

/// What the ports of one process have in common. Outlived by the process's world, outlives its
/// node.
struct Ports {
  Run run;
  Machine& machine;
  Outside& outside;
  Fuse fuse;
  LocalClock clock{machine, run.queue,
                   run.parameters.liar == machine.id ? nullptr : &run.checks.times};
  /// Written down as committed, in this life, with votes of its own that nobody may ever see: they
  /// leave it when they are durable, and it stops if they cannot be.
  std::vector<pbft::CommittedRecord> commits_unseen{};
  Notary* notary = nullptr;  // where an application's tests say who its clients are

  /// Of lives before: what was not durable when they ended may be on the disk all the same.
  void expect_commits(const pbft::Recovered& recovered);
  /// What they stand on has left, or is about to: from now on they count.
  void count_commits();

  [[nodiscard]] std::string name() const { return replica_name(machine.id); }
  [[nodiscard]] bool planted(Plant plant) const {
    return machine.planted && run.parameters.options.plant == plant;
  }
};

/// The folder of journal segments, below the real JournalFile.
std::unique_ptr<store::Disk> journal_folder(Ports& ports);

/// Watches what goes into the real journal.
class WatchedJournal final : public node::Journal {
 public:
  WatchedJournal(Ports& ports, std::unique_ptr<node::Journal> file)
      : ports_(ports), file_(std::move(file)) {}
  void append(const pbft::JournalRecord& record) override;
  Result<void> sync() override;
  void discard(Seq seq) override;

 private:
  void learn(const pbft::JournalRecord& record);

  Ports& ports_;
  std::unique_ptr<node::Journal> file_;
  std::vector<pbft::JournalRecord> unsynced_;
};

/// The file of configurations: replaced at once or not at all.
class SimulatedChainFile final : public node::ChainFile {
 public:
  explicit SimulatedChainFile(Ports& ports) : ports_(ports) {}
  Result<void> save(const wire::Chain& chain) override;
  void changed(const wire::Chain& chain) override;

 private:
  Ports& ports_;
};

class SimulatedTransport final : public node::Transport {
 public:
  explicit SimulatedTransport(Ports& ports) : ports_(ports) {}
  void send(ReplicaId to, Bytes frame) override;
  void reply(node::ConnectionId to, std::string text) override;
  void close(node::ConnectionId connection, std::string_view reason) override;

 private:
  Ports& ports_;
};

/// Where the real state transfer puts its pages.
class SimulatedSlots final : public vfs::PageSlots {
 public:
  explicit SimulatedSlots(Ports& ports) : ports_(ports) {}
  Result<Slot> count() override;
  Result<void> write(Slot slot, vfs::PageView page) override;
  Result<void> read(Slot slot, PageBuffer out) override;
  Result<void> clear() override;

 private:
  Ports& ports_;
};

/// The disk under the real page store: the real DurableImage on simulated files, worked as by the
/// server's helper thread (vfs/state_file.h): each commit and each backfill takes its time.
class SimulatedStateDisk final : public vfs::StateDisk {
 public:
  /// `due`: called when a commit was begun, with the time at which progress() has news.
  SimulatedStateDisk(Ports& ports, std::function<void(Time due)> due)
      : ports_(ports),
        due_(std::move(due)),
        files_(ports.machine.state, ports.machine.state_trouble, ports.machine.entropy),
        image_(files_) {}
  Result<void> load(vfs::ImageSink& sink) override;
  void begin_commit(vfs::Commit commit) override;
  Result<vfs::DiskProgress> progress() override;

  /// The process is killed: the helper was somewhere in its work.
  void killed_at(Time now);
  /// A commit or a backfill is under way.
  [[nodiscard]] bool working() const { return !pending_.empty(); }

 private:
  struct Pending {
    vfs::Commit commit;
    Time due;
    Time backfilled;
    bool written = false;
  };
  Result<void> settle(Time now);
  Result<void> backfill();

  Ports& ports_;
  std::function<void(Time)> due_;
  SimulatedFiles files_;
  vfs::DurableImage image_;
  std::deque<Pending> pending_;
  std::optional<Time> read_until_;  // by other programs: nothing is copied into state.db
  vfs::DiskProgress progress_;
  std::optional<Error> error_;
};

}  // namespace prytany::sim
