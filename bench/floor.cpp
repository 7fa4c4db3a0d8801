#include "bench/floor.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>

#include "bench/cpu.h"
#include "bench/workload.h"

namespace prytany::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Calls `step` until the time is over; it performs `per_step` operations.
Row timed(const std::string& name, unsigned per_step, double seconds,
          const std::function<bool()>& step) {
  Row row;
  row.workload = name;
  row.clients = 1;
  row.depth = per_step;
  row.replicas = 1;
  row.guarantee = "none";
  const double cpu = own_cpu_us();
  const auto begin = Clock::now();
  auto last = begin;
  while (last - begin < std::chrono::duration<double>(seconds)) {
    if (!step()) {
      row.errors += per_step;
      break;
    }
    const auto now = Clock::now();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - last).count();
    for (unsigned i = 0; i < per_step; ++i) row.latency.record(static_cast<std::uint64_t>(us));
    row.operations += per_step;
    last = now;
  }
  row.seconds = std::chrono::duration<double>(last - begin).count();
  row.server_cpu_us = own_cpu_us() - cpu;  // there is no client apart
  return row;
}

Result<Row> measure_sqlite(Floor floor, const std::string& folder, std::size_t text_bytes,
                           double seconds) {
  const std::string path = floor == Floor::memory ? ":memory:" : folder + "/floor.db";
  sqlite3* raw = nullptr;
  // By its name: where an executor ran in this process, ours is the default.
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &raw, flags, "unix") != SQLITE_OK)
    return Error{"cannot open " + path};
  const Database db(raw);
  const auto run = [&](const char* sql) {
    return sqlite3_exec(db.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  };
  if (floor != Floor::memory &&
      (!run("PRAGMA journal_mode=WAL") || !run("PRAGMA synchronous=FULL")))
    return Error{path + ": WAL mode is refused"};
  if (!run(insert1_table)) return Error{path + ": " + sqlite3_errmsg(db.get())};
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db.get(),
                     "INSERT INTO entries(at_us, dice, text) "
                     "VALUES(unixepoch() * 1000000, random(), ?)",
                     -1, &insert, nullptr);
  const Prepared prepared(insert);
  const std::string text(text_bytes, 'x');
  sqlite3_bind_text(insert, 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  const auto insert_one = [&] {
    const bool done = sqlite3_step(insert) == SQLITE_DONE;
    return sqlite3_reset(insert) == SQLITE_OK && done;
  };
  if (floor != Floor::wal_batch) {
    const bool memory = floor == Floor::memory;
    Row row = timed(memory ? "floor: sqlite in memory" : "floor: sqlite wal full", 1, seconds,
                    insert_one);
    row.durability = memory ? "none" : "log";
    return row;
  }
  Row row = timed("floor: sqlite wal full, 64 a commit", 64, seconds, [&] {
    bool good = run("BEGIN");
    for (int i = 0; i < 64 && good; ++i) good = insert_one();
    return good && run("COMMIT");
  });
  row.durability = "log";
  return row;
}

Result<Row> measure_fdatasync(const std::string& folder, double seconds) {
  const std::string path = folder + "/floor.log";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Error{"cannot write " + path};
  const std::array<char, 512> record{};
  Row row = timed("floor: append 512 B, fdatasync", 1, seconds, [&] {
    return ::write(fd, record.data(), record.size()) == static_cast<ssize_t>(record.size()) &&
           ::fdatasync(fd) == 0;
  });
  ::close(fd);
  row.durability = "log";
  return row;
}

}  // namespace

Result<Row> measure_floor(Floor floor, const std::string& folder, std::size_t text_bytes,
                          double seconds) {
  auto row = floor == Floor::fdatasync ? measure_fdatasync(folder, seconds)
                                       : measure_sqlite(floor, folder, text_bytes, seconds);
  for (const char* name : {"floor.db", "floor.db-wal", "floor.db-shm", "floor.log"}) {
    std::error_code ignored;
    std::filesystem::remove(folder + "/" + name, ignored);
  }
  if (row) row->size = floor == Floor::fdatasync ? 512 : text_bytes;
  return row;
}

}  // namespace prytany::bench
