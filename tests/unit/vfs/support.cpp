#include "tests/unit/vfs/support.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "server/base/ensure.h"

namespace prytany::vfs {

TemporaryFolder::TemporaryFolder() {
  // In memory where possible: a process that is killed loses nothing there either, and syncs cost
  // nothing. Set TMPDIR to try a disk.
  const bool in_memory = std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK) == 0;
  const std::filesystem::path parent =
      in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  std::string name = (parent / "prytany-vfs-XXXXXX").string();
  ENSURE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<PageStore> new_store(StateDisk& disk, std::uint64_t capacity_bytes) {
  PageStoreOptions options;
  options.capacity_bytes = capacity_bytes;
  Result<std::unique_ptr<PageStore>> store = PageStore::open(disk, options);
  ENSURE(store.ok());
  return std::move(*store);
}

Result<void> ImageReader::begin(PageIndex page_count, int descriptor, PageIndex mapped_pages) {
  image.assign(byte_offset(page_count), 0);
  if (mapped_pages > 0) {
    const ssize_t got = ::pread(descriptor, image.data(), byte_offset(mapped_pages), 0);
    ENSURE(got == static_cast<ssize_t>(byte_offset(mapped_pages)));
  }
  return {};
}

void ImageReader::page(PageIndex page, PageView content) {
  std::copy(content.begin(), content.end(),
            image.begin() + static_cast<std::ptrdiff_t>(byte_offset(page)));
}

Commit difference(const Bytes& from, const Bytes& to, std::uint64_t number) {
  std::vector<PageIndex> pages;
  const auto count = static_cast<PageIndex>(to.size() / page_bytes);
  for (PageIndex page = 0; page < count; ++page) {
    const std::uint64_t at = byte_offset(page);
    if (at + page_bytes > from.size() ||
        std::memcmp(from.data() + at, to.data() + at, page_bytes) != 0)
      pages.push_back(page);
  }
  if (pages.empty() && from.size() != to.size()) pages.push_back(0);
  Commit commit{number, count, PageBatch(std::move(pages))};
  for (std::size_t i = 0; i < commit.pages.size(); ++i)
    std::memcpy(commit.pages.slot(i), to.data() + byte_offset(commit.pages.page(i)), page_bytes);
  return commit;
}

Bytes image_of(const PageStore& store, Label label) {
  Bytes image;
  for (PageIndex page = 0; page < store.page_count(label); ++page) {
    const PageView content = store.read_page(label, page);
    image.insert(image.end(), content.begin(), content.end());
  }
  return image;
}

void execute(sqlite3* database, const std::string& sql) {
  const int rc = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) std::fprintf(stderr, "%s: %s\n", sql.c_str(), sqlite3_errmsg(database));
  ENSURE(rc == SQLITE_OK);
}

std::string query(sqlite3* database, const std::string& sql) {
  std::string text;
  const auto row = [](void* out, int count, char** values, char**) {
    for (int i = 0; i < count; ++i) {
      if (i > 0) *static_cast<std::string*>(out) += '|';
      *static_cast<std::string*>(out) += values[i] != nullptr ? values[i] : "NULL";
    }
    *static_cast<std::string*>(out) += '\n';
    return 0;
  };
  if (sqlite3_exec(database, sql.c_str(), row, &text, nullptr) != SQLITE_OK)
    return std::string("error: ") + sqlite3_errmsg(database);
  return text;
}

PlainDatabase open_plain(const std::string& path) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int rc = sqlite3_open_v2(path.c_str(), &handle, flags, "unix");
  PlainDatabase database(handle);
  ENSURE(rc == SQLITE_OK);
  return database;
}

std::string run_sqlite3(const std::string& arguments, const std::string& input) {
  const std::string command =
      "printf '%s' \"" + input + "\" | sqlite3 -batch " + arguments + " 2>&1";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  ENSURE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), got);
  ::pclose(pipe);
  return text;
}

}  // namespace prytany::vfs
