// Changes of JSON texts as who knows JSON makes them: a member gone, twice or in another's place, a
// number at a bound, a character in a string. libFuzzer's own changes of bytes mostly break a text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prytany::fuzz {

/// One such change; nothing if the text is no JSON, or has nothing to change.
std::optional<std::string> mutate_json(std::string_view text, std::uint32_t seed);

}  // namespace prytany::fuzz
