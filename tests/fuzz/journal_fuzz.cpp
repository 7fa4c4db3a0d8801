// What a start-up may find in the folder `journal/`: anything. Either all records come out, in
// order, or it is refused with a reason; never a crash. What was once given out is given out again
// by every later start, and what is appended then follows it.
#include "server/store/journal_file.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/unit/store/memory_disk.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

using pbft::JournalRecord;
using store::JournalFile;
using store::Platter;

JournalFile::Random counting_up() {
  return [n = std::uint8_t{0}](std::span<std::uint8_t> out) mutable {
    for (std::uint8_t& byte : out) byte = n++;
  };
}

struct Start {
  Result<std::unique_ptr<JournalFile>> journal;
  std::vector<JournalRecord> records;
};
Start start_on(Platter& platter) {
  std::vector<JournalRecord> records;
  auto journal = JournalFile::open(
      std::make_unique<store::MemoryDisk>(platter), counting_up(),
      [&](JournalRecord record) { records.push_back(std::move(record)); }, Digest{}, 64);
  return {std::move(journal), std::move(records)};
}

JournalRecord record_from(Input& input) {
  const Seq seq{input.byte()};
  const View view{input.below(4)};
  Digest digest;
  digest.bytes[0] = input.byte();
  const auto proof = [&] {
    wire::CheckpointProof made;
    made.checkpoint = {seq, digest, {}};
    return made;
  };
  switch (input.below(9)) {
    case 0: return pbft::StableRecord{view, seq.value == 0 ? std::nullopt : std::optional(proof())};
    case 1: return pbft::PrePreparedRecord{{view, seq, {}, {AgreedTime{digest.bytes[0]}, {}}}};
    case 2: return pbft::PreparedVote{{view, seq, digest}};
    case 3: return pbft::CommitVote{{view, seq, digest}, input.maybe()};
    case 4: return pbft::CommittedRecord{{seq, digest}, {}, {}, input.maybe()};
    case 5: return pbft::ViewChangeRecord{{view, proof(), {}, {}}};
    case 6: return pbft::NewViewRecord{{{view, {}, {}, {}}, {}}};
    case 7: return pbft::DiscardedRecord{seq};
    default: {
      auto decoded = wire::decode<JournalRecord>(input.chunk());
      return decoded ? std::move(*decoded) : JournalRecord(pbft::DiscardedRecord{seq});
    }
  }
}

void damage(Input& input, Platter& platter) {
  auto at = platter.files.begin();
  std::advance(at, input.byte() % platter.files.size());
  Bytes& bytes = at->second->seen;
  const std::size_t where = (std::size_t{input.byte()} << 8) | input.byte();
  switch (input.below(6)) {
    case 0:
      if (!bytes.empty())
        bytes[where % bytes.size()] ^= static_cast<std::uint8_t>(1 + input.byte());
      break;
    case 1: bytes.resize(std::min(bytes.size(), where)); break;
    case 2: bytes.resize(bytes.size() + where % 4096); break;
    case 3: platter.files.erase(at); break;
    case 4: {
      auto copy = std::make_shared<Platter::File>(*at->second);
      platter.files[store::segment_name(where % 8)] = copy;
      break;
    }
    default: {
      const ByteView over = input.chunk();
      const std::size_t from = bytes.empty() ? 0 : where % bytes.size();
      if (bytes.size() < from + over.size()) bytes.resize(from + over.size());
      std::copy(over.begin(), over.end(), bytes.begin() + static_cast<std::ptrdiff_t>(from));
    }
  }
}

/// Bytes as they are, of any names.
void make_folder(Input& input, Platter& platter) {
  while (!input.empty()) {
    const std::uint8_t number = input.byte();
    const std::string name = number < 200 ? store::segment_name(number % 8)
                                          : std::string(as_text(input.take(number % 16)));
    const ByteView bytes = input.chunk();
    platter.files[name] =
        std::make_shared<Platter::File>(Platter::File{to_bytes(bytes), to_bytes(bytes)});
  }
}

/// What a journal leaves, and then what befalls a disk.
void write_and_damage(Input& input, Platter& platter) {
  {
    Start first = start_on(platter);
    for (unsigned i = input.below(32); i > 0; --i) {
      (*first.journal)->append(record_from(input));
      if (input.maybe()) ENSURE((*first.journal)->sync().ok());
      if (input.below(16) == 15) (*first.journal)->discard(Seq{input.byte()});
    }
    ENSURE((*first.journal)->sync().ok());
  }
  while (!input.empty() && !platter.files.empty()) damage(input, platter);
}

void run_journal(ByteView bytes) {
  Input input(bytes);
  Platter platter;
  if (input.maybe()) {
    make_folder(input, platter);
  } else {
    write_and_damage(input, platter);
  }
  Start found = start_on(platter);
  if (!found.journal) return ENSURE(!found.journal.error().message.empty());
  pbft::Recovery recovery;
  for (const JournalRecord& record : found.records) recovery.add(record);
  const Digest state;
  (void)recovery.vouches_for(state);
  if (const auto folded = std::move(recovery).finish(Seq{input.byte()}, state); !folded)
    ENSURE(!folded.error().message.empty());

  found.journal.value().reset();
  Start again = start_on(platter);
  ENSURE(again.journal.ok() && again.records == found.records);
  const JournalRecord next = pbft::StableRecord{View{3}, std::nullopt};
  (*again.journal)->append(next);
  ENSURE((*again.journal)->sync().ok());
  again.journal.value().reset();
  Start last = start_on(platter);
  found.records.push_back(next);
  ENSURE(last.journal.ok() && last.records == found.records);
}

std::vector<Bytes> seeds_of_journals() {
  std::vector<Bytes> out;
  // A journal of all kinds of records, whole; then with each kind of damage.
  Bytes whole{0, 24};
  for (unsigned i = 0; i < 24; ++i) put(whole, {i, 0, i, i % 8, 1, 0, 0});
  out.push_back(whole);
  for (unsigned kind = 0; kind < 6; ++kind) {
    Bytes damaged = whole;
    put(damaged, {1, 0, 120, kind, 0, 2});
    out.push_back(damaged);
  }
  // Its files as they are.
  Platter platter;
  {
    Start first = start_on(platter);
    for (unsigned i = 0; i < 6; ++i)
      (*first.journal)->append(pbft::PreparedVote{{View{0}, Seq{i}, Digest{}}});
    ENSURE((*first.journal)->sync().ok());
  }
  Bytes folder{1};
  for (const auto& [name, file] : platter.files) {
    folder.push_back(static_cast<std::uint8_t>(*store::segment_number(name)));
    put_chunk(folder, file->seen);
  }
  out.push_back(folder);
  return out;
}

}  // namespace

const Target journal{"journal", run_journal, seeds_of_journals};

}  // namespace prytany::fuzz
