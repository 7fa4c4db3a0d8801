#include "tests/unit/vfs/memory_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace prytany::vfs {

void MemoryFolder::apply(std::map<std::string, int, std::less<>>& to, const Naming& naming) {
  if (!naming.from.empty()) {
    const auto old = to.find(naming.from);
    if (old != to.end() && old->second == naming.file) to.erase(old);
  }
  if (!naming.to.empty()) to[naming.to] = naming.file;
}

void MemoryFolder::lose_sectors(File& file, std::mt19937_64& random) {
  // Between "nothing got there" and "everything did", so that the extremes are tried often too.
  const unsigned percent = std::uniform_int_distribution<unsigned>(0, 4)(random) * 25;
  const auto lucky = [&] {
    return std::uniform_int_distribution<unsigned>(0, 99)(random) < percent;
  };
  for (const Change& change : file.unsynced) {
    if (change.is_resize) {
      if (lucky()) file.synced.resize(change.offset);
      continue;
    }
    std::uint64_t at = 0;
    while (at < change.data.size()) {
      const std::uint64_t offset = change.offset + at;
      const std::uint64_t count =
          std::min<std::uint64_t>(sector_bytes - offset % sector_bytes, change.data.size() - at);
      if (lucky()) {
        if (file.synced.size() < offset + count) file.synced.resize(offset + count);
        std::copy_n(change.data.begin() + static_cast<std::ptrdiff_t>(at), count,
                    file.synced.begin() + static_cast<std::ptrdiff_t>(offset));
      }
      at += count;
    }
  }
  file.unsynced.clear();
  file.now = file.synced;
}

void MemoryFolder::lose_power(std::mt19937_64& random) {
  for (File& file : files) lose_sectors(file, random);
  for (const Naming& naming : unsynced_names) {
    if (random() % 2 == 0) apply(synced_names, naming);
  }
  unsynced_names.clear();
  names = synced_names;
}

void MemoryFolder::copy_to(const std::string& folder) const {
  std::filesystem::create_directories(folder);
  for (const auto& [name, file] : names) {
    const Bytes& content = files[static_cast<std::size_t>(file)].now;
    std::ofstream out(folder + "/" + name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(content.data()),
              static_cast<std::streamsize>(content.size()));
  }
}

namespace {

void apply(Bytes& content, const MemoryFolder::Change& change) {
  if (change.is_resize) return content.resize(change.offset);
  const std::uint64_t end = change.offset + change.data.size();
  if (content.size() < end) content.resize(end);
  std::copy(change.data.begin(), change.data.end(),
            content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

}  // namespace

Result<void> MemoryFiles::may_change() {
  if (!dead_ && before_change && !before_change()) dead_ = true;
  if (dead_) return Error{"the disk failed"};
  return {};
}

bool MemoryFiles::lies(std::string_view name) const {
  return std::find(lying_about.begin(), lying_about.end(), name) != lying_about.end();
}

Result<std::optional<Files::Handle>> MemoryFiles::open(std::string_view name) {
  const auto found = folder_.names.find(name);
  if (found == folder_.names.end()) return std::optional<Handle>();
  return std::optional<Handle>(found->second);
}

Result<Files::Handle> MemoryFiles::create(std::string_view name) {
  if (Result<void> may = may_change(); !may) return may.error();
  if (folder_.names.contains(name)) return Error{"cannot create " + std::string(name) + ": exists"};
  const auto file = static_cast<int>(folder_.files.size());
  folder_.files.emplace_back();
  folder_.names[std::string(name)] = file;
  folder_.unsynced_names.push_back({file, "", std::string(name)});
  return file;
}

Result<std::uint64_t> MemoryFiles::size(Handle file) { return std::uint64_t{at(file).now.size()}; }

Result<std::size_t> MemoryFiles::read(Handle file, std::uint64_t offset,
                                      std::span<std::uint8_t> out) {
  const Bytes& now = at(file).now;
  if (offset >= now.size()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(out.size(), now.size() - offset);
  std::copy_n(now.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
  return count;
}

Result<void> MemoryFiles::write(Handle file, std::uint64_t offset, ByteView data) {
  if (Result<void> may = may_change(); !may) {
    // The write that the failure interrupts may still get there in part.
    at(file).unsynced.push_back({false, offset, to_bytes(data)});
    return may;
  }
  Bytes& now = at(file).now;
  if (now.size() < offset + data.size()) now.resize(offset + data.size());
  std::copy(data.begin(), data.end(), now.begin() + static_cast<std::ptrdiff_t>(offset));
  at(file).unsynced.push_back({false, offset, to_bytes(data)});
  return {};
}

Result<void> MemoryFiles::resize(Handle file, std::uint64_t size) {
  if (Result<void> may = may_change(); !may) return may;
  at(file).now.resize(size);
  at(file).unsynced.push_back({true, size, {}});
  return {};
}

Result<void> MemoryFiles::sync(Handle file) {
  if (Result<void> may = may_change(); !may) {
    if (failed_sync_loses) {
      at(file).unsynced.clear();
      at(file).lossy = true;
    }
    return may;
  }
  for (const auto& [name, named] : folder_.names) {
    if (named == file && lies(name)) return {};
  }
  if (!at(file).lossy) at(file).synced = at(file).now;
  if (at(file).lossy)
    for (const MemoryFolder::Change& change : at(file).unsynced) apply(at(file).synced, change);
  at(file).unsynced.clear();
  return {};
}

Result<void> MemoryFiles::rename(std::string_view from, std::string_view to) {
  if (Result<void> may = may_change(); !may) return may;
  const auto found = folder_.names.find(from);
  if (found == folder_.names.end()) return Error{"cannot rename " + std::string(from)};
  const int file = found->second;
  folder_.names.erase(found);
  folder_.names[std::string(to)] = file;
  folder_.unsynced_names.push_back({file, std::string(from), std::string(to)});
  return {};
}

Result<void> MemoryFiles::remove(std::string_view name) {
  const auto found = folder_.names.find(name);
  if (found == folder_.names.end()) return {};
  if (Result<void> may = may_change(); !may) return may;
  folder_.unsynced_names.push_back({found->second, std::string(name), ""});
  folder_.names.erase(found);
  return {};
}

Result<void> MemoryFiles::sync_folder() {
  if (Result<void> may = may_change(); !may) return may;
  if (lies(".")) return {};
  folder_.synced_names = folder_.names;
  folder_.unsynced_names.clear();
  return {};
}

Result<bool> MemoryFiles::is_named(Handle file, std::string_view name) {
  const auto found = folder_.names.find(name);
  return found != folder_.names.end() && found->second == file;
}

}  // namespace prytany::vfs
