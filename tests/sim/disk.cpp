#include "tests/sim/disk.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/base/ensure.h"
#include "tests/sim/sim_files.h"
#include "vfs/durable_image.h"

namespace prytany::sim {

// ---- folder -----------------------------------------------------------------------------------

Folder& Folder::operator=(const Folder& other) {
  if (this == &other) return *this;
  // An open file may have several names, and none: each is copied once.
  std::map<const File*, Open> copies;
  const auto copy = [&](const Open& file) {
    if (!file) return Open();
    Open& made = copies[file.get()];
    if (!made) made = std::make_shared<File>(*file);
    return made;
  };
  names_.clear();
  durable_names_.clear();
  unsynced_.clear();
  for (const auto& [name, file] : other.names_) names_.emplace(name, copy(file));
  for (const auto& [name, file] : other.durable_names_) durable_names_.emplace(name, copy(file));
  for (const Step& step : other.unsynced_)
    unsynced_.push_back({step.name, copy(step.file), step.from});
  return *this;
}

std::vector<std::string> Folder::list() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : names_) names.push_back(name);
  return names;
}

Folder::Open Folder::open(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

Folder::Open Folder::create(const std::string& name) {
  ENSURE(!names_.contains(name));
  const Open file = std::make_shared<File>();
  names_.emplace(name, file);
  unsynced_.push_back({name, file, {}});
  return file;
}

void Folder::apply(Bytes& content, const Change& change) {
  if (change.truncates) {
    content.resize(change.offset);
    return;
  }
  const std::size_t end = change.offset + change.bytes.size();
  if (content.size() < end) content.resize(end);
  std::copy(change.bytes.begin(), change.bytes.end(),
            content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

void Folder::write(File& file, std::uint64_t offset, ByteView bytes) {
  file.unsynced.push_back({offset, to_bytes(bytes), false});
  apply(file.now, file.unsynced.back());
}

void Folder::truncate(File& file, std::uint64_t size) {
  file.unsynced.push_back({size, {}, true});
  apply(file.now, file.unsynced.back());
}

void Folder::sync(File& file) {
  for (const Change& change : std::exchange(file.unsynced, {})) apply(file.durable, change);
}

void Folder::fail_sync(File& file, bool readable) {
  file.unsynced.clear();
  if (!readable) file.now = file.durable;
}

void Folder::remove(const std::string& name) {
  names_.erase(name);
  unsynced_.push_back({name, nullptr, {}});
}

void Folder::rename(const std::string& from, const std::string& to) {
  const Open file = names_.at(from);
  names_.erase(from);
  names_.insert_or_assign(to, file);
  unsynced_.push_back({to, file, from});
}

void Folder::sync_entries() {
  durable_names_ = names_;
  unsynced_.clear();
}

void Folder::crash(Rng& rng, Ppm kept_rate) {
  for (Step& step : unsynced_) {
    if (!rng.chance(kept_rate)) continue;
    if (!step.from.empty()) durable_names_.erase(step.from);
    if (step.file) {
      durable_names_.insert_or_assign(step.name, step.file);
    } else {
      durable_names_.erase(step.name);
    }
  }
  unsynced_.clear();
  names_ = durable_names_;
  std::set<const File*> done;
  for (const auto& [name, open] : names_) {
    File& file = *open;
    if (!done.insert(&file).second) continue;
    for (const Change& change : std::exchange(file.unsynced, {})) {
      if (change.truncates) {
        if (rng.chance(kept_rate)) apply(file.durable, change);
        continue;
      }
      for (std::size_t at = 0; at < change.bytes.size();) {
        const std::size_t in_sector = (change.offset + at) % sector_bytes;
        const std::size_t size = std::min(sector_bytes - in_sector, change.bytes.size() - at);
        const auto first = change.bytes.begin() + static_cast<std::ptrdiff_t>(at);
        if (rng.chance(kept_rate))
          apply(file.durable, {change.offset + at,
                               Bytes(first, first + static_cast<std::ptrdiff_t>(size)), false});
        at += size;
      }
    }
    file.now = file.durable;
  }
}

void Folder::damage(const std::string& name, std::uint64_t offset, ByteView bytes) {
  File& file = *names_.at(name);
  ENSURE(file.unsynced.empty() && offset + bytes.size() <= file.now.size());
  apply(file.now, {offset, to_bytes(bytes), false});
  file.durable = file.now;
}

// ---- trouble ----------------------------------------------------------------------------------

void Trouble::arm(Kind kind, std::uint64_t after) {
  armed_ = kind;
  left_ = after;
}

bool Trouble::due(Kind kind) {
  if (armed_ != kind || left_-- > 0) return false;
  armed_.reset();
  return true;
}

Trouble::Write Trouble::on_write() {
  full_ = full_ || due(Kind::full);
  if (no_room()) return Write::full;
  if (due(Kind::write_error)) {
    failed_ = true;
    return Write::error;
  }
  if (due(Kind::lost_write)) return Write::lost;
  if (due(Kind::torn)) return Write::torn;
  return due(Kind::misdirected) ? Write::misdirected : Write::done;
}

Trouble::Sync Trouble::on_sync() {
  if (due(Kind::sync_error)) {
    failed_ = true;
    return Sync::error;
  }
  if (due(Kind::sync_gate)) {
    failed_ = true;
    return Sync::error_readable;
  }
  lies_ = lies_ || due(Kind::lying_sync);
  return lies_ ? Sync::pretended : Sync::done;
}

bool Trouble::on_read() {
  if (!due(Kind::read_error)) return true;
  failed_ = true;
  return false;
}

void Trouble::new_life() { failed_ = false; }

// ---- state.db ---------------------------------------------------------------------------------

namespace {

class Collector final : public vfs::ImageSink {
 public:
  Result<void> begin(vfs::PageIndex page_count, int, vfs::PageIndex) override {
    image.pages.resize(page_count);
    return {};
  }
  void page(vfs::PageIndex page, vfs::PageView content) override {
    std::ranges::copy(content, image.pages[page].bytes.begin());
  }
  Image image;
};

}  // namespace

Result<Image> image_in(const Folder& folder) {
  Folder copy = folder;
  Trouble none;
  Rng rng(1);
  SimulatedFiles files(copy, none, rng);
  vfs::DurableImage durable(files);
  if (auto locked = durable.lock(); !locked) return locked.error();
  Collector collector;
  if (auto loaded = durable.load(collector); !loaded) return loaded.error();
  return std::move(collector.image);
}

// ---- pages beside state.db --------------------------------------------------------------------

void SlotDisk::crash(Rng& rng, Ppm kept_rate) {
  for (vfs::Page& page : slots) {
    if (rng.chance(kept_rate)) continue;
    const auto half = static_cast<std::ptrdiff_t>(vfs::page_bytes / 2);
    if (rng.chance(kept_rate)) {
      std::fill(page.bytes.begin() + half, page.bytes.end(), std::uint8_t{0});
    } else {
      page.bytes.fill(0);
    }
  }
}

}  // namespace prytany::sim
