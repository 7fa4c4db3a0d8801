// What is measured: an application to install, and the operation that is sent over and over.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/wire/operations.h"

namespace prytany::bench {

struct WorkloadOptions {
  std::size_t size = 0;        // bytes that a request carries
  std::size_t reply_size = 0;  // bytes that its reply carries, where the workload has a choice
};

struct Workload {
  std::string name;
  wire::Install application;
  /// The n-th operation of a client.
  std::function<wire::Operation(unsigned client, std::uint64_t n)> operation;
};

/// null: no operation at all, ordered and answered (Practicality table 1). insert1: one request,
/// one row of a time, a random number and a text, one acknowledgement (Practicality section 4.2).
Result<Workload> make_workload(const std::string& name, const WorkloadOptions& options);
std::vector<std::string> workload_names();

/// The statements of insert1, for those who run it without us: Practicality section 4.2 inserts a
/// time, a random number and a text.
inline constexpr const char* insert1_table =
    "CREATE TABLE entries(id INTEGER PRIMARY KEY, at_us INTEGER, dice INTEGER, text TEXT)";

}  // namespace prytany::bench
