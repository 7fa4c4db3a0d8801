#include "tests/sim/atlas.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "server/store/segment.h"
#include "server/wire/codec.h"

namespace prytany::sim {

namespace {

struct Place {
  std::string segment;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t index = 0;
  std::uint64_t synced = 0;
  bool last_segment = false;
};

std::vector<std::string> segments(const Folder& journal) {
  std::vector<std::string> names;
  for (const std::string& name : journal.list())
    if (store::segment_number(name)) names.push_back(name);
  std::ranges::sort(names, {},
                    [](const std::string& name) { return *store::segment_number(name); });
  return names;
}

std::vector<Place> records(const Folder& journal) {
  std::vector<Place> places;
  const std::vector<std::string> names = segments(journal);
  for (const std::string& name : names) {
    const ByteView bytes = journal.read(name);
    const auto header = store::read_header(bytes);
    if (!header) continue;
    std::size_t at = store::SegmentHeader::size;
    for (std::uint64_t index = header->first_index; at < bytes.size(); ++index) {
      const auto record = store::read_record(bytes.subspan(at), header->nonce, index, index);
      if (!record) break;
      places.push_back(
          {name, at, record->size(), index, record->header.synced, name == names.back()});
      at += record->size();
    }
  }
  return places;
}

/// What the last record of its kind says that the journal holds votes above only.
Seq discarded(const Folder& journal) {
  Seq seq;
  for (const Place& place : records(journal)) {
    const Bytes segment = journal.read(place.segment);
    const ByteView bytes = ByteView(segment).subspan(place.offset, place.size);
    const auto record = wire::decode<pbft::JournalRecord>(bytes.subspan(store::RecordHeader::size));
    if (!record) continue;
    if (const auto* gone = std::get_if<pbft::DiscardedRecord>(&*record))
      seq = std::max(seq, gone->seq);
  }
  return seq;
}

/// One bit flips, or a sector's part of it reads as zeros or as another sector.
std::string spoil(Folder& folder, const std::string& name, std::uint64_t offset, std::uint64_t size,
                  Rng& rng) {
  const Bytes before = folder.read(name);
  const auto slice = [&](std::uint64_t from, std::uint64_t length) {
    const auto first = before.begin() + static_cast<std::ptrdiff_t>(from);
    return Bytes(first, first + static_cast<std::ptrdiff_t>(length));
  };
  const std::uint64_t at = offset + rng.below(size);
  const std::uint64_t length =
      std::min(offset + size - at, Folder::sector_bytes - at % Folder::sector_bytes);
  Bytes after = slice(at, length);
  std::string how = "zeros";
  const std::uint64_t kind = rng.below(3);
  if (kind == 0) {
    std::ranges::fill(after, std::uint8_t{0});
  } else if (kind == 1) {
    after = slice(rng.below(before.size() - length + 1), length);
    how = "what belongs elsewhere";
  }
  if (after == slice(at, length)) {
    after = slice(at, 1);
    after[0] = static_cast<std::uint8_t>(after[0] ^ (1U << rng.below(8)));
    how = "a flipped bit";
  }
  folder.damage(name, at, after);
  return name + " has " + how + " at " + std::to_string(at);
}

}  // namespace

std::optional<std::string> damage_record(Folder& journal, Rng& rng) {
  const std::vector<Place> all = records(journal);
  std::vector<Place> known;
  for (const Place& place : all) {
    const bool told = std::ranges::any_of(all, [&](const Place& later) {
      return later.segment == place.segment && later.index > place.index &&
             later.synced > place.index;
    });
    if (told || !place.last_segment) known.push_back(place);
  }
  if (known.empty()) return std::nullopt;
  const Place& place = known[rng.below(known.size())];
  return spoil(journal, place.segment, place.offset, place.size, rng);
}

std::optional<std::string> lose_segment(Folder& journal, Rng& rng) {
  const std::vector<std::string> names = segments(journal);
  if (names.size() < 2) return std::nullopt;
  // The first one may be as good as discarded: then it goes unnoticed, and rightly.
  const auto second = store::read_header(journal.read(names[1]));
  const std::size_t first = second && second->needed_before > discarded(journal) ? 0 : 1;
  if (first == 1 && names.size() < 3) return std::nullopt;
  const std::string name = names[first + rng.below(names.size() - 1 - first)];
  journal.remove(name);
  journal.sync_entries();
  return name + " is gone";
}

std::optional<std::string> damage_tail(Folder& journal, Rng& rng) {
  const std::vector<Place> all = records(journal);
  if (all.empty()) return std::nullopt;
  return spoil(journal, all.back().segment, all.back().offset, all.back().size, rng);
}

std::optional<std::string> damage_state(Folder& state, Rng& rng) {
  std::vector<std::string> names;
  for (const std::string& name : state.list())
    if (!state.read(name).empty()) names.push_back(name);
  if (names.empty()) return std::nullopt;
  const std::string& name = names[rng.below(names.size())];
  return spoil(state, name, 0, state.read(name).size(), rng);
}

std::set<Finding> findings_of(Fate fate) {
  switch (fate) {
    case Fate::damaged_record:
    case Fate::missing_segment: return {Finding::journal};
    // The last record may be the proof of what state.db holds, or the word that older segments are
    // not needed any more.
    case Fate::damaged_tail: return {Finding::journal, Finding::state, Finding::votes};
    case Fate::lost_write:
    case Fate::misdirected:
    case Fate::lying_sync: return {Finding::journal, Finding::state, Finding::votes};
    case Fate::old_image:
    case Fate::lost_disk: return {Finding::votes};
    case Fate::damaged_state:
    case Fate::lost_state_write:
    case Fate::misdirected_page:
    case Fate::torn_page: return {Finding::state};
  }
  return {};
}

std::optional<Finding> finding_in(const Error& why) {
  const std::string_view text = why.message;
  // A flipped bit of its magic number makes a redo another machine's, and a page in the wrong place
  // another program's.
  if (text.starts_with("state.db") && (text.ends_with(" by a machine of another byte order") ||
                                       text.ends_with(" by another program")))
    return Finding::state;
  if (!why.disk_loss) return std::nullopt;
  if (text.starts_with("journal/")) return Finding::journal;
  if (text.starts_with("state.db ") || text.starts_with("the journal holds no proof of checkpoint"))
    return Finding::state;
  if (text.find(" replicas have seen votes of mine ") != std::string_view::npos)
    return Finding::votes;
  return std::nullopt;
}

bool is_of_a_lost_chain(const Error& why) {
  return !why.disk_loss && (why.message.starts_with("the file of configurations ends with ") ||
                            why.message.starts_with("configurations.json "));
}

bool is_of_a_failing_disk(const Error& why) {
  const std::string_view text = why.message;
  return !why.disk_loss &&
         (text.ends_with(": Input/output error") || text.ends_with(": No space left on device"));
}

}  // namespace prytany::sim
