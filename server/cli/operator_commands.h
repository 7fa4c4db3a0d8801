// The commands of those who run replicas.
#pragma once

#include "server/cli/command.h"

namespace prytany::cli {

void add_keygen(CLI::App& app, Chosen& chosen);
void add_genesis(CLI::App& app, Chosen& chosen);
void add_init(CLI::App& app, Chosen& chosen);
void add_replica(CLI::App& app, Chosen& chosen);
void add_dev(CLI::App& app, Chosen& chosen);

}  // namespace prytany::cli
