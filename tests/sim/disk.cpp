#include "tests/sim/disk.h"

#include <algorithm>
#include <utility>

#include "server/base/ensure.h"

namespace prytany::sim {

// ---- folder -----------------------------------------------------------------------------------

std::vector<std::string> Folder::list() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

const Bytes& Folder::read(const std::string& name) const { return files_.at(name).now; }

void Folder::create(const std::string& name) {
  ENSURE(!files_.contains(name));
  files_.emplace(name, File{});
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

void Folder::write(const std::string& name, std::uint64_t offset, ByteView bytes) {
  File& file = files_.at(name);
  file.unsynced.push_back({offset, to_bytes(bytes), false});
  apply(file.now, file.unsynced.back());
}

void Folder::truncate(const std::string& name, std::uint64_t size) {
  File& file = files_.at(name);
  file.unsynced.push_back({size, {}, true});
  apply(file.now, file.unsynced.back());
}

void Folder::sync(const std::string& name) {
  File& file = files_.at(name);
  for (const Change& change : std::exchange(file.unsynced, {})) apply(file.durable, change);
}

void Folder::remove(const std::string& name) {
  const auto found = files_.find(name);
  if (found->second.entry_durable) removed_.insert_or_assign(name, std::move(found->second));
  files_.erase(found);
}

void Folder::sync_entries() {
  for (auto& [name, file] : files_) file.entry_durable = true;
  removed_.clear();
}

void Folder::crash(Rng& rng, Ppm kept_rate) {
  for (auto& [name, file] : removed_) {
    if (!files_.contains(name) && !rng.chance(kept_rate)) files_.emplace(name, std::move(file));
  }
  removed_.clear();
  for (auto it = files_.begin(); it != files_.end();) {
    File& file = it->second;
    if (!file.entry_durable && !rng.chance(kept_rate)) {
      it = files_.erase(it);
      continue;
    }
    for (const Change& change : file.unsynced) {
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
    file.unsynced.clear();
    file.now = file.durable;
    file.entry_durable = true;
    ++it;
  }
}

// ---- state.db ---------------------------------------------------------------------------------

void ImageDisk::begin(vfs::Commit commit, Time due, std::uint64_t backfill_us) {
  if (!pending_.empty()) due = std::max(due, pending_.back().due);
  Time backfilled = due + backfill_us;
  if (!pending_.empty()) backfilled = std::max(backfilled, pending_.back().backfilled);
  pending_.push_back({std::move(commit), due, backfilled, false});
}

void ImageDisk::write(const vfs::Commit& commit) {
  durable_.page_count = commit.page_count;
  durable_.pages.resize(commit.page_count);
  for (std::size_t i = 0; i < commit.pages.size(); ++i) {
    const vfs::PageView content = commit.pages.content(i);
    std::copy(content.begin(), content.end(), durable_.pages[commit.pages.page(i)].bytes.begin());
  }
}

vfs::DiskProgress ImageDisk::settle(Time now) {
  for (Pending& pending : pending_) {
    if (pending.due > now) break;
    if (!pending.written) write(pending.commit);
    pending.written = true;
    progress_.committed = std::max(progress_.committed, pending.commit.number);
  }
  for (; !pending_.empty() && pending_.front().backfilled <= now; pending_.pop_front())
    progress_.backfilled = pending_.front().commit.number;
  return progress_;
}

vfs::DiskProgress ImageDisk::pretend_settle() {
  lies_ = true;
  if (!pending_.empty()) progress_.committed = progress_.backfilled = pending_.back().commit.number;
  pending_.clear();
  return progress_;
}

void ImageDisk::crash(Time now) {
  if (!lies_) settle(now);
  pending_.clear();
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
