#include "server/app/folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "server/app/bundle.h"
#include "server/wire/codec.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

namespace fs = std::filesystem;

bool belongs(const std::string& path) {
  return path == "prytany.json" || path.starts_with("schema/") || path.starts_with("procedures/") ||
         path.starts_with("web/");
}

/// Paths below `root` with '/', in order.
Result<std::vector<std::string>> list_files(const fs::path& root) {
  std::error_code error;
  std::vector<std::string> found;
  auto it = fs::recursive_directory_iterator(root, error);
  if (error) return Error{root.string() + ": " + error.message()};
  for (; it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (error) return Error{root.string() + ": " + error.message()};
    const std::string path = it->path().lexically_relative(root).generic_string();
    const bool hidden = it->path().filename().string().starts_with(".");
    const auto kind = it->symlink_status(error).type();
    if (kind == fs::file_type::directory) {
      if (hidden || !belongs(path + "/")) it.disable_recursion_pending();
      continue;
    }
    if (hidden || !belongs(path)) continue;
    if (kind != fs::file_type::regular) return Error{it->path().string() + ": is not a plain file"};
    found.push_back(path);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<Bytes> read_file(const fs::path& path, std::size_t bytes_max) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return Error{path.string() + ": " + error.message()};
  if (size > bytes_max)
    return Error{path.string() + ": an application has at most " +
                 std::to_string(limits::application_bytes_max) + " bytes in all"};
  std::ifstream in(path, std::ios::binary);
  Bytes bytes(static_cast<std::size_t>(size));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in || in.gcount() != static_cast<std::streamsize>(size))
    return Error{path.string() + ": cannot be read"};
  return bytes;
}

}  // namespace

Result<wire::Install> load_application_folder(const std::string& path) {
  const fs::path root(path);
  std::error_code error;
  if (!fs::is_directory(root, error)) return Error{path + ": there is no such folder"};
  if (!fs::exists(root / "prytany.json", error))
    return Error{path + ": has no prytany.json, so it is not an application"};
  auto files = list_files(root);
  if (!files) return files.error();
  if (files->size() > limits::application_files_max)
    return Error{path + ": more than " + std::to_string(limits::application_files_max) + " files"};
  wire::Install install;
  std::size_t left = limits::application_bytes_max;
  for (const std::string& name : *files) {
    auto content = read_file(root / name, left);
    if (!content) return content.error();
    const std::size_t bytes = content->size() + name.size() + 8;
    if (name.size() > limits::name_bytes_max) return Error{name + ": the path is too long"};
    left -= std::min(left, bytes);
    install.files.items.push_back({{name}, {std::move(content).value()}});
  }
  const auto bundle = read_bundle(install);
  if (!bundle) return Error{path + "/" + bundle.error().message};
  return install;
}

}  // namespace prytany::app
