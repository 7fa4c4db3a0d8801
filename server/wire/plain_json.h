// SQL values as people write them at a terminal: plain JSON, without types. Convenient and lossy;
// what replicas compare never looks like this.
#pragma once

#include <string>
#include <string_view>

#include "server/base/result.h"
#include "server/wire/codec.h"
#include "server/wire/json_reader.h"
#include "server/wire/values.h"

namespace prytany::wire {

/// null; an integer (as a string when JavaScript could not hold it exactly: beyond 2^53 - 1); a
/// number with a point or an exponent, or "Infinity"; a string; {"base64": "..."} for blobs and for
/// text that is not UTF-8.
std::string plain_json(const Value& value);

/// The value of `name=value` on a command line: null, an integer, a number, "a quoted string" or
/// {"base64": "..."} when it reads as such in JSON, else the text as it stands (so Anna and
/// 2026-01-31 need no quotes, and a text of digits only does). Refused: integers beyond 64 bits,
/// other JSON objects and arrays, true and false (SQL has no such values; write 1 or 0), text over
/// limits::value_bytes_max.
Result<Value, Malformed> value_from_plain(std::string_view text);

/// Of a text or blob over limits::value_bytes_max.
inline constexpr std::string_view value_too_long = "longer than the 1048576 bytes that a value has";

/// The same of what is JSON already, by JsonDocument::parse_exact.
Result<Value, Malformed> value_from_plain(Json json);

}  // namespace prytany::wire
