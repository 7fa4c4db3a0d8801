// Any text is a client's message, a replica's, or malformed; what is one is written and read back
// to the same. And what people type at a terminal is a value, which is shown as it would be typed.
#include "server/wire/client_json.h"

#include <bit>
#include <cmath>

#include "server/base/utf8.h"
#include "server/wire/plain_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/json_mutation.h"
#include "tests/fuzz/target.h"
#include "tests/vectors/samples.h"

namespace prytany::fuzz {
namespace {

/// The input as values and as texts, which then needs no reader to get into a message: so each byte
/// meets the writer.
void try_as_values(ByteView bytes) {
  Input input(bytes);
  const std::string text(as_text(bytes));
  const auto integer = static_cast<std::int64_t>(input.number());
  const auto real = std::bit_cast<double>(input.number());
  wire::PublicRead read{1, {{text.substr(0, limits::name_bytes_max)}, {}}};
  for (const wire::Value& value :
       std::initializer_list<wire::Value>{wire::TextValue{text}, wire::BlobValue{to_bytes(bytes)},
                                          integer, std::isnan(real) ? 0.0 : real}) {
    read.call.arguments.items.push_back({{"a"}, value});
    ENSURE(wire::value_from_plain(wire::plain_json(value)).ok());
  }
  const wire::FromClient said{read};
  const auto heard = wire::from_client_json(wire::to_json(said));
  ENSURE(heard && *heard == said);

  wire::Reply reply;
  reply.outcome = wire::ErrorReply{{}, {text.substr(0, limits::error_bytes_max)}, {}, 0};
  const wire::TaggedToClient told{reply, crypto::Tag16{}};
  const auto understood = wire::to_client_json(wire::to_json(told));
  ENSURE(understood && *understood == told);

  // A text is one again, whatever it looks like.
  const auto typed = wire::value_from_plain(wire::plain_json(wire::TextValue{text}));
  ENSURE(!is_utf8(text) || *typed == wire::Value{wire::TextValue{text}});
}

void run_client_json(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  try_as_values(bytes);
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

std::optional<Bytes> mutate_client_json(ByteView input, std::uint32_t seed) {
  const auto changed = mutate_json(as_text(input), seed);
  return changed ? std::optional(seed_of(*changed)) : std::nullopt;
}

}  // namespace

const Target client_json{"client_json", run_client_json, seeds_client_json, mutate_client_json};

}  // namespace prytany::fuzz
