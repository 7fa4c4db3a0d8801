// A library that is loaded before all others (LD_PRELOAD) and counts how often malloc and its
// kin give out memory. The count stands in a file that others map or read,
// $PRYTANY_COUNT_ALLOCATIONS.<process>, so that asking for it takes nothing of the process.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

using Count = std::atomic<std::uint64_t>;
static_assert(sizeof(Count) == sizeof(std::uint64_t) && Count::is_always_lock_free);

Count before_main{0};
Count* count = &before_main;

/// Loaded into a process that nobody counts, it counts for itself.
[[gnu::constructor]] void show_the_count() {
  const char* const prefix = std::getenv("PRYTANY_COUNT_ALLOCATIONS");
  if (prefix == nullptr) return;
  std::array<char, 4096> path{};
  std::snprintf(path.data(), path.size(), "%s.%d", prefix, static_cast<int>(::getpid()));
  const int file = ::open(path.data(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (::ftruncate(file, sizeof(Count)) == 0) {
    void* const mapped =
        ::mmap(nullptr, sizeof(Count), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) count = new (mapped) Count(before_main.load());
  }
  ::close(file);
}

/// Who would have been called.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
void one_more() { count->fetch_add(1, std::memory_order_relaxed); }

using Sized = void*(std::size_t);
using Tried = void*(std::size_t, const std::nothrow_t&);
using Aligned = void*(std::size_t, std::align_val_t);
using AlignedTried = void*(std::size_t, std::align_val_t, const std::nothrow_t&);

}  // namespace

extern "C" {

void* malloc(std::size_t size) noexcept {
  static auto* const next = real<Sized>("malloc");
  one_more();
  return next(size);
}
void* calloc(std::size_t items, std::size_t size) noexcept {
  static auto* const next = real<void*(std::size_t, std::size_t)>("calloc");
  one_more();
  return next(items, size);
}
void* realloc(void* old, std::size_t size) noexcept {
  static auto* const next = real<void*(void*, std::size_t)>("realloc");
  one_more();
  return next(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  static auto* const next = real<void*(std::size_t, std::size_t)>("aligned_alloc");
  one_more();
  return next(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
  static auto* const next = real<int(void**, std::size_t, std::size_t)>("posix_memalign");
  one_more();
  return next(out, alignment, size);
}

}  // extern "C"

// Not made of malloc where an allocator brings its own, as mimalloc does.

void* operator new(std::size_t size) {
  static auto* const next = real<Sized>("_Znwm");
  one_more();
  return next(size);
}
void* operator new[](std::size_t size) {
  static auto* const next = real<Sized>("_Znam");
  one_more();
  return next(size);
}
void* operator new(std::size_t size, const std::nothrow_t& tag) noexcept {
  static auto* const next = real<Tried>("_ZnwmRKSt9nothrow_t");
  one_more();
  return next(size, tag);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  static auto* const next = real<Tried>("_ZnamRKSt9nothrow_t");
  one_more();
  return next(size, tag);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  static auto* const next = real<Aligned>("_ZnwmSt11align_val_t");
  one_more();
  return next(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  static auto* const next = real<Aligned>("_ZnamSt11align_val_t");
  one_more();
  return next(size, alignment);
}
void* operator new(std::size_t size, std::align_val_t alignment,
                   const std::nothrow_t& tag) noexcept {
  static auto* const next = real<AlignedTried>("_ZnwmSt11align_val_tRKSt9nothrow_t");
  one_more();
  return next(size, alignment, tag);
}
void* operator new[](std::size_t size, std::align_val_t alignment,
                     const std::nothrow_t& tag) noexcept {
  static auto* const next = real<AlignedTried>("_ZnamSt11align_val_tRKSt9nothrow_t");
  one_more();
  return next(size, alignment, tag);
}
