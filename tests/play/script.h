// Plays: a script of commands, one a line, then `----`, then the trace that they must produce, word
// for word. A new trace is recorded by `play_test --record` and reviewed as a diff. The commands
// are in tests/play/README.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace prytany::play {

struct Play {
  std::vector<std::string> script;  // with comments and empty lines, as written
  std::vector<std::string> trace;   // as expected
};

Play read_play(const std::filesystem::path& file);
void write_play(const std::filesystem::path& file, const Play& play);

/// Runs the script, heals the group, and requires agreement: what happened, or a line that begins
/// with "error".
std::vector<std::string> run_script(const std::vector<std::string>& script);

}  // namespace prytany::play
