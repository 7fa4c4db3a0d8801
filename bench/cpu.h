// What processes have used of the machine, as the kernel counts it.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "server/base/result.h"

namespace prytany::bench {

/// User and system time of another process, all its threads, in microseconds.
Result<double> cpu_us_of(pid_t process);
/// Of this process.
double own_cpu_us();

/// Bytes that a process caused to be written to disks.
Result<std::uint64_t> disk_bytes_of(pid_t process);
/// How often its threads waited for something.
Result<std::uint64_t> waits_of(pid_t process);

}  // namespace prytany::bench
