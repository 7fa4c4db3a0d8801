// A local fault: this machine failed, not the request. Answering would diverge from the other
// replicas, so the process stops; to the group that is one stopped replica.
#pragma once

#include <string_view>

namespace prytany::app {

/// Prints one clear line and ends the process with exit code 70.
[[noreturn]] void stop_on_fault(std::string_view what);

}  // namespace prytany::app
