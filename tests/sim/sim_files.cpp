#include "tests/sim/sim_files.h"

#include <algorithm>

#include "tests/sim/machine.h"

namespace prytany::sim {

namespace {

const Error io_error{"cannot use the file: Input/output error"};
const Error no_space{"cannot write: No space left on device"};

}  // namespace

Result<void> write_through(Folder::File& file, std::uint64_t offset, ByteView bytes,
                           Trouble& trouble, Rng& rng) {
  switch (trouble.on_write()) {
    case Trouble::Write::done: Folder::write(file, offset, bytes); return {};
    case Trouble::Write::lost: return {};
    case Trouble::Write::misdirected: {
      // To another sector, over what is there already or beyond; a page to another page's place.
      // What it should have replaced stays.
      const bool pages = offset % vfs::page_bytes == 0 && bytes.size() % vfs::page_bytes == 0;
      const std::uint64_t unit = pages ? vfs::page_bytes : Folder::sector_bytes;
      Folder::write(file, rng.below(file.now.size() / unit + 1) * unit, bytes);
      return {};
    }
    case Trouble::Write::torn:
      for (std::size_t at = 0; at < bytes.size(); at += Folder::sector_bytes)
        if (rng.chance(500'000))
          Folder::write(file, offset + at,
                        bytes.subspan(at, std::min(Folder::sector_bytes, bytes.size() - at)));
      return {};
    case Trouble::Write::error: return io_error;
    case Trouble::Write::full:
      Folder::write(file, offset, bytes.first(rng.below(bytes.size() + 1)));
      return no_space;
  }
  return {};
}

Result<void> truncate_through(Folder::File& file, std::uint64_t size, Trouble& trouble) {
  // Room is needed to grow only.
  if (size > file.now.size() && trouble.no_room()) return no_space;
  Folder::truncate(file, size);
  return {};
}

Result<void> sync_through(Folder::File& file, Trouble& trouble) {
  switch (trouble.on_sync()) {
    case Trouble::Sync::done: Folder::sync(file); return {};
    case Trouble::Sync::pretended: return {};
    case Trouble::Sync::error: Folder::fail_sync(file, false); return io_error;
    case Trouble::Sync::error_readable: Folder::fail_sync(file, true); return io_error;
  }
  return {};
}

bool SimulatedFiles::spend() {
  if (!left_) return true;
  if (*left_ == 0) return false;
  --*left_;
  return true;
}

Result<std::optional<vfs::Files::Handle>> SimulatedFiles::open(std::string_view name) {
  const Folder::Open file = folder_.open(std::string(name));
  if (!file) return std::optional<Handle>();
  if (!trouble_.on_read()) return io_error;
  open_.emplace(++last_, file);
  return std::optional(last_);
}

Result<vfs::Files::Handle> SimulatedFiles::create(std::string_view name) {
  if (!spend()) return was_killed;
  if (trouble_.no_room()) return no_space;
  if (folder_.contains(std::string(name))) return Error{std::string(name) + " exists"};
  open_.emplace(++last_, folder_.create(std::string(name)));
  return last_;
}

Result<std::size_t> SimulatedFiles::read(Handle file, std::uint64_t offset,
                                         std::span<std::uint8_t> out) {
  if (!trouble_.on_read()) return io_error;
  const Bytes& bytes = open_.at(file)->now;
  if (offset >= bytes.size()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(out.size(), bytes.size() - offset);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
  return count;
}

Result<void> SimulatedFiles::write(Handle file, std::uint64_t offset, ByteView data) {
  if (!spend()) return was_killed;
  return write_through(*open_.at(file), offset, data, trouble_, rng_);
}

Result<void> SimulatedFiles::resize(Handle file, std::uint64_t size) {
  if (!spend()) return was_killed;
  return truncate_through(*open_.at(file), size, trouble_);
}

Result<void> SimulatedFiles::sync(Handle file) {
  if (!spend()) return was_killed;
  return sync_through(*open_.at(file), trouble_);
}

Result<void> SimulatedFiles::rename(std::string_view from, std::string_view to) {
  if (!spend()) return was_killed;
  if (!folder_.contains(std::string(from))) return Error{"there is no " + std::string(from)};
  folder_.rename(std::string(from), std::string(to));
  return {};
}

Result<void> SimulatedFiles::remove(std::string_view name) {
  if (!spend()) return was_killed;
  if (folder_.contains(std::string(name))) folder_.remove(std::string(name));
  return {};
}

Result<void> SimulatedFiles::sync_folder() {
  if (!spend()) return was_killed;
  if (!trouble_.lies()) folder_.sync_entries();
  return {};
}

Result<bool> SimulatedFiles::is_named(Handle file, std::string_view name) {
  return folder_.open(std::string(name)) == open_.at(file);
}

}  // namespace prytany::sim
