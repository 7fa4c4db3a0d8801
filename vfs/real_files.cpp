#include "vfs/real_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

// Where SQLite locks a database file: os_unix.c, and sqlite.org/lockingv3.html.
constexpr off_t pending_byte = 0x40000000;
constexpr off_t shared_first = pending_byte + 2;
constexpr off_t shared_size = 510;
constexpr off_t all_size = 512;

// Locks of the open file, not of the process: closing some other descriptor of the file does not
// drop them, and they conflict with SQLite's POSIX locks.
bool set_lock(int file, short type, off_t start, off_t length) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return ::fcntl(file, F_OFD_SETLK, &lock) == 0;
}

Error error(const std::string& what) { return Error{what + ": " + std::strerror(errno)}; }

bool sync_path(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  const bool synced = ::fsync(directory) == 0;
  ::close(directory);
  return synced;
}

// Takes the folder for this process, or says who has it.
Result<int> become_owner(const std::string& folder) {
  const std::string path = folder + "/state.lock";
  const int owner = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (owner < 0) return error("cannot open " + path);
  std::array<char, 32> text{};
  if (::flock(owner, LOCK_EX | LOCK_NB) != 0) {
    const bool busy = errno == EWOULDBLOCK;
    const ssize_t length = ::pread(owner, text.data(), text.size() - 1, 0);
    const Error failed = error("cannot lock " + path);
    ::close(owner);
    if (!busy) return failed;
    std::string who(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    while (!who.empty() && who.back() == '\n') who.pop_back();
    return Error{folder + " is in use by another replica" +
                 (who.empty() ? "" : " (process " + who + ")") + "; stop it first"};
  }
  const int length = std::snprintf(text.data(), text.size(), "%d\n", ::getpid());
  // Only for the message above, so a full disk need not matter here.
  if (::ftruncate(owner, 0) != 0 ||
      ::pwrite(owner, text.data(), static_cast<std::size_t>(length), 0) != length)
    return owner;
  return owner;
}

}  // namespace

Result<std::unique_ptr<RealFiles>> RealFiles::open(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0755) == 0) {
    const auto parent = std::filesystem::path(folder + "/.").lexically_normal().parent_path();
    const std::string above = parent.parent_path().empty() ? "." : parent.parent_path().string();
    if (!sync_path(above)) return error("cannot sync the folder above " + folder);
  } else if (errno != EEXIST) {
    return error("cannot create " + folder);
  }
  const Result<int> owner = become_owner(folder);
  if (!owner) return owner.error();
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    ::close(*owner);
    return error("cannot open " + folder);
  }
  return std::unique_ptr<RealFiles>(new RealFiles(folder, directory, *owner));
}

RealFiles::~RealFiles() {
  for (const auto& [file, name] : names_) ::close(file);
  ::close(directory_);
  ::close(owner_);
}

Error RealFiles::failed(const char* doing, std::string_view name) const {
  return error(std::string("cannot ") + doing + " " + folder_ + "/" + std::string(name));
}

Error RealFiles::failed(const char* doing, Handle file) const {
  const auto at = names_.find(file);
  ENSURE(at != names_.end());
  return failed(doing, at->second);
}

Result<std::optional<Files::Handle>> RealFiles::open(std::string_view name) {
  const int file = ::openat(directory_, std::string(name).c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::optional<Handle>();
  if (file < 0) return failed("open", name);
  names_.emplace(file, name);
  return std::optional<Handle>(file);
}

Result<Files::Handle> RealFiles::create(std::string_view name) {
  const int file =
      ::openat(directory_, std::string(name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return failed("create", name);
  names_.emplace(file, name);
  return file;
}

void RealFiles::close(Handle file) {
  ENSURE(names_.erase(file) == 1);
  ::close(file);
}

Result<std::uint64_t> RealFiles::size(Handle file) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return failed("look at", file);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::size_t> RealFiles::read(Handle file, std::uint64_t offset,
                                    std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(file, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", file);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> RealFiles::write(Handle file, std::uint64_t offset, ByteView data) {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put == 0) errno = ENOSPC;  // POSIX allows it, and asking again could go on for ever
    if (put <= 0) return failed("write", file);
    data = data.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<void> RealFiles::resize(Handle file, std::uint64_t size) {
  if (::ftruncate(file, static_cast<off_t>(size)) != 0) return failed("resize", file);
  return {};
}

Result<void> RealFiles::sync(Handle file) {
  if (::fdatasync(file) != 0) return failed("sync", file);
  return {};
}

Result<void> RealFiles::rename(std::string_view from, std::string_view to) {
  if (::renameat(directory_, std::string(from).c_str(), directory_, std::string(to).c_str()) != 0)
    return failed("rename", from);
  return {};
}

Result<void> RealFiles::remove(std::string_view name) {
  if (::unlinkat(directory_, std::string(name).c_str(), 0) != 0 && errno != ENOENT)
    return failed("remove", name);
  return {};
}

Result<void> RealFiles::sync_folder() {
  if (::fsync(directory_) != 0) return failed("sync", std::string_view("."));
  return {};
}

Result<bool> RealFiles::is_named(Handle file, std::string_view name) {
  struct stat open{};
  if (::fstat(file, &open) != 0) return failed("look at", file);
  struct stat named{};
  if (::fstatat(directory_, std::string(name).c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return failed("look at", name);
  }
  return open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

Result<bool> RealFiles::try_lock(Handle file, FileLock lock) {
  bool taken = false;
  switch (lock) {
    case FileLock::shared:
      // In this order: at no moment does a stronger lock appear to be free that somebody else could
      // not use.
      taken = set_lock(file, F_RDLCK, shared_first, shared_size) &&
              set_lock(file, F_UNLCK, pending_byte, shared_first - pending_byte);
      break;
    case FileLock::draining: taken = set_lock(file, F_WRLCK, pending_byte, 1); break;
    case FileLock::exclusive: taken = set_lock(file, F_WRLCK, pending_byte, all_size); break;
  }
  if (!taken && errno != EAGAIN && errno != EACCES) return failed("lock", file);
  return taken;
}

std::uint64_t RealFiles::fresh_number() {
  std::uint64_t number = 0;
  ENSURE(::getrandom(&number, sizeof number, 0) == static_cast<ssize_t>(sizeof number));
  return number;
}

}  // namespace prytany::vfs
