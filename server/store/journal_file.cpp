#include "server/store/journal_file.h"

#include <algorithm>

#include "server/wire/codec.h"

namespace prytany::store {
namespace {

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

std::size_t without_trailing_zeros(ByteView bytes) {
  while (!bytes.empty() && bytes.back() == 0) bytes = bytes.first(bytes.size() - 1);
  return bytes.size();
}

Error disk_loss(const std::string& name, const std::string& what) {
  return Error{
      "journal/" + name + ": " + what +
          ". What this replica voted may be forgotten, so it must not vote again under its key: "
          "keep the folder for inspection and see \"Disk loss\" in docs/how-to/operate.md",
      true};
}

}  // namespace

Result<std::unique_ptr<JournalFile>> JournalFile::open(std::unique_ptr<Disk> disk, Random random,
                                                       const Reader& reader,
                                                       std::size_t fill_bytes) {
  std::unique_ptr<JournalFile> journal(
      new JournalFile(std::move(disk), std::move(random), fill_bytes));
  if (auto recovered = journal->recover(reader); !recovered) return recovered.error();
  return journal;
}

// ---- Reading ------------------------------------------------------------------------------------

Result<void> JournalFile::recover(const Reader& reader) {
  const auto names = disk_->list();
  if (!names) return names.error();
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (const auto number = segment_number(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0 && numbers[i] != numbers[i - 1] + 1) {
      return disk_loss(segment_name(numbers[i - 1] + 1), "this segment is missing");
    }
    const bool last = i + 1 == numbers.size();
    if (auto read = recover_segment(numbers[i], last, reader); !read) return read.error();
  }
  if (lost_the_oldest(numbers))
    return disk_loss(segment_name(numbers.front() - 1), "this segment is missing");
  synced_ = next_index_;
  return {};
}

bool JournalFile::lost_the_oldest(const std::vector<std::uint64_t>& numbers) const {
  if (numbers.empty() || numbers.front() == 1) return false;
  // One without a header is never the only one: the last one before it stays until it has one.
  return segments_.empty() || needed_before_ > discarded_;
}

Result<void> JournalFile::recover_segment(std::uint64_t number, bool last, const Reader& reader) {
  const std::string name = segment_name(number);
  const auto bytes = disk_->read(name);
  if (!bytes) return bytes.error();
  const auto header = read_header(*bytes);
  if (!header || header->number != number) {
    // A header is durable before the first record is written: without one there never was a record.
    const std::size_t header_size = std::min(bytes->size(), SegmentHeader::size);
    if (!last || !all_zero(ByteView(*bytes).subspan(header_size))) {
      return disk_loss(name, "the segment's header is damaged");
    }
    found_.bytes_cut += without_trailing_zeros(*bytes);
    next_number_ = number;
    if (auto removed = disk_->remove(name); !removed) return removed;
    return disk_->sync();
  }
  if (!segments_.empty() && header->first_index != next_index_) {
    return disk_loss(name, "records before this segment are missing");
  }
  if (segments_.empty()) needed_before_ = header->needed_before;
  next_index_ = header->first_index;
  next_number_ = number + 1;
  segments_.push_back({number, Seq{0}});
  found_.segments += 1;
  const auto end = recover_records(name, *header, *bytes, reader);
  if (!end) return end.error();
  const ByteView rest = ByteView(*bytes).subspan(*end);
  if (last ? was_durable(rest, header->nonce, next_index_) : !all_zero(rest)) {
    return disk_loss(name, "record " + std::to_string(next_index_) + " is damaged");
  }
  return last ? settle(name, *bytes, *end) : Result<void>();
}

Result<std::size_t> JournalFile::recover_records(const std::string& name,
                                                 const SegmentHeader& header, ByteView segment,
                                                 const Reader& reader) {
  std::size_t at = SegmentHeader::size;
  const std::uint64_t first = next_index_;
  std::vector<std::size_t> starts;
  unsure_from_ = 0;
  while (const auto found =
             read_record(segment.subspan(at), header.nonce, next_index_, next_index_)) {
    auto record = wire::decode<pbft::JournalRecord>(found->body);
    if (!record) {
      return Error{"journal/" + name + ": record " + std::to_string(next_index_) +
                   " is whole, but this program cannot read it (" + record.error().reason +
                   "): was it written by another version?"};
    }
    segments_.back().highest = std::max(segments_.back().highest, needed_until(*record));
    if (const auto* gone = std::get_if<pbft::DiscardedRecord>(&*record))
      discarded_ = std::max(discarded_, gone->seq);
    reader(std::move(*record));
    starts.push_back(at);
    const std::uint64_t synced = found->header.synced;
    unsure_from_ = synced < first ? 0 : starts[std::min(synced, next_index_) - first];
    next_index_ += 1;
    found_.records += 1;
    at += found->size();
  }
  return at;
}

/// The last segment after a crash: what was read may be in the system's memory only, and is acted
/// upon from now on; what follows it never was acted upon, and goes. What no sync is known to have
/// covered is written again: after a sync that failed, Linux keeps the data in memory, calls it
/// clean, and the next sync would succeed without it.
Result<void> JournalFile::settle(const std::string& name, ByteView segment, std::size_t keep) {
  found_.bytes_cut += without_trailing_zeros(segment.subspan(keep));
  auto file = disk_->open(name);
  if (!file) return file.error();
  const ByteView unsure = segment.first(keep).subspan(unsure_from_);
  if (auto written = (*file)->write(unsure_from_, unsure); !written) return written;
  if (auto cut = (*file)->truncate(keep); !cut) return cut;
  if (auto synced = (*file)->sync(); !synced) return synced;
  return disk_->sync();
}

// ---- Writing ------------------------------------------------------------------------------------

void JournalFile::append(const pbft::JournalRecord& record) {
  if (failed_) return;
  const bool opens = !has_segment_ || std::holds_alternative<pbft::StableRecord>(record);
  if (opens) {
    random_(nonce_);
    has_segment_ = true;
    pending_.push_back({SegmentHeader{next_number_++, next_index_, Seq{0}, nonce_}, {}, {}});
  } else if (pending_.empty()) {
    pending_.emplace_back();
  }
  Pending& group = pending_.back();
  group.highest = std::max(group.highest, needed_until(record));
  put_record(group.bytes, nonce_, {next_index_++, synced_}, record);
}

Result<void> JournalFile::sync() {
  if (failed_) return *failed_;
  if (pending_.empty()) return {};
  for (Pending& group : pending_) {
    if (auto written = write(group); !written) return *(failed_ = written.error());
  }
  if (auto synced = file_->sync(); !synced) return *(failed_ = synced.error());
  synced_ = next_index_;
  pending_.clear();
  return {};
}

Result<void> JournalFile::write(Pending& group) {
  if (group.opens) {
    if (auto closed = close_segment(); !closed) return closed;
    for (const Segment& older : segments_)
      group.opens->needed_before = std::max(group.opens->needed_before, older.highest);
    if (auto started = start_segment(*group.opens); !started) return started;
  }
  segments_.back().highest = std::max(segments_.back().highest, group.highest);
  const std::uint64_t end = end_ + group.bytes.size();
  if (end > filled_) {
    group.bytes.resize(group.bytes.size() + fill_bytes_);
    filled_ = end + fill_bytes_;
  }
  const std::uint64_t start = std::exchange(end_, end);
  return file_->write(start, group.bytes);
}

Result<void> JournalFile::start_segment(const SegmentHeader& header) {
  auto file = disk_->create(segment_name(header.number));
  if (!file) return file.error();
  file_ = std::move(*file);
  Bytes start = encode_header(header);
  start.resize(start.size() + fill_bytes_);
  end_ = SegmentHeader::size;
  filled_ = start.size();
  segments_.push_back({header.number, Seq{0}});
  if (auto written = file_->write(0, start); !written) return written;
  if (auto synced = file_->sync(); !synced) return synced;
  return disk_->sync();
}

/// After this the segment ends with its last record, durably: a later segment may follow it.
Result<void> JournalFile::close_segment() {
  if (!file_) return {};
  if (auto cut = file_->truncate(end_); !cut) return cut;
  if (auto synced = file_->sync(); !synced) return synced;
  file_ = nullptr;
  return {};
}

void JournalFile::discard(Seq seq) {
  // What replaces the old segments, a proof above all, may still wait for its sync.
  if (!pending_.empty() && !sync()) return;
  // Oldest first and one by one, so that a crash leaves no gap. The last stays: it is being
  // written.
  while (!failed_ && segments_.size() > 1 && segments_.front().highest <= seq) {
    auto removed = disk_->remove(segment_name(segments_.front().number));
    if (removed) removed = disk_->sync();
    if (!removed) failed_ = removed.error();
    segments_.pop_front();
  }
}

}  // namespace prytany::store
