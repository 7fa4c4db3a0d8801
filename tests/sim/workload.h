// What the clients ask of the account book: calls of procedures and ad-hoc SQL, writes and reads,
// and some that must fail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/wire/operations.h"
#include "tests/sim/explaining.h"
#include "tests/sim/parameters.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

class Workload {
 public:
  Workload(const Parameters& parameters, Rng rng)
      : parameters_(parameters), rng_(rng), explaining_(parameters) {}

  /// What makes the tables exist: the first client's first request.
  wire::Operation preparation() const;
  /// Of the account book.
  wire::Operation next();
  /// What this client asks next: of a script its part.
  wire::Operation next_of(std::size_t client);
  /// Something that only reads. None for a C++ application, which only ordering can ask, or when it
  /// is something else's turn.
  std::optional<wire::Operation> fast_read();
  /// Asked of every replica on its own, not ordered. None unless the application is installed.
  std::optional<wire::Call> public_read();

 private:
  wire::Operation call();
  wire::Operation sql();
  wire::Operation sql_read();
  wire::Operation transaction();
  wire::Operation failing();
  std::string account() { return "account-" + std::to_string(rng_.below(12)); }
  wire::Value some_value();

  const Parameters& parameters_;
  Rng rng_;
  Explaining explaining_;
  std::uint64_t made_ = 0;
  std::vector<std::size_t> said_;  // of a script: how much of its part each client has asked
};

}  // namespace prytany::sim
