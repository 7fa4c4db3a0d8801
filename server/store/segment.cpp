#include "server/store/segment.h"

#include <algorithm>
#include <cstdio>

#include "server/crypto/digest.h"
#include "server/wire/codec.h"

namespace prytany::store {
namespace {

constexpr std::string_view magic = "PRYTANJ2";
constexpr std::string_view domain = "prytany journal";
constexpr std::size_t checksum_size = 8;
constexpr std::size_t check_size = 4;
constexpr std::size_t fields_size = RecordHeader::size - checksum_size;

ByteView checksum(const Digest& digest) { return digest.view().first(checksum_size); }

Digest digest_of(const SegmentNonce& nonce, ByteView fields, ByteView body) {
  crypto::Hasher hasher(domain);
  hasher.add(nonce).add(fields).add(body);
  return hasher.finish();
}

template <class Entries>
Seq highest_of(const Entries& entries) {
  Seq highest;
  for (const auto& entry : entries) highest = std::max(highest, entry.seq);
  return highest;
}

}  // namespace

Bytes encode_header(const SegmentHeader& header) {
  wire::Writer w;
  w.raw(as_bytes(magic));
  w.number(header.number);
  w.number(header.first_index);
  w.number(header.needed_before.value);
  w.raw(header.owner.bytes);
  w.raw(header.nonce);
  const Digest digest = digest_of(header.nonce, w.view(), {});
  w.raw(checksum(digest));
  ENSURE(w.view().size() == SegmentHeader::size);
  return std::move(w).take();
}

std::optional<SegmentHeader> read_header(ByteView segment) {
  wire::Reader r(segment);
  SegmentHeader header;
  const ByteView word = r.take(magic.size());
  header.number = r.number<std::uint64_t>();
  header.first_index = r.number<std::uint64_t>();
  header.needed_before = Seq{r.number<std::uint64_t>()};
  const ByteView owner = r.take(Digest::size);
  const ByteView nonce = r.take(header.nonce.size());
  const ByteView sum = r.take(checksum_size);
  if (r.failed() || as_text(word) != magic) return std::nullopt;
  std::ranges::copy(owner, header.owner.bytes.begin());
  std::ranges::copy(nonce, header.nonce.begin());
  const Digest digest =
      digest_of(header.nonce, segment.first(SegmentHeader::size - checksum_size), {});
  if (!std::ranges::equal(checksum(digest), sum)) return std::nullopt;
  return header;
}

void put_record(Bytes& out, const SegmentNonce& nonce, const RecordHeader& header,
                const pbft::JournalRecord& record) {
  const std::size_t start = out.size();
  out.resize(start + RecordHeader::size);
  wire::Writer w(std::move(out));
  wire::put(w, record);
  out = std::move(w).take();
  const std::size_t length = out.size() - start - RecordHeader::size;
  ENSURE(length <= ~std::uint32_t{0});

  wire::Writer f;
  f.number(static_cast<std::uint32_t>(length));
  f.number(header.index);
  f.number(header.synced);
  const Digest check = digest_of(nonce, f.view(), {});
  f.raw(check.view().first(check_size));
  const Digest digest =
      digest_of(nonce, f.view(), ByteView(out).subspan(start + RecordHeader::size));
  f.raw(checksum(digest));
  std::ranges::copy(f.view(), out.begin() + static_cast<std::ptrdiff_t>(start));
}

std::optional<FoundRecord> read_record(ByteView bytes, const SegmentNonce& nonce,
                                       std::uint64_t index_min, std::uint64_t index_max) {
  wire::Reader r(bytes);
  const std::size_t length = r.number<std::uint32_t>();
  FoundRecord record;
  record.header.index = r.number<std::uint64_t>();
  record.header.synced = r.number<std::uint64_t>();
  const ByteView check = r.take(check_size);
  const ByteView sum = r.take(checksum_size);
  record.body = r.take(length);
  if (r.failed() || length == 0) return std::nullopt;
  if (record.header.index < index_min || record.header.index > index_max) return std::nullopt;
  // A client's request may hold what looks like the beginnings of many long records.
  const Digest fields = digest_of(nonce, bytes.first(fields_size - check_size), {});
  if (!std::ranges::equal(fields.view().first(check_size), check)) return std::nullopt;
  const Digest digest = digest_of(nonce, bytes.first(fields_size), record.body);
  if (!std::ranges::equal(checksum(digest), sum)) return std::nullopt;
  return record;
}

bool was_durable(ByteView rest, const SegmentNonce& nonce, std::uint64_t index) {
  // A record takes more than a byte, so no later index can be further away than this.
  const std::uint64_t index_max = index + rest.size();
  std::size_t at = 0;
  while (at < rest.size()) {
    // No record begins with four zeros, its length: most of the rest is filled with them.
    const auto zeros = static_cast<std::size_t>(
        std::find_if(rest.begin() + static_cast<std::ptrdiff_t>(at), rest.end(),
                     [](std::uint8_t byte) { return byte != 0; }) -
        (rest.begin() + static_cast<std::ptrdiff_t>(at)));
    if (zeros >= sizeof(std::uint32_t)) {
      at += zeros - sizeof(std::uint32_t) + 1;
      continue;
    }
    const auto record = read_record(rest.subspan(at), nonce, index, index_max);
    if (record && record->header.synced > index) return true;
    at += record ? record->size() : 1;
  }
  return false;
}

Seq needed_until(const pbft::JournalRecord& record) {
  struct Visitor {
    Seq operator()(const pbft::StableRecord& r) const {
      return r.proof ? r.proof->checkpoint.seq + 1 : Seq{1};
    }
    Seq operator()(const pbft::PrePreparedRecord& r) const { return r.pre_prepare.seq; }
    Seq operator()(const pbft::PreparedVote& r) const { return r.vote.seq; }
    Seq operator()(const pbft::CommitVote& r) const { return r.vote.seq; }
    Seq operator()(const pbft::CommittedRecord& r) const { return r.committed.seq; }
    Seq operator()(const pbft::ViewChangeRecord& r) const {
      return std::max(
          {r.sent.low() + 1, highest_of(r.sent.prepared), highest_of(r.sent.pre_prepared)});
    }
    Seq operator()(const pbft::NewViewRecord& r) const {
      const wire::NewView& m = r.accepted.message;
      return std::max(m.start.seq + 1, highest_of(m.choices));
    }
    // There is a later one whenever this one's segment goes.
    Seq operator()(const pbft::DiscardedRecord& r) const { return r.seq; }
  };
  return std::visit(Visitor{}, record);
}

std::string segment_name(std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.log", static_cast<unsigned long long>(number));
  return name;
}

std::optional<std::uint64_t> segment_number(const std::string& name) {
  if (!name.ends_with(".log") || name.size() < 12 || name.size() > 20) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(0, name.size() - 4)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return segment_name(number) == name ? std::optional(number) : std::nullopt;
}

}  // namespace prytany::store
