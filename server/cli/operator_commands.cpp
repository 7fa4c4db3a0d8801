#include "server/cli/command.h"

namespace prytany::cli {

void add_operator_commands(CLI::App&, Chosen&) {}

}  // namespace prytany::cli
