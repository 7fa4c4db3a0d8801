#include "vfs/durable_image.h"

#include <algorithm>
#include <string_view>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

constexpr std::string_view database_name = "state.db";
constexpr std::string_view redo_name = "state.db-redo";
constexpr std::string_view new_redo_name = "state.db-redo.new";
constexpr std::string_view wal_name = "state.db-wal";
constexpr std::string_view shared_memory_name = "state.db-shm";

// A piece of work is short enough for a commit to wait for it.
constexpr std::size_t pages_per_piece = 256;
// Data not yet synced that a final sync may have to wait for.
constexpr std::size_t unsynced_pages_max = 4096;

std::uint32_t get(const std::uint8_t* at) {
  return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16) | (std::uint32_t{at[2]} << 8) |
         std::uint32_t{at[3]};
}

}  // namespace

DurableImage::DurableImage(Files& files, DurableImageOptions options)
    : files_(files), options_(options) {}

DurableImage::~DurableImage() {
  if (database_) files_.close(*database_);
}

// ---- loading ----

Result<bool> DurableImage::lock() {
  if (!database_) {
    const Result<std::optional<Files::Handle>> found = files_.open(database_name);
    if (!found) return found.error();
    if (found->has_value()) {
      database_ = *found;
    } else {
      const Result<Files::Handle> created = files_.create(database_name);
      if (!created) return created.error();
      database_ = *created;
      if (Result<void> synced = files_.sync(*database_); !synced) return synced.error();
      if (Result<void> synced = files_.sync_folder(); !synced) return synced.error();
    }
  }
  // Held for life: other programs may read state.db beside us, none may change it under our
  // mapping.
  return files_.try_lock(*database_, FileLock::shared);
}

// As SQLite decides it: what the header says, if it was written by a program that maintains it.
Result<PageIndex> DurableImage::pages_of_file() {
  const Result<std::uint64_t> size = files_.size(*database_);
  if (!size) return size.error();
  const auto whole = static_cast<PageIndex>(*size / page_bytes);
  std::array<std::uint8_t, 100> header{};
  const Result<std::size_t> got = files_.read(*database_, 0, header);
  if (!got) return got.error();
  if (whole == 0 || *got < header.size()) return whole;
  const PageIndex stated = get(&header[28]);
  const bool maintained = get(&header[24]) == get(&header[92]);
  return maintained && stated > 0 ? std::min(stated, whole) : whole;
}

Result<void> DurableImage::recover_frames() {
  if (Result<void> removed = files_.remove(new_redo_name); !removed) return removed;
  Result<std::optional<FrameFile>> wal = FrameFile::recover(files_, std::string(wal_name));
  if (!wal) return wal.error();
  wal_ = std::move(*wal);
  Result<std::optional<FrameFile>> redo = FrameFile::recover(files_, std::string(redo_name));
  if (!redo) return redo.error();
  if (!redo->has_value()) return {};
  if ((*redo)->frames() == 0) return files_.remove(redo_name);
  redo_ = std::move(*redo);
  if (Result<void> settled = redo_->settle(); !settled) return settled;
  return files_.sync_folder();
}

Result<void> DurableImage::load(ImageSink& sink) {
  if (Result<void> recovered = recover_frames(); !recovered) return recovered;
  const Result<PageIndex> in_file = pages_of_file();
  if (!in_file) return in_file.error();
  const Result<std::uint64_t> size = files_.size(*database_);
  if (!size) return size.error();

  page_count_ = *in_file;
  auto mapped = static_cast<PageIndex>(*size / page_bytes);
  if (wal_ && wal_->frames() > 0) {
    // A tool that redoes the wal cuts the file to its page count, so nothing beyond may be mapped.
    page_count_ = wal_->page_count();
    mapped = std::min(mapped, page_count_);
  }
  if (redo_) page_count_ = redo_->page_count();
  mapped = std::min(mapped, page_count_);

  const int descriptor = files_.descriptor(*database_);
  Result<void> begun = sink.begin(page_count_, descriptor, descriptor >= 0 ? mapped : 0);
  if (begun && descriptor < 0) begun = pass_file(sink, mapped);
  if (begun && wal_) begun = pass_frames(sink, *wal_, page_count_);
  if (begun && redo_) begun = pass_frames(sink, *redo_, page_count_);
  return begun;
}

Result<void> DurableImage::pass_file(ImageSink& sink, PageIndex pages) {
  Page content;
  for (PageIndex page = 0; page < pages; ++page) {
    const Result<std::size_t> got = files_.read(*database_, byte_offset(page), content.bytes);
    if (!got) return got.error();
    if (*got < page_bytes) return Error{"state.db was cut by another program"};
    sink.page(page, content.bytes);
  }
  return {};
}

