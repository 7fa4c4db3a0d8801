// A genesis file comes from people: any text is one, or is refused with a reason.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/wire/genesis.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto file = prytany::wire::genesis_from_json(text)) {
    static_cast<void>(prytany::wire::verify_genesis(*file));
  }
  static_cast<void>(prytany::wire::member_from_json(text));
  return 0;
}
