#include "server/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace prytany::cli {
namespace {

constexpr std::uintmax_t file_bytes_max = 64U << 20;

Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return failed("sync", path);
  return {};
}

Result<void> sync_folder_of(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("open", folder.string());
  const int synced = ::fsync(fd);
  ::close(fd);
  if (synced != 0) return failed("sync", folder.string());
  return {};
}

Result<void> create(const std::string& path, std::string_view text, unsigned mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return failed("create", path);
  auto written = write_all(fd, text, path);
  ::close(fd);
  if (!written) ::unlink(path.c_str());
  return written;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return Error{"there is no file " + path};
  if (!std::filesystem::is_regular_file(status)) return Error{path + " is not a file"};
  if (std::filesystem::file_size(path, error) > file_bytes_max)
    return Error{path + " is too large"};
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return failed("read", path);
  return text.str();
}

Result<void> write_new_file(const std::string& path, std::string_view text, unsigned mode) {
  if (auto created = create(path, text, mode); !created) return created;
  return sync_folder_of(path);
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  ::unlink(draft.c_str());
  if (auto created = create(draft, text, 0644); !created) return created;
  if (::rename(draft.c_str(), path.c_str()) != 0) return failed("replace", path);
  return sync_folder_of(path);
}

Result<void> make_folder(const std::string& path) {
  const std::filesystem::path folder(path);
  std::error_code error;
  if (!folder.parent_path().empty()) {
    std::filesystem::create_directories(folder.parent_path(), error);
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("create the folder", path);
  if (!std::filesystem::is_directory(folder, error)) return Error{path + " is not a folder"};
  return {};
}

}  // namespace prytany::cli
