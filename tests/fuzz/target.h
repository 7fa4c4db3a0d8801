// What a fuzz target is. One program holds them all (compiling the server with instrumentation is
// what costs), and its first argument says which one runs.
#pragma once

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

}  // namespace prytany::fuzz
