// A journal segment as bytes: how its header and records are written, recognised, and told from
// damage. Pure. The format is at the top of journal_file.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "server/base/bytes.h"
#include "server/pbft/journal.h"

namespace prytany::store {

using SegmentNonce = std::array<std::uint8_t, 16>;

struct SegmentHeader {
  static constexpr std::size_t size = 88;
  std::uint64_t number = 0;
  std::uint64_t first_index = 0;
  /// Of all records in the segments before it that were there when this one began: until when they
  /// are needed. Below that, they cannot have been discarded.
  Seq needed_before;
  /// Whose journal it is: votes of another replica are not mine to remember.
  Digest owner;
  SegmentNonce nonce{};
};
Bytes encode_header(const SegmentHeader& header);
/// Nothing unless the first bytes are a header with a right checksum.
std::optional<SegmentHeader> read_header(ByteView segment);

struct RecordHeader {
  static constexpr std::size_t size = 32;
  std::uint64_t index = 0;
  std::uint64_t synced = 0;
};
/// Appends the record: encoded once, where it will be written from.
void put_record(Bytes& out, const SegmentNonce& nonce, const RecordHeader& header,
                const pbft::JournalRecord& record);
struct FoundRecord {
  RecordHeader header;
  ByteView body;
  [[nodiscard]] std::size_t size() const { return RecordHeader::size + body.size(); }
};
/// The record that starts at `bytes`; nothing unless it is whole, its checksum right, and its index
/// at least `index_min` and at most `index_max`. What costs, its body, is looked at last: after the
/// check of the fields, which nobody can make who does not know the nonce.
std::optional<FoundRecord> read_record(ByteView bytes, const SegmentNonce& nonce,
                                       std::uint64_t index_min, std::uint64_t index_max);

/// Looks at every offset of what follows a bad record: true when some later record says that
/// `index` had been synced before it was written. Then the bad record was durable once, and this is
/// damage, not a torn tail.
bool was_durable(ByteView rest, const SegmentNonce& nonce, std::uint64_t index);

/// The highest number that a restart needs this record for; a segment with only lower ones may go.
/// The proof of a checkpoint is needed until the next one is in state.db.
Seq needed_until(const pbft::JournalRecord& record);

/// "00000042.log"
std::string segment_name(std::uint64_t number);
std::optional<std::uint64_t> segment_number(const std::string& name);

}  // namespace prytany::store
