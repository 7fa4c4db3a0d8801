// Is this text? SQLite and the network may hand us bytes that are not UTF-8.
#pragma once

#include <string_view>

namespace prytany {

/// True exactly when `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no
/// surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace prytany
