#include "bench/floor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>

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

/// How plain SQLite is run.
struct Plain {
  const char* name;
  const char* journal;  // nullptr: in memory
  unsigned batch;       // rows of a transaction
};

Plain plain_of(Floor floor) {
  switch (floor) {
    case Floor::wal_full: return {"floor: sqlite wal full", "WAL", 1};
    case Floor::wal_batch: return {"floor: sqlite wal full, 64 a commit", "WAL", 64};
    case Floor::delete_full: return {"floor: sqlite rollback full", "DELETE", 1};
    case Floor::delete_batch: return {"floor: sqlite rollback full, 64 a commit", "DELETE", 64};
    default: return {"floor: sqlite in memory", nullptr, 1};
  }
}

Result<Database> open_plain(const Plain& plain, const std::string& folder) {
  const std::string path = plain.journal == nullptr ? ":memory:" : folder + "/floor.db";
  sqlite3* raw = nullptr;
  // By its name: where an executor ran in this process, ours is the default.
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &raw, flags, "unix") != SQLITE_OK)
    return Error{"cannot open " + path};
  Database db(raw);
  const auto run = [&](const std::string& sql) {
    return sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  };
  if (plain.journal != nullptr && (!run(std::string("PRAGMA journal_mode=") + plain.journal) ||
                                   !run("PRAGMA synchronous=FULL")))
    return Error{path + ": journal mode " + plain.journal + " is refused"};
  if (!run(insert1_table)) return Error{path + ": " + sqlite3_errmsg(raw)};
  return db;
}

Result<Row> measure_sqlite(Floor floor, const std::string& folder, std::size_t text_bytes,
                           double seconds) {
  const Plain plain = plain_of(floor);
  const auto db = open_plain(plain, folder);
  if (!db) return db.error();
  const auto run = [&](const char* sql) {
    return sqlite3_exec(db->get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  };
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db->get(),
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
  Row row = timed(plain.name, plain.batch, seconds, [&] {
    if (plain.batch == 1) return insert_one();
    bool good = run("BEGIN");
    for (unsigned i = 0; i < plain.batch && good; ++i) good = insert_one();
    return good && run("COMMIT");
  });
  row.durability = plain.journal == nullptr ? "none" : "log";
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

/// All of `bytes`, there or back.
bool send_all(int fd, const std::string& bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}
bool receive_all(int fd, std::string& bytes) {
  return ::recv(fd, bytes.data(), bytes.size(), MSG_WAITALL) == static_cast<ssize_t>(bytes.size());
}

/// Two ends of a TCP connection on the loopback; -1 where that failed.
std::array<int, 2> tcp_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  int far = -1;
  if (::bind(listener, any, size) == 0 && ::listen(listener, 1) == 0 &&
      ::getsockname(listener, any, &size) == 0 && ::connect(near, any, size) == 0)
    far = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  const int on = 1;
  for (const int fd : {near, far}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {near, far};
}

Result<Row> measure_tcp(std::size_t bytes, double seconds) {
  const auto [near, far] = tcp_pair();
  if (far < 0) return Error{"no TCP connection on the loopback"};
  std::thread echo([fd = far, bytes] {
    std::string heard(bytes, ' ');
    while (receive_all(fd, heard) && send_all(fd, heard)) {
    }
  });
  std::string said(bytes, 'x');
  Row row = timed("floor: tcp echo", 1, seconds,
                  [fd = near, &said] { return send_all(fd, said) && receive_all(fd, said); });
  ::shutdown(near, SHUT_RDWR);
  echo.join();
  ::close(near);
  ::close(far);
  row.durability = "none";
  return row;
}

Result<Row> measure_one(Floor floor, const std::string& folder, std::size_t text_bytes,
                        double seconds) {
  if (floor == Floor::tcp_echo) return measure_tcp(std::max<std::size_t>(1, text_bytes), seconds);
  if (floor == Floor::fdatasync) return measure_fdatasync(folder, seconds);
  return measure_sqlite(floor, folder, text_bytes, seconds);
}

}  // namespace

Result<Row> measure_floor(Floor floor, const std::string& folder, std::size_t text_bytes,
                          double seconds) {
  auto row = measure_one(floor, folder, text_bytes, seconds);
  for (const char* name :
       {"floor.db", "floor.db-wal", "floor.db-shm", "floor.db-journal", "floor.log"}) {
    std::error_code ignored;
    std::filesystem::remove(folder + "/" + name, ignored);
  }
  if (row) row->size = floor == Floor::fdatasync ? 512 : text_bytes;
  return row;
}

}  // namespace prytany::bench
