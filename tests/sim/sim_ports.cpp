#include "tests/sim/sim_ports.h"

#include <algorithm>
#include <utility>

#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/hostile/hostiles.h"

namespace prytany::sim {

// ---- clock ------------------------------------------------------------------------------------

AgreedTime LocalClock::wall() const {
  const auto since = static_cast<std::int64_t>(world_now().value);
  const AgreedTime wall{wall_begins_us + since + since / 1'000'000 * machine_.wall_drift_ppm +
                        machine_.skew_us};
  if (times_ != nullptr) times_->read(wall);
  return wall;
}

Time LocalClock::to_local(Time world) const {
  const auto ppm = static_cast<std::uint64_t>(machine_.drift_ppm);
  return world + machine_.uptime_us + world.value * ppm / 1'000'000;
}

Time LocalClock::to_world(Time local) const {
  if (local == never) return never;
  const std::uint64_t since = std::max(local.value, machine_.uptime_us) - machine_.uptime_us;
  const auto ppm = static_cast<std::uint64_t>(machine_.drift_ppm);
  Time world{since / (1'000'000 + ppm) * 1'000'000 +
             since % (1'000'000 + ppm) * 1'000'000 / (1'000'000 + ppm)};
  while (to_local(world) < local) world = world + 1;
  return world;
}

// ---- journal ----------------------------------------------------------------------------------

namespace {

class JournalDiskFile final : public store::DiskFile {
 public:
  JournalDiskFile(Ports& ports, Folder::Open file) : ports_(ports), file_(std::move(file)) {}

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    if (!ports_.fuse.spend()) return was_killed;
    return seen(write_through(*file_, offset, bytes, trouble(), ports_.machine.entropy));
  }
  Result<void> truncate(std::uint64_t size) override {
    if (!ports_.fuse.spend()) return was_killed;
    return truncate_through(*file_, size, trouble());
  }
  Result<void> sync() override {
    if (!ports_.fuse.spend()) return was_killed;
    const Parameters& p = ports_.run.parameters;
    ports_.clock.spend(p.sync_min_us + ports_.machine.entropy.exponential(p.sync_mean_us));
    return seen(sync_through(*file_, trouble()));
  }

 private:
  [[nodiscard]] Trouble& trouble() const { return ports_.machine.journal_trouble; }
  [[nodiscard]] Result<void> seen(Result<void> done) const {
    return ports_.planted(Plant::ignored_error) ? Result<void>() : done;
  }
  Ports& ports_;
  Folder::Open file_;
};

class JournalDisk final : public store::Disk {
 public:
  explicit JournalDisk(Ports& ports) : ports_(ports) {}

  Result<std::vector<std::string>> list() override { return folder().list(); }
  Result<Bytes> read(const std::string& name) override {
    if (!folder().contains(name)) return Error{"there is no " + name};
    if (!trouble().on_read()) return Error{"cannot read " + name + ": Input/output error"};
    return folder().read(name);
  }
  Result<std::unique_ptr<store::DiskFile>> open(const std::string& name) override {
    if (!folder().contains(name)) return Error{"there is no " + name};
    return file(name);
  }
  Result<std::unique_ptr<store::DiskFile>> create(const std::string& name) override {
    if (!ports_.fuse.spend()) return was_killed;
    if (folder().contains(name)) return Error{name + " exists"};
    if (trouble().no_room()) return Error{"cannot create " + name + ": No space left on device"};
    folder().create(name);
    return file(name);
  }
  Result<void> remove(const std::string& name) override {
    if (!ports_.fuse.spend()) return was_killed;
    if (!folder().contains(name)) return Error{"there is no " + name};
    folder().remove(name);
    return {};
  }
  Result<void> sync() override {
    if (!ports_.fuse.spend()) return was_killed;
    if (!trouble().lies()) folder().sync_entries();
    return {};
  }

 private:
  [[nodiscard]] Folder& folder() const { return ports_.machine.journal; }
  [[nodiscard]] Trouble& trouble() const { return ports_.machine.journal_trouble; }
  Result<std::unique_ptr<store::DiskFile>> file(const std::string& name) {
    return std::unique_ptr<store::DiskFile>(
        std::make_unique<JournalDiskFile>(ports_, folder().open(name)));
  }
  Ports& ports_;
};

}  // namespace

std::unique_ptr<store::Disk> journal_folder(Ports& ports) {
  return std::make_unique<JournalDisk>(ports);
}

void WatchedJournal::append(const pbft::JournalRecord& record) {
  if (ports_.fuse.blown()) return;
  if (const auto* vote = std::get_if<pbft::PreparedVote>(&record)) {
    // Planted bugs: a vote that never reaches the disk, and one that is written for another digest.
    if (ports_.planted(Plant::forgotten_vote)) return unsynced_.push_back(record);
    if (ports_.planted(Plant::changed_vote)) {
      pbft::PreparedVote other = *vote;
      other.vote.digest.bytes[0] ^= 1;
      unsynced_.emplace_back(other);
      return file_->append(other);
    }
  }
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(), "append", wire::encode(record));
  learn(record);
  unsynced_.push_back(record);
  file_->append(record);
}

