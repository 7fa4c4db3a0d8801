#include "server/cli/operator_commands.h"

namespace prytany::cli {

void add_operator_commands(arguments::Command app, Chosen& chosen) {
  add_keygen(app, chosen);
  add_genesis(app, chosen);
  add_init(app, chosen);
  add_replica(app, chosen);
  add_dev(app, chosen);
}

}  // namespace prytany::cli
