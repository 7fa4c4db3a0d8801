#include "tests/sim/sim_ports.h"

#include <algorithm>
#include <utility>

namespace prytany::sim {

namespace {

/// 2025-06-15: where the wall clocks begin.
constexpr std::int64_t wall_begins_us = 1'750'000'000'000'000;

const Error killed{"the process was killed"};

}  // namespace

// ---- clock ------------------------------------------------------------------------------------

AgreedTime LocalClock::wall() const {
  const auto since = static_cast<std::int64_t>(world_now().value);
  return AgreedTime{wall_begins_us + since + since / 1'000'000 * machine_.drift_ppm +
                    machine_.skew_us};
}

Time LocalClock::to_world(Time local) const {
  if (local == never) return never;
  return Time{std::max(local.value, machine_.uptime_us) - machine_.uptime_us};
}

// ---- journal ----------------------------------------------------------------------------------

namespace {

class JournalDiskFile final : public store::DiskFile {
 public:
  JournalDiskFile(Ports& ports, std::string name) : ports_(ports), name_(std::move(name)) {}

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    if (!ports_.fuse.spend()) return killed;
    ports_.machine.journal.write(name_, offset, bytes);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    if (!ports_.fuse.spend()) return killed;
    ports_.machine.journal.truncate(name_, size);
    return {};
  }
  Result<void> sync() override {
    if (!ports_.fuse.spend()) return killed;
    ports_.machine.journal.sync(name_);
    const Parameters& p = ports_.run.parameters;
    ports_.clock.spend(p.sync_min_us + ports_.machine.entropy.exponential(p.sync_mean_us));
    return {};
  }

 private:
  Ports& ports_;
  std::string name_;
};

class JournalDisk final : public store::Disk {
 public:
  explicit JournalDisk(Ports& ports) : ports_(ports) {}

  Result<std::vector<std::string>> list() override { return folder().list(); }
  Result<Bytes> read(const std::string& name) override {
    if (!folder().contains(name)) return Error{"there is no " + name};
    return folder().read(name);
  }
  Result<std::unique_ptr<store::DiskFile>> open(const std::string& name) override {
    if (!folder().contains(name)) return Error{"there is no " + name};
    return file(name);
  }
  Result<std::unique_ptr<store::DiskFile>> create(const std::string& name) override {
    if (!ports_.fuse.spend()) return killed;
    if (folder().contains(name)) return Error{name + " exists"};
    folder().create(name);
    return file(name);
  }
  Result<void> remove(const std::string& name) override {
    if (!ports_.fuse.spend()) return killed;
    if (!folder().contains(name)) return Error{"there is no " + name};
    folder().remove(name);
    return {};
  }
  Result<void> sync() override {
    if (!ports_.fuse.spend()) return killed;
    folder().sync_entries();
    return {};
  }

 private:
  [[nodiscard]] Folder& folder() const { return ports_.machine.journal; }
  Result<std::unique_ptr<store::DiskFile>> file(const std::string& name) {
    return std::unique_ptr<store::DiskFile>(std::make_unique<JournalDiskFile>(ports_, name));
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
  Checks& checks = ports_.run.checks;
  const ReplicaId id = ports_.machine.id;
  if (const auto* p = std::get_if<pbft::PrePreparedRecord>(&record)) {
    const wire::PrePrepare& m = p->pre_prepare;
    ports_.machine.held.try_emplace(wire::batch_digest(m.batch, m.agreed), m.batch, m.agreed);
  } else if (const auto* c = std::get_if<pbft::CommittedRecord>(&record)) {
    const wire::Committed& known = c->committed;
    if (!c->by_reference) {
      checks.agreement.committed(id, known.seq, known.digest, c->batch, c->agreed);
    } else if (const auto held = ports_.machine.held.find(known.digest);
               held != ports_.machine.held.end()) {
      const auto& [batch, agreed] = held->second;
      checks.agreement.committed(id, known.seq, known.digest, batch, agreed);
    } else {
      checks.violations.add("agreement", ports_.name() + " committed n" +
                                             std::to_string(known.seq.value) +
                                             " by reference to a batch that it never wrote down");
    }
  } else if (const auto* s = std::get_if<pbft::StableRecord>(&record); s != nullptr && s->proof) {
    checks.state.proof(id, *s->proof);
  }
}

Result<void> WatchedJournal::sync() {
  // The planted bug is a host that forgets to sync before it speaks.
  if (ports_.planted(Plant::lying_sync)) return {};
  if (auto done = file_->sync(); !done) return done;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(), "sync");
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

// ---- network ----------------------------------------------------------------------------------

void SimulatedTransport::send(ReplicaId to, Bytes frame) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(), "send to " + replica_name(to),
                       frame);
  ports_.run.checks.frame_left(ports_.machine.id, frame);
  ports_.outside.frame_departs(ports_.machine.id, to, ports_.clock.world_now(), std::move(frame));
}

void SimulatedTransport::reply(node::ConnectionId to, std::string text) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "reply on connection " + std::to_string(to.value), as_bytes(text));
  if (ports_.run.trace.has_reader())
    ports_.run.trace.say(ports_.clock.world_now(), ports_.name(), "says " + text.substr(0, 600));
  ports_.run.checks.text_left(ports_.machine.id, text);
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
  ImageDisk& disk = ports_.machine.image;
  disk.opened();
  const ImageDisk::Image& image = disk.durable();
  if (auto begun = sink.begin(image.page_count, -1, 0); !begun) return begun;
  for (vfs::PageIndex page = 0; page < image.page_count; ++page)
    sink.page(page, image.pages[page].bytes);
  return {};
}

void SimulatedStateDisk::begin_commit(vfs::Commit commit) {
  if (!ports_.fuse.spend()) return;
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "commit " + std::to_string(commit.pages.size()) + " pages of state.db");
  Rng& rng = ports_.machine.entropy;
  const Time due =
      ports_.clock.world_now() + 50 + rng.exponential(ports_.run.parameters.image_commit_us);
  const std::uint64_t backfill_us = rng.exponential(ports_.run.parameters.image_commit_us);
  ports_.machine.image.begin(std::move(commit), due, backfill_us);
  due_(due);
  due_(due + backfill_us);
}

Result<vfs::DiskProgress> SimulatedStateDisk::progress() {
  if (ports_.fuse.blown()) return killed;
  if (ports_.planted(Plant::lost_image)) return ports_.machine.image.pretend_settle();
  return ports_.machine.image.settle(ports_.clock.world_now());
}

// ---- pages beside state.db --------------------------------------------------------------------

Result<vfs::PageSlots::Slot> SimulatedSlots::count() {
  return static_cast<Slot>(ports_.machine.fetched.slots.size());
}

Result<void> SimulatedSlots::write(Slot slot, vfs::PageView page) {
  if (!ports_.fuse.spend()) return killed;
  std::vector<vfs::Page>& slots = ports_.machine.fetched.slots;
  if (slot >= slots.size()) slots.resize(slot + 1);
  std::copy(page.begin(), page.end(), slots[slot].bytes.begin());
  return {};
}

Result<void> SimulatedSlots::read(Slot slot, PageBuffer out) {
  if (ports_.fuse.blown()) return killed;
  std::ranges::copy(ports_.machine.fetched.slots.at(slot).bytes, out.begin());
  return {};
}

Result<void> SimulatedSlots::clear() {
  if (ports_.fuse.spend()) ports_.machine.fetched.slots.clear();
  return {};
}

}  // namespace prytany::sim
