// The operator's log: one sink, four levels, whole lines.
#pragma once

#include <string_view>

namespace prytany::log {

enum class Level { debug, info, warning, error };

/// Lines below `level` are dropped. Default: info. Output goes to standard error.
void set_level(Level level);
/// Put before every line, for instance "replica 2". Default: empty.
void set_name(std::string_view name);

void debug(std::string_view line);
void info(std::string_view line);
void warning(std::string_view line);
void error(std::string_view line);

}  // namespace prytany::log
