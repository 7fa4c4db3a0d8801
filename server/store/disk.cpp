#include "server/store/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace prytany::store {
namespace {

Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

/// A descriptor that closes itself. Close errors tell nothing that sync did not.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

class RealFile final : public DiskFile {
 public:
  RealFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n == 0) errno = ENOSPC;  // POSIX allows it, and asking again could go on for ever
      if (n <= 0) return failed("write", path_);
      offset += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return failed("truncate", path_);
    return {};
  }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failed("sync", path_);
    return {};
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class RealDisk final : public Disk {
 public:
  RealDisk(Descriptor folder, std::string path)
      : folder_(std::move(folder)), path_(std::move(path)) {}

  Result<std::vector<std::string>> list() override {
    DIR* directory = ::opendir(path_.c_str());
    if (directory == nullptr) return failed("list", path_);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int error = errno;
    ::closedir(directory);
    errno = error;
    if (error != 0) return failed("list", path_);
    std::ranges::sort(names);
    return names;
  }

  Result<Bytes> read(const std::string& name) override {
    const Descriptor fd(::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status = {};
    if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return failed("open", full(name));
    Bytes bytes(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", full(name));
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    bytes.resize(done);
    return bytes;
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override {
    return opened(name, O_RDWR | O_CLOEXEC, "open");
  }
  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override {
    return opened(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, "create");
  }
  Result<void> remove(const std::string& name) override {
    if (::unlinkat(folder_.get(), name.c_str(), 0) != 0) return failed("remove", full(name));
    return {};
  }
  Result<void> sync() override {
    if (::fsync(folder_.get()) != 0) return failed("sync", path_);
    return {};
  }

 private:
  std::string full(const std::string& name) const { return path_ + "/" + name; }

  Result<std::unique_ptr<DiskFile>> opened(const std::string& name, int flags, const char* what) {
    Descriptor fd(::openat(folder_.get(), name.c_str(), flags, 0600));
    if (fd.get() < 0) return failed(what, full(name));
    return std::unique_ptr<DiskFile>(std::make_unique<RealFile>(std::move(fd), full(name)));
  }

  Descriptor folder_;
  std::string path_;
};

Result<void> sync_parent(const std::string& path) {
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (parent.empty()) parent = ".";
  const Descriptor fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return failed("sync", parent.string());
  return {};
}

}  // namespace

Result<std::unique_ptr<Disk>> open_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    if (auto synced = sync_parent(path); !synced) return synced.error();
  } else if (errno != EEXIST) {
    return failed("create the folder", path);
  }
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return failed("open the folder", path);
  return std::unique_ptr<Disk>(std::make_unique<RealDisk>(std::move(fd), path));
}

}  // namespace prytany::store
