// JSON text <-> client_messages.h. One writer and one reader for gateway, client library and
// simulator.
//
// Every message is an object {"type": ...}; docs/wire.md lists all fields. Values are Hrana's:
// {"type":"integer","value":"42"}, {"type":"float","value":1.5}, {"type":"text","value":"..."},
// {"type":"blob","base64":"..."}, but null is null ({"type":"null"} is read, too). 64-bit numbers
// are strings; keys, digests, nonces, signatures and tags are lower-case hex; text that is not
// UTF-8 is {"base64":"..."}; infinities are the strings "Infinity" and "-Infinity". Messages from a
// replica carry "tag" (hex), except hello_ok.
//
// Writers give one text per message, keys in a fixed order. Readers are total and refuse: texts
// over limits::json_bytes_max (from a replica: limits::json_reply_bytes_max), deeper than
// limits::json_depth_max, invalid UTF-8, duplicate keys, numbers out of range, wrong types. Unknown
// keys are ignored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/base/result.h"
#include "server/wire/client_messages.h"

namespace prytany::wire {

/// An operation that does not decode travels as {"type":"encoded","base64":...}, as it is.
/// A NaN among the values is written so that every reader refuses it: no SQL value is one.
std::string to_json(const FromClient& message);
Result<FromClient, Malformed> from_client_json(std::string_view text);

struct TaggedToClient {
  ToClient message;
  std::optional<crypto::Tag16> tag;  // nothing only for hello_ok and for refusals before hello
  bool operator==(const TaggedToClient&) const = default;
};
std::string to_json(const TaggedToClient& message);
/// A read_reply with two members more: replica, signature.
std::string to_json(const SignedRead& read);
Result<TaggedToClient, Malformed> to_client_json(std::string_view text);

}  // namespace prytany::wire
