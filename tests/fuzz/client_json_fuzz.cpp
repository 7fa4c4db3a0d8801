// Any text is a client's message or malformed; what is one is written and read back to the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/base/ensure.h"
#include "server/wire/client_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // libFuzzer's bytes are unsigned, JSON's text is char; reading one as the other is defined.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto message = prytany::wire::from_client_json(text)) {
    const auto again = prytany::wire::from_client_json(prytany::wire::to_json(*message));
    ENSURE(again && *again == *message);
  }
  if (const auto message = prytany::wire::to_client_json(text)) {
    const auto again = prytany::wire::to_client_json(prytany::wire::to_json(*message));
    ENSURE(again && *again == *message);
  }
  return 0;
}
