// Every decoder of the canonical encoding. Any bytes are a value or malformed; what is a value
// encodes to the same bytes again, since a second encoding of one message would be a second digest
// of one meaning; and memory grows with the bytes received, never with the bytes promised.
#include <sanitizer/allocator_interface.h>

#include "server/pbft/journal.h"
#include "server/wire/client_messages.h"
#include "server/wire/genesis.h"
#include "server/wire/handshake.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

template <class T>
void decode_one(ByteView bytes) {
  // The shortest value of a list, a NULL, is one byte on the wire and 40 here; lists may have twice
  // the room that they need.
  constexpr std::size_t growth_max = 160;
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  const auto value = wire::decode<T>(bytes);
  const std::size_t after = __sanitizer_get_current_allocated_bytes();
  ENSURE(after - std::min(before, after) <= growth_max * bytes.size() + 4096);
  if (!value) return;
  ENSURE(wire::encode(*value) == Bytes(bytes.begin(), bytes.end()));
}

using Decode = void (*)(ByteView);
constexpr Decode all[] = {
    decode_one<wire::PeerMessage>,       decode_one<pbft::JournalRecord>,
    decode_one<wire::Operation>,         decode_one<wire::LinkHello>,
    decode_one<wire::LinkProof>,         decode_one<wire::ConfigurationLinks>,
    decode_one<wire::Genesis>,           decode_one<wire::Reply>,
    decode_one<wire::ClientRequest>,     decode_one<wire::FromClient>,
    decode_one<wire::ToClient>,          decode_one<wire::FrameHeader>,
    decode_one<wire::CheckpointProof>,   decode_one<wire::Install>,
    decode_one<wire::ConfigurationLink>,
};

void run(ByteView bytes) {
  Input input(bytes);
  all[input.below(std::size(all))](input.rest());
}

template <class T>
void add(std::vector<Bytes>& out, std::uint8_t decoder, const T& value) {
  wire::Writer writer;
  writer.number(decoder);
  wire::put(writer, value);
  out.push_back(std::move(writer).take());
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  for (const auto& [name, message] : vectors::peer_messages()) add(out, 0, message);
  const wire::PrePrepare proposal{View{1}, Seq{7}, {}, {}};
  const wire::Prepare vote{View{1}, Seq{7}, vectors::cluster()};
  const wire::CheckpointProof proof =
      vectors::checkpoint_proof({Seq{8}, vectors::cluster()}, {0, 1, 2});
  using pbft::JournalRecord;
  add(out, 1, JournalRecord(pbft::StableRecord{View{1}, proof}));
  add(out, 1, JournalRecord(pbft::PrePreparedRecord{proposal}));
  add(out, 1, JournalRecord(pbft::PreparedVote{vote}));
  add(out, 1, JournalRecord(pbft::CommitVote{{View{1}, Seq{7}, vectors::cluster()}}));
  add(out, 1, JournalRecord(pbft::CommittedRecord{{Seq{7}, vectors::cluster()}, {}, {}, true}));
  add(out, 1, JournalRecord(pbft::ViewChangeRecord{{View{2}, proof, {}, {}}}));
  add(out, 1, JournalRecord(pbft::DiscardedRecord{Seq{8}}));
  for (const auto& [name, operation] : vectors::operations()) add(out, 2, operation);
  add(out, 3, wire::LinkHello{});
  add(out, 4, wire::LinkProof{});
  add(out, 5, wire::ConfigurationLinks{{vectors::configuration_link()}});
  wire::Genesis genesis;
  genesis.members.items.resize(4);
  add(out, 6, genesis);
  for (const auto& [name, outcome] : vectors::outcomes())
    add(out, 7, wire::Reply{{}, {}, {}, {}, {}, outcome});
  for (const auto& [name, request] : vectors::requests()) add(out, 8, request);
  for (const auto& [name, message] : vectors::from_client()) add(out, 9, message);
  for (const auto& [name, message] : vectors::to_client()) add(out, 10, message);
  add(out, 12, proof);
  return out;
}

}  // namespace

const Target decoders{"decoders", run, seeds};

}  // namespace prytany::fuzz
