// Any bytes are a message or malformed, and what is a message encodes to the same bytes again: a
// second encoding of one message would be a second digest of one meaning.
#include <cstddef>
#include <cstdint>

#include "server/base/bytes.h"
#include "server/base/ensure.h"
#include "server/wire/codec.h"
#include "server/wire/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const prytany::ByteView bytes(data, size);
  const auto message = prytany::wire::decode<prytany::wire::PeerMessage>(bytes);
  if (!message) return 0;
  const prytany::Bytes again = prytany::wire::encode(*message);
  ENSURE(again == prytany::Bytes(bytes.begin(), bytes.end()));
  return 0;
}
