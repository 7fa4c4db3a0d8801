// Programs that a measurement needs beside it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace prytany::bench {

/// Starts words[0], looked for in PATH if it has no slash, so that it hears all signals, whatever
/// this program leaves to somebody (ScratchKeeper). `quiet`: its complaints go nowhere. 0: there is
/// no such program.
pid_t spawn(std::vector<std::string> words, bool quiet = false);

}  // namespace prytany::bench
