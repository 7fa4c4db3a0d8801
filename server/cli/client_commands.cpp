#include "server/cli/command.h"

namespace prytany::cli {

void add_client_commands(CLI::App&, Chosen&) {}

}  // namespace prytany::cli
