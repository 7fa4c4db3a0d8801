// Words of a command that people paste into a shell.
#pragma once

#include <string>

namespace prytany::cli {

/// `word` as a shell reads it: quoted where it must be, as it stands elsewhere.
std::string shell_word(const std::string& word);

}  // namespace prytany::cli
