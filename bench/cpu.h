// CPU time that processes have used, in microseconds, user and system together.
#pragma once

#include <sys/types.h>

#include "server/base/result.h"

namespace prytany::bench {

/// Of another process, all its threads; in steps of the kernel's tick (10 ms).
Result<double> cpu_us_of(pid_t process);
/// Of this process.
double own_cpu_us();

}  // namespace prytany::bench
