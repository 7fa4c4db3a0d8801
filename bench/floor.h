// What the same row costs without replication: plain SQLite in this process, the same amalgamation;
// and what the disk and TCP allow.
#pragma once

#include <array>
#include <string>

#include "bench/row.h"
#include "server/base/result.h"

namespace prytany::bench {

enum class Floor {
  wal_full,      // a file in WAL mode, synchronous=FULL, one row per transaction
  wal_batch,     // the same, 64 rows per transaction
  delete_full,   // a file with a rollback journal, synchronous=FULL: the paper's way
  delete_batch,  // the same, 64 rows per transaction
  memory,        // in memory, one row per transaction
  fdatasync,     // no SQLite: append 512 bytes, fdatasync
  tcp_echo,      // no disk: bytes to another thread and back, on the loopback
};
inline constexpr std::array all_floors = {Floor::wal_full,     Floor::wal_batch, Floor::delete_full,
                                          Floor::delete_batch, Floor::memory,    Floor::fdatasync,
                                          Floor::tcp_echo};

/// Runs for `seconds` in `folder`, which must be on the disk that the replicas use.
Result<Row> measure_floor(Floor floor, const std::string& folder, std::size_t text_bytes,
                          double seconds);

}  // namespace prytany::bench
