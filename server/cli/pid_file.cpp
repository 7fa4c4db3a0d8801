#include "server/cli/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace prytany::cli {

Result<PidFile> PidFile::take(const std::string& path) {
  net::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return Error{"cannot open " + path + ": " + std::strerror(errno)};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> pid{};
    const ssize_t n = ::pread(fd.get(), pid.data(), pid.size() - 1, 0);
    std::string who(pid.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!who.empty() && who.back() == '\n') who.pop_back();
    return Error{"a replica is running on this folder already" +
                 (who.empty() ? std::string() : " (process " + who + ")") + ": stop it first"};
  }
  // The lock counts; the number is for people, so a full disk need not matter here.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) == 0) {
    static_cast<void>(!::pwrite(fd.get(), pid.data(), pid.size(), 0));
  }
  return PidFile(std::move(fd));
}

PidFile::~PidFile() {
  if (fd_) static_cast<void>(!::ftruncate(fd_.get(), 0));
}

}  // namespace prytany::cli
