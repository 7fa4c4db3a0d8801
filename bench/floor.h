// What the same row costs without replication: plain SQLite in this process, the same amalgamation.
#pragma once

#include <string>

#include "bench/row.h"
#include "server/base/result.h"

namespace prytany::bench {

enum class Floor {
  wal_full,   // a file in WAL mode, synchronous=FULL, one row per transaction
  wal_batch,  // the same, 64 rows per transaction
  memory,     // in memory, one row per transaction
  fdatasync,  // no SQLite: append 512 bytes, fdatasync
};

/// Runs for `seconds` in `folder`, which must be on the disk that the replicas use.
Result<Row> measure_floor(Floor floor, const std::string& folder, std::size_t text_bytes,
                          double seconds);

}  // namespace prytany::bench