/// What a record says of the run as a whole, durable or not.
void WatchedJournal::learn(const pbft::JournalRecord& record) {
  if (ports_.run.checks.byzantine.contains(ports_.machine.id)) return;
  Checks& checks = ports_.run.checks;
  const ReplicaId id = ports_.machine.id;
  if (const auto* p = std::get_if<pbft::PrePreparedRecord>(&record)) {
    const wire::PrePrepare& m = p->pre_prepare;
    checks.agreement.accepted(id, m.seq, m.batch);
    ports_.machine.held.try_emplace(wire::batch_digest(m.batch, m.agreed), m.batch, m.agreed);
  } else if (const auto* c = std::get_if<pbft::CommittedRecord>(&record)) {
    ports_.commits_unseen.push_back(*c);
  } else if (const auto* s = std::get_if<pbft::StableRecord>(&record); s != nullptr && s->proof) {
    checks.state.proof(id, *s->proof);
  }
}

void Ports::expect_commits(const pbft::Recovered& recovered) {
  if (run.checks.byzantine.contains(machine.id)) return;
  for (const auto& [seq, slot] : recovered.slots) {
    if (!slot.committed) continue;
    commits_unseen.push_back(*slot.committed);
    commits_unseen.back().by_reference = false;  // its batch is with it
  }
}

void Ports::count_commits() {
  for (const pbft::CommittedRecord& c : std::exchange(commits_unseen, {})) {
    const wire::Committed& known = c.committed;
    if (!c.by_reference) {
      run.checks.agreement.committed(machine.id, known.seq, known.digest, c.batch, c.agreed);
      run.checks.times.committed(machine.id, known.seq, c.agreed.time);
    } else if (const auto held = machine.held.find(known.digest); held != machine.held.end()) {
      const auto& [batch, agreed] = held->second;
      run.checks.agreement.committed(machine.id, known.seq, known.digest, batch, agreed);
      run.checks.times.committed(machine.id, known.seq, agreed.time);
    } else {
      run.checks.violations.add("agreement", name() + " committed n" +
                                                 std::to_string(known.seq.value) +
                                                 " by reference to a batch that it never wrote "
                                                 "down");
    }
  }
}

Result<void> WatchedJournal::sync() {
  // The planted bug is a host that forgets to sync before it speaks.
  if (ports_.planted(Plant::lying_sync)) return {};
  const bool failed = ports_.machine.journal_trouble.failed();
  if (auto done = file_->sync(); !done) return done;
  // Before, or in this very call: then it was tried again, and nobody knows what that wrote.
  if ((failed && !unsynced_.empty()) || ports_.machine.journal_trouble.failed())
    ports_.run.checks.violations.add(
        "fault", ports_.name() + " goes on with a journal that failed: nobody knows what is in it");
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(), "sync");
  ports_.run.checks.synced(ports_.machine.id);
  ports_.count_commits();
  for (const pbft::JournalRecord& record : std::exchange(unsynced_, {})) {
    ports_.run.checks.votes.synced(ports_.machine.id, record);
    ports_.run.checks.views.synced(ports_.machine.id, record);
    if (const auto* c = std::get_if<pbft::CommittedRecord>(&record))
      ports_.run.checks.progress.committed_durably(ports_.machine.id, c->committed.seq);
  }
  return {};
}

void WatchedJournal::discard(Seq seq) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "discard n" + std::to_string(seq.value));
  ports_.run.checks.progress.discarded(ports_.machine.id, seq);
  file_->discard(seq);
}

Result<void> SimulatedChainFile::save(const wire::Chain& chain) {
  if (!ports_.fuse.spend()) return was_killed;
  ports_.machine.configurations = chain.links();
  ports_.run.checks.proofs.knows(chain.links());
  for (const wire::ConfigurationLink& link : chain.links())
    ports_.run.checks.configurations.began(ports_.machine.id, link.configuration);
  return {};
}

void SimulatedChainFile::changed(const wire::Chain& chain) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "knows of configuration " + std::to_string(chain.newest().number.value));
  ports_.outside.configuration_changed(ports_.machine.id);
}

// ---- network ----------------------------------------------------------------------------------

void SimulatedTransport::send(ReplicaId to, Bytes frame) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(), "send to " + replica_name(to),
                       frame);
  ports_.count_commits();  // what is executed may be answered by way of another replica
  if (ports_.machine.mouth != nullptr)
    return ports_.machine.mouth->frame(to, ports_.clock.world_now(), frame);
  ports_.run.checks.frame_left(ports_.machine.id, frame);
  ports_.run.checks.answers.frame_left(ports_.machine.id, to, ports_.clock.world_now(), frame);
  ports_.outside.frame_departs(ports_.machine.id, to, ports_.clock.world_now(), std::move(frame));
}

