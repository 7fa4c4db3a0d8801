// Any text is a client's message, a replica's, or malformed; what is one is written and read back
// to the same. And what people type at a terminal is a value, which is shown as it would be typed.
#include "server/wire/client_json.h"

#include "server/wire/plain_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

void run_client_json(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  if (const auto message = wire::from_client_json(text)) {
    const auto again = wire::from_client_json(wire::to_json(*message));
    ENSURE(again && *again == *message);
  }
  if (const auto message = wire::to_client_json(text)) {
    const auto again = wire::to_client_json(wire::to_json(*message));
    ENSURE(again && *again == *message);
  }
  if (const auto value = wire::value_from_plain(text)) {
    const auto again = wire::value_from_plain(wire::plain_json(*value));
    ENSURE(again.ok());
  }
}

std::vector<Bytes> seeds_client_json() {
  std::vector<Bytes> out;
  for (const auto& [name, message] : vectors::from_client())
    out.push_back(seed_of(wire::to_json(message)));
  for (const auto& [name, message] : vectors::to_client())
    out.push_back(seed_of(wire::to_json(wire::TaggedToClient{message, crypto::Tag16{}})));
  for (const char* plain : {"null", "-1", "1.5e300", R"({"base64":"AAEC"})", R"("a\u0000b")"})
    out.push_back(seed_of(plain));
  return out;
}

}  // namespace

const Target client_json{"client_json", run_client_json, seeds_client_json};

}  // namespace prytany::fuzz
