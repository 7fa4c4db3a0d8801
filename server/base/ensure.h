// ENSURE: a statement of fact about our own code, checked in every build.
// It is never used on what a peer, a client or a disk said; those are refused (see result.h).
#pragma once

namespace prytany {

/// Prints what was false and where, then aborts. Exposed for ENSURE alone.
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line);

}  // namespace prytany

#define ENSURE(condition) \
  ((condition) ? static_cast<void>(0) : ::prytany::ensure_failed(#condition, __FILE__, __LINE__))