void SimulatedTransport::reply(node::ConnectionId to, std::string text) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "reply on connection " + std::to_string(to.value), as_bytes(text));
  if (ports_.run.trace.has_reader())
    ports_.run.trace.say(ports_.clock.world_now(), ports_.name(), "says " + text.substr(0, 600));
  ports_.count_commits();  // what is executed is answered
  ports_.run.checks.text_left(ports_.machine.id, to, text, !Hostiles::owns(to));
  if (ports_.notary != nullptr) ports_.notary->said(to, text);
  if (ports_.machine.mouth != nullptr)
    return ports_.machine.mouth->text(to, ports_.clock.world_now(), std::move(text));
  ports_.outside.text_departs(ports_.machine.id, to, ports_.clock.world_now(), std::move(text));
}

void SimulatedTransport::close(node::ConnectionId connection, std::string_view reason) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(
      ports_.clock.world_now(), ports_.name(),
      "close connection " + std::to_string(connection.value) + ": " + std::string(reason));
  ports_.outside.connection_ends(ports_.machine.id, connection);
}

// ---- state.db ---------------------------------------------------------------------------------

Result<void> SimulatedStateDisk::load(vfs::ImageSink& sink) {
  if (auto locked = image_.lock(); !locked) return locked.error();
  if (auto loaded = image_.load(sink); !loaded) return loaded;
  // Other programs may be reading state.db: as long as they do, the redo alone has the last
  // commits.
  Rng& rng = ports_.machine.entropy;
  const std::uint64_t reads_us =
      rng.chance(300'000) ? 1'000'000 : ports_.run.parameters.image_commit_us;
  read_until_ = ports_.clock.world_now() + rng.exponential(reads_us);
  due_(*read_until_);
  return {};
}

void SimulatedStateDisk::begin_commit(vfs::Commit commit) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "commit " + std::to_string(commit.pages.size()) + " pages of state.db");
  Rng& rng = ports_.machine.entropy;
  const std::uint64_t mean_us = ports_.run.parameters.image_commit_us;
  Time due = ports_.clock.world_now() + 50 + rng.exponential(mean_us);
  if (!pending_.empty()) due = std::max(due, pending_.back().due);
  Time backfilled = due + rng.exponential(mean_us);
  if (!pending_.empty()) backfilled = std::max(backfilled, pending_.back().backfilled);
  pending_.push_back({std::move(commit), due, backfilled, false});
  due_(due);
  due_(backfilled);
}

Result<void> SimulatedStateDisk::backfill() {
  while (true) {
    const auto work = image_.work();
    if (!work) return work.error();
    if (*work != vfs::DurableImage::Work::more) return {};
  }
}

Result<void> SimulatedStateDisk::settle(Time now) {
  if (read_until_ && *read_until_ <= now) {
    read_until_.reset();
    if (auto done = backfill(); !done) return done;
  }
  for (Pending& pending : pending_) {
    if (pending.due > now) break;
    if (std::exchange(pending.written, true)) continue;
    if (auto done = image_.commit(pending.commit); !done) return done;
  }
  for (; !pending_.empty() && pending_.front().backfilled <= now; pending_.pop_front())
    if (auto done = read_until_ ? Result<void>() : backfill(); !done) return done;
  return {};
}

Result<vfs::DiskProgress> SimulatedStateDisk::progress() {
  if (ports_.fuse.blown()) return was_killed;
  if (error_) return *error_;
  if (ports_.planted(Plant::lost_image)) {
    // Says that all commits begun are durable, and writes nothing, now or ever.
    if (!pending_.empty())
      progress_.committed = progress_.backfilled = pending_.back().commit.number;
    pending_.clear();
    return progress_;
  }
  if (auto done = settle(ports_.clock.world_now()); !done) return *(error_ = done.error());
  return image_.progress();
}

void SimulatedStateDisk::killed_at(Time now) {
  if (error_ || ports_.planted(Plant::lost_image)) return;
  if (!settle(now)) return;
  files_.allow(ports_.machine.entropy.below(12));
  (void)settle(never);  // until it is dead
}

// ---- pages beside state.db --------------------------------------------------------------------

Result<vfs::PageSlots::Slot> SimulatedSlots::count() {
  return static_cast<Slot>(ports_.machine.fetched.slots.size());
}

Result<void> SimulatedSlots::write(Slot slot, vfs::PageView page) {
  if (!ports_.fuse.spend()) return was_killed;
  std::vector<vfs::Page>& slots = ports_.machine.fetched.slots;
  if (slot >= slots.size()) slots.resize(slot + 1);
  std::copy(page.begin(), page.end(), slots[slot].bytes.begin());
  return {};
}

Result<void> SimulatedSlots::read(Slot slot, PageBuffer out) {
  if (ports_.fuse.blown()) return was_killed;
  std::ranges::copy(ports_.machine.fetched.slots.at(slot).bytes, out.begin());
  return {};
}

Result<void> SimulatedSlots::clear() {
  if (ports_.fuse.spend()) ports_.machine.fetched.slots.clear();
  return {};
}

}  // namespace prytany::sim
