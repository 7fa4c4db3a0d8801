#include "vfs/slot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

off_t offset_of(PageSlots::Slot slot) { return static_cast<off_t>(byte_offset(slot)); }

}  // namespace

SlotFile::~SlotFile() {
  if (file_ >= 0) ::close(file_);
}

Error SlotFile::failed(const char* doing) const {
  return Error{std::string("cannot ") + doing + " " + path_ + ": " + std::strerror(errno)};
}

// Leaves file_ as it is where there is no file and none is to be created.
Result<void> SlotFile::open(bool create) {
  if (file_ >= 0) return {};
  file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
  if (file_ < 0 && (create || errno != ENOENT)) return failed("open");
  return {};
}

Result<PageSlots::Slot> SlotFile::count() {
  if (Result<void> opened = open(false); !opened) return opened.error();
  if (file_ < 0) return Slot{0};
  struct stat found{};
  if (::fstat(file_, &found) != 0) return failed("measure");
  return static_cast<Slot>(static_cast<std::uint64_t>(found.st_size) / page_bytes);
}

Result<void> SlotFile::write(Slot slot, PageView page) {
  if (Result<void> opened = open(true); !opened) return opened;
  for (std::size_t done = 0; done < page_bytes;) {
    const ssize_t count = ::pwrite(file_, page.data() + done, page_bytes - done,
                                   offset_of(slot) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return failed("write");
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> SlotFile::read(Slot slot, PageBuffer out) {
  ENSURE(file_ >= 0);
  for (std::size_t done = 0; done < page_bytes;) {
    const ssize_t count = ::pread(file_, out.data() + done, page_bytes - done,
                                  offset_of(slot) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read");
    if (count == 0) return Error{path_ + " was cut by another program"};
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> SlotFile::clear() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return failed("remove");
  return {};
}

}  // namespace prytany::vfs
