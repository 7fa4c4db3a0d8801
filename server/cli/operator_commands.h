// The commands of those who run replicas.
#pragma once

#include "server/cli/command.h"

namespace prytany::cli {

void add_keygen(arguments::Command app, Chosen& chosen);
void add_genesis(arguments::Command app, Chosen& chosen);
void add_init(arguments::Command app, Chosen& chosen);
void add_replica(arguments::Command app, Chosen& chosen);
void add_dev(arguments::Command app, Chosen& chosen);

}  // namespace prytany::cli
