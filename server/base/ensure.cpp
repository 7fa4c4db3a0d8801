#include "server/base/ensure.h"

#include <cstdio>
#include <cstdlib>

namespace prytany {

void ensure_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: ENSURE(%s) is false; this is a bug, stopping\n", file, line,
               condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace prytany