Result<void> DurableImage::pass_frames(ImageSink& sink, const FrameFile& file,
                                       PageIndex page_count) {
  FrameFile::Frame frame;
  for (const auto& [page, index] : file.newest()) {
    if (page >= page_count) break;
    if (Result<void> read = file.read(index, frame); !read) return read;
    sink.page(page, frame.content.bytes);
  }
  return {};
}

// ---- committing ----

Result<void> DurableImage::commit(const Commit& commit) {
  ENSURE(database_ && commit.number > committed_);
  if (commit.pages.empty()) {
    ENSURE(commit.page_count == page_count_);
  } else if (Result<void> appended = append(commit); !appended) {
    return appended;
  }
  page_count_ = commit.page_count;
  committed_ = commit.number;
  if (!redo_ && !wal_) backfilled_ = committed_;
  return {};
}

Result<void> DurableImage::append(const Commit& commit) {
  const bool created = !redo_;
  if (created) {
    Result<FrameFile> file = FrameFile::create(files_, std::string(redo_name));
    if (!file) return file.error();
    redo_.emplace(std::move(*file));
  }
  const std::size_t last = commit.pages.size() - 1;
  for (std::size_t i = 0; i <= last; ++i) {
    Result<void> added = redo_->add(commit.pages.page(i), commit.pages.content(i),
                                    i == last ? commit.page_count : 0);
    if (!added) return added;
  }
  if (Result<void> synced = redo_->sync(); !synced) return synced;
  // A file that was never synced into its folder may have no name after a power failure.
  return created ? files_.sync_folder() : Result<void>();
}

// ---- backfilling ----

Result<DurableImage::Work> DurableImage::work(bool drain) {
  ENSURE(database_);
  if (backfill_) return continue_backfill();
  if (compaction_) return continue_compaction();
  if (!redo_ && !wal_) return Work::idle;
  const Result<bool> locked = files_.try_lock(*database_, FileLock::exclusive);
  if (!locked) return locked.error();
  if (*locked) {
    draining_ = false;
    if (Result<void> begun = begin_backfill(); !begun) return begun.error();
    return Work::more;
  }
  if (drain != draining_) {
    const Result<bool> held =
        files_.try_lock(*database_, drain ? FileLock::draining : FileLock::shared);
    if (!held) return held.error();
    draining_ = drain && *held;
  }
  if (redo_ && !draining_ &&
      redo_->frames() > 2 * redo_->newest().size() + options_.superseded_frames_min) {
    if (Result<void> begun = begin_compaction(); !begun) return begun.error();
    return Work::more;
  }
  return Work::blocked;
}

// We hold the exclusive lock: no other program has state.db, a -wal or a -shm in use.
Result<void> DurableImage::begin_backfill() {
  const Result<bool> named = files_.is_named(*database_, database_name);
  if (!named) return named.error();
  if (!*named) return Error{"state.db was replaced or removed while in use"};
  if (Result<void> removed = files_.remove(shared_memory_name); !removed) return removed;
  if (wal_) {
    const Result<bool> unchanged = wal_->unchanged();
    if (!unchanged) return unchanged.error();
    if (!*unchanged) return Error{"state.db-wal was changed by another program"};
  } else {
    if (Result<void> created = create_placeholder(); !created) return created;
    if (Result<void> renamed = files_.rename(redo_name, wal_name); !renamed) return renamed;
    if (Result<void> synced = files_.sync_folder(); !synced) return synced;
    wal_ = std::move(redo_);
    redo_.reset();
    wal_number_ = committed_;
  }
  backfill_.emplace(Backfill{{wal_->newest().begin(), wal_->newest().end()}, 0, 0});
  return {};
}

// SQLite deletes the -wal of an empty database instead of redoing it, so before there is a -wal, an
// empty state.db becomes a database without tables: a header and a root page of no rows.
Result<void> DurableImage::create_placeholder() {
  const Result<std::uint64_t> size = files_.size(*database_);
  if (!size) return size.error();
  if (*size > 0) return {};
  Page page{};
  auto& bytes = page.bytes;
  constexpr std::string_view magic("SQLite format 3\0", 16);
  std::copy(magic.begin(), magic.end(), bytes.begin());
  bytes[16] = page_bytes >> 8;
  bytes[18] = bytes[19] = 1;  // rollback journal
  bytes[21] = 64;             // payload fractions, fixed by the format
  bytes[22] = bytes[23] = 32;
  bytes[31] = 1;    // pages
  bytes[100] = 13;  // a leaf of a table
  bytes[105] = page_bytes >> 8;
  if (Result<void> written = files_.write(*database_, 0, bytes); !written) return written;
  return files_.sync(*database_);
}

