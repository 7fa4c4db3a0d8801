// Small files, read and written whole.
#pragma once

#include <string>
#include <string_view>

#include "server/base/result.h"

namespace prytany::cli {

/// Refused, saying which file and why: missing, unreadable, a folder, or over 64 MiB.
Result<std::string> read_file(const std::string& path);
/// Creates `path` with `mode`; refuses to overwrite. Synced, with its folder.
Result<void> write_new_file(const std::string& path, std::string_view text, unsigned mode);
/// Puts `text` in the place of `path`, at once or not at all.
Result<void> replace_file(const std::string& path, std::string_view text);
/// With mode 0700, and all folders above it.
Result<void> make_folder(const std::string& path);

}  // namespace prytany::cli
