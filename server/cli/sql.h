// SQL as people type it, cut into statements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace prytany::cli {

/// Each statement without its semicolon; what is empty or only a comment is left out. A semicolon
/// inside a text, a name, a comment or a trigger's body ends nothing.
std::vector<std::string> split_statements(std::string_view text);

/// Whether a statement surely only reads, by its first word. (Replicas decide; this only chooses
/// what to ask, since some roles may only read.)
bool looks_read_only(std::string_view statement);

}  // namespace prytany::cli
