// What a fuzz target is. One program holds them all (compiling the server with instrumentation is
// what costs), and its first argument says which one runs.
#pragma once

#include <optional>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/ensure.h"

namespace prytany::fuzz {

struct Target {
  const char* name;
  /// Any bytes. Whatever must hold of them is an ENSURE.
  void (*run)(ByteView input);
  /// Inputs to begin with, so that a short run already sees what honest senders say.
  std::vector<Bytes> (*seeds)();
  /// Changes an input as only who knows its structure would; nothing if that was not possible. Half
  /// of libFuzzer's changes go through it. Null: bytes are changed as bytes.
  std::optional<Bytes> (*mutate)(ByteView input, std::uint32_t seed) = nullptr;
};

extern const Target decoders;
extern const Target links;
extern const Target client_json;
extern const Target gateway;
extern const Target files;
extern const Target sql;
extern const Target application;
extern const Target journal;
extern const Target replica;
extern const Target group;
extern const Target transfer;
extern const Target client;
extern const Target proofs;

}  // namespace prytany::fuzz
