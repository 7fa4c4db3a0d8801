#include "vfs/region.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

Error failed(const char* doing) {
  return Error{std::string("cannot ") + doing + ": " + std::strerror(errno)};
}

}  // namespace

Result<Region> Region::reserve(std::uint64_t bytes) {
  const std::uint64_t pages = bytes / page_bytes;
  ENSURE(pages > 0 && pages < std::numeric_limits<PageIndex>::max());
  // MAP_NORESERVE: without it, overcommit refuses a reservation above the size of the machine.
  void* const base = ::mmap(nullptr, pages * page_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    const int error = errno;
    const bool limited = error == ENOMEM;
    return Error{"cannot reserve " + std::to_string(bytes >> 20U) +
                 " MiB of addresses for the database: " + std::strerror(error) +
                 (limited ? "; lift the limit of this process's address space (ulimit -v "
                            "unlimited): addresses are reserved, and memory only as it is used"
                          : "")};
  }
  // A core dump of the database would be huge and would hold what operators may not see.
  ::madvise(base, pages * page_bytes, MADV_DONTDUMP);
  return Region(static_cast<std::uint8_t*>(base), static_cast<PageIndex>(pages));
}

Region::~Region() {
  if (base_ != nullptr) ::munmap(base_, byte_offset(capacity_));
}

Region::Region(Region&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      capacity_(other.capacity_),
      mapped_(other.mapped_),
      descriptor_(other.descriptor_) {}

Result<void> Region::map(int descriptor, PageIndex pages) {
  ENSURE(mapped_ == 0 && pages <= capacity_);
  descriptor_ = descriptor;
  return extend(pages, {});
}

Result<void> Region::release(PageIndex first, PageIndex count) {
  ENSURE(first <= mapped_ && count <= mapped_ - first);
  if (::madvise(base_ + byte_offset(first), byte_offset(count), MADV_DONTNEED) != 0)
    return failed("give back pages of the database");
  return {};
}

Result<void> Region::extend(PageIndex pages, std::span<const PageIndex> keep) {
  ENSURE(pages >= mapped_ && pages <= capacity_);
  if (pages == mapped_) return {};
  PageBatch kept({keep.begin(), keep.end()});
  for (std::size_t i = 0; i < kept.size(); ++i)
    std::memcpy(kept.slot(i), base_ + byte_offset(kept.page(i)), page_bytes);
  void* const at = base_ + byte_offset(mapped_);
  if (::mmap(at, byte_offset(pages - mapped_), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, descriptor_,
             static_cast<off_t>(byte_offset(mapped_))) == MAP_FAILED)
    return failed("map the database file");
  for (std::size_t i = 0; i < kept.size(); ++i)
    std::memcpy(base_ + byte_offset(kept.page(i)), kept.content(i).data(), page_bytes);
  mapped_ = pages;
  return {};
}

Result<void> Region::shrink(PageIndex pages, PageIndex used) {
  if (pages >= mapped_) return {};
  const PageIndex end = std::clamp(used, pages, mapped_);
  const std::vector<std::uint8_t> kept(base_ + byte_offset(pages), base_ + byte_offset(end));
  void* const at = base_ + byte_offset(pages);
  if (::mmap(at, byte_offset(mapped_ - pages), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
    return failed("unmap the end of the database file");
  if (!kept.empty()) std::memcpy(at, kept.data(), kept.size());
  mapped_ = pages;
  return {};
}

}  // namespace prytany::vfs