Result<DurableImage::Work> DurableImage::continue_backfill() {
  Backfill& job = *backfill_;
  const std::size_t end = std::min(job.frames.size(), job.next + pages_per_piece);
  while (job.next < end) {
    // Neighbours go in one write.
    std::size_t count = 1;
    while (job.next + count < end &&
           job.frames[job.next + count].first == job.frames[job.next].first + count)
      ++count;
    if (Result<void> copied = copy_run(count); !copied) return copied.error();
  }
  if (job.next < job.frames.size()) {
    if (job.unsynced < unsynced_pages_max) return Work::more;
    job.unsynced = 0;
    if (Result<void> synced = files_.sync(*database_); !synced) return synced.error();
    return Work::more;
  }
  if (Result<void> finished = finish_backfill(); !finished) return finished.error();
  return redo_ ? Work::more : Work::idle;
}

Result<void> DurableImage::copy_run(std::size_t count) {
  Backfill& job = *backfill_;
  Bytes run;
  run.reserve(count * page_bytes);
  FrameFile::Frame frame;
  for (std::size_t i = 0; i < count; ++i) {
    if (Result<void> read = wal_->read(job.frames[job.next + i].second, frame); !read) return read;
    run.insert(run.end(), frame.content.bytes.begin(), frame.content.bytes.end());
  }
  const PageIndex first = job.frames[job.next].first;
  job.next += count;
  job.unsynced += count;
  return files_.write(*database_, byte_offset(first), run);
}

Result<void> DurableImage::finish_backfill() {
  if (wal_->frames() > 0) {
    const std::uint64_t wanted = byte_offset(wal_->page_count());
    const Result<std::uint64_t> size = files_.size(*database_);
    if (!size) return size.error();
    if (*size != wanted) {
      if (Result<void> cut = files_.resize(*database_, wanted); !cut) return cut;
    }
    if (Result<void> synced = files_.sync(*database_); !synced) return synced;
  }
  if (Result<void> removed = files_.remove(wal_name); !removed) return removed;
  if (Result<void> synced = files_.sync_folder(); !synced) return synced;
  backfill_.reset();
  wal_.reset();
  backfilled_ = redo_ ? wal_number_ : committed_;
  const Result<bool> shared = files_.try_lock(*database_, FileLock::shared);
  if (!shared) return shared.error();
  ENSURE(*shared);  // giving up a stronger lock cannot be refused
  return {};
}

// ---- shortening the redo ----

Result<void> DurableImage::begin_compaction() {
  Result<FrameFile> target = FrameFile::create(files_, std::string(new_redo_name));
  if (!target) return target.error();
  Frames frames(redo_->newest().begin(), redo_->newest().end());
  compaction_.emplace(
      Compaction{std::move(*target), std::move(frames), 0, redo_->page_count(), redo_->frames()});
  return {};
}

// First the newest content of each page as one commit, then whatever was committed meanwhile, as it
// stands.
Result<DurableImage::Work> DurableImage::continue_compaction() {
  Compaction& job = *compaction_;
  FrameFile::Frame frame;
  for (std::size_t piece = 0; piece < pages_per_piece && job.next < job.frames.size(); ++piece) {
    const bool last = job.next + 1 == job.frames.size();
    if (Result<void> read = redo_->read(job.frames[job.next].second, frame); !read)
      return read.error();
    const PageIndex commits = last ? job.page_count : 0;
    Result<void> added = job.target.add(frame.page, frame.content.bytes, commits);
    if (!added) return added.error();
    ++job.next;
  }
  if (job.next < job.frames.size()) return Work::more;
  for (std::size_t piece = 0; piece < pages_per_piece && job.through < redo_->frames(); ++piece) {
    if (Result<void> read = redo_->read(job.through, frame); !read) return read.error();
    Result<void> added = job.target.add(frame.page, frame.content.bytes, frame.commits);
    if (!added) return added.error();
    ++job.through;
  }
  if (Result<void> synced = job.target.sync(); !synced) return synced.error();
  if (job.through < redo_->frames()) return Work::more;
  if (Result<void> renamed = files_.rename(new_redo_name, redo_name); !renamed)
    return renamed.error();
  if (Result<void> synced = files_.sync_folder(); !synced) return synced.error();
  redo_ = std::move(job.target);
  compaction_.reset();
  return Work::more;
}

}  // namespace prytany::vfs
