// Somebody's own application in the simulator: one of its tests, step by step, and what is
// installed for it instead of the account book. `prytany test --faults` makes these of an
// application's tests/*.sql.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/crypto/sign.h"
#include "server/wire/operations.h"
#include "server/wire/values.h"

namespace prytany::sim {

/// Somebody with a key.
struct Actor {
  std::string name;
  crypto::Signer::Seed key{};
  std::vector<wire::Operation> asks;  // in the test, in its order
};

struct ScriptStep {
  enum class Kind : std::uint8_t {
    join,   // the actor joins; an older session of it is over
    ask,    // the actor's request
    read,   // a public procedure, without a session
    clock,  // all clocks are set forward, to `time` or by `forward_us`
  };
  Kind kind = Kind::ask;
  std::string place;  // for people: "sign.sql:6"
  std::size_t actor = 0;
  wire::Operation asked;
  std::optional<wire::Identity> identity;  // join: what it has proven beyond its key
  AgreedTime time;
  std::int64_t forward_us = 0;
  /// The answer that the test is right with. None: it depends on time or chance.
  std::optional<wire::Outcome> expected;
};

/// One test.
struct Script {
  std::string name;
  AgreedTime begin;           // what clocks show when it begins
  wire::Install application;  // as it is installed for this test
  std::vector<Actor> actors;  // the first is an administrator, and installs
  std::vector<ScriptStep> steps;
  std::vector<wire::Call> public_reads;  // in the test
  [[nodiscard]] bool has_identities() const;
};

/// A line of JSON for each test (docs/testing.md). Refused with the line.
Result<std::vector<Script>> read_scripts(std::string_view text);

/// Without what differs from one run of a group to another and no application sees: a join's
/// session.
wire::Outcome comparable(wire::Outcome outcome);

}  // namespace prytany::sim
