// The journal on disk: append-only segments journal/NNNNNNNN.log of checksummed records.
//
//   segment: "PRYTANJ2" | u64 segment number | u64 index of its first record | u64 until which
//   number the segments before it are needed | 32 bytes: whose it is | 16 random bytes | checksum 8
//   record:  u32 length of body | u64 index | u64 synced | check 4 | checksum 8 | body =
//   encode(JournalRecord)
//
// check, checksum = sha256("prytany journal", segment's 16 random bytes ‖ the fields before it, and
// for checksum ‖ body)[0..8). Indexes count all records ever written, without gaps. `synced` tells
// how many records were on disk when this one was written: that is how, after a crash, a torn tail
// (never synced, so nothing was sent because of it: cut) differs from damage to what was once
// durable (disk loss: refuse to start). The random bytes keep a client from writing, inside a
// request, what looks like a record. A new segment's header is durable before its first record; its
// file is filled with zeros ahead of the records, because a sync that need not change the file's
// length costs half. Segments go oldest first, each after a DiscardedRecord that covers all it was
// needed for: so whether the ones that are not there any more were discarded, or lost, the first
// one that is there and the last DiscardedRecord tell.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/node/ports.h"
#include "server/pbft/journal.h"
#include "server/store/disk.h"
#include "server/store/segment.h"

namespace prytany::store {

class JournalFile final : public node::Journal {
 public:
  using Random = std::function<void(std::span<std::uint8_t>)>;
  using Reader = std::function<void(pbft::JournalRecord)>;
  /// What a start-up found, besides the records.
  struct Found {
    std::uint64_t segments = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes_cut = 0;  // of a torn tail
  };

  /// Hands every record to `reader`, in order, and cuts a torn tail, durably. Refused: a record
  /// that was durable is damaged or a segment is missing (disk loss), or the disk fails; or it is
  /// the journal of another owner, and nothing is wrong with it.
  static Result<std::unique_ptr<JournalFile>> open(std::unique_ptr<Disk> disk, Random random,
                                                   const Reader& reader, const Digest& owner = {},
                                                   std::size_t fill_bytes = 256 << 10);

  void append(const pbft::JournalRecord& record) override;
  Result<void> sync() override;
  void discard(Seq seq) override;

  [[nodiscard]] const Found& found() const { return found_; }

 private:
  struct Segment {
    std::uint64_t number = 0;
    Seq highest;  // it may go when this is at or below what is discarded
  };
  /// Records that wait for sync, all of one segment.
  struct Pending {
    std::optional<SegmentHeader> opens;  // the segment, when it is a new one
    Bytes bytes;
    Seq highest;
  };

  JournalFile(std::unique_ptr<Disk> disk, Random random, const Digest& owner,
              std::size_t fill_bytes)
      : disk_(std::move(disk)),
        random_(std::move(random)),
        owner_(owner),
        fill_bytes_(fill_bytes) {}

  Result<void> recover(const Reader& reader);
  [[nodiscard]] bool lost_the_oldest(const std::vector<std::uint64_t>& numbers) const;
  Result<void> recover_segment(std::uint64_t number, bool last, const Reader& reader);
  Result<std::size_t> recover_records(const std::string& name, const SegmentHeader& header,
                                      ByteView segment, const Reader& reader);
  Result<void> settle(const std::string& name, ByteView segment, std::size_t keep);
  Result<void> write(Pending& pending);
  Result<void> start_segment(const SegmentHeader& header);
  Result<void> close_segment();

  std::unique_ptr<Disk> disk_;
  Random random_;
  const Digest owner_;
  const std::size_t fill_bytes_;  // zeros written ahead of the records
  Found found_;
  std::size_t unsure_from_ = 0;  // in the last segment read: what may not be on the disk yet

  Seq needed_before_;               // of the first segment that is there
  Seq discarded_;                   // by the last DiscardedRecord that was read
  std::deque<Segment> segments_;    // on disk, oldest first
  std::unique_ptr<DiskFile> file_;  // the last of them, when it takes more records
  std::uint64_t end_ = 0;           // of the records in file_
  std::uint64_t filled_ = 0;        // file_'s length; zeros from end_ on
  std::uint64_t synced_ = 0;        // records with a smaller index are durable

  std::vector<Pending> pending_;
  SegmentNonce nonce_{};           // of the segment that the next record goes to
  bool has_segment_ = false;       // false: the next record opens one
  std::uint64_t next_number_ = 1;  // of the next segment
  std::uint64_t next_index_ = 0;   // of the next record
  std::optional<Error> failed_;    // sticky: a disk that failed once is not asked again
};

/// For `durability: none` (benchmarks): keeps nothing, so a restart counts as disk loss.
class NoJournal final : public node::Journal {
 public:
  void append(const pbft::JournalRecord&) override {}
  Result<void> sync() override { return {}; }
  [[nodiscard]] bool waits() const override { return false; }
  void discard(Seq) override {}
};

}  // namespace prytany::store
