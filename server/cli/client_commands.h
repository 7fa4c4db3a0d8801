// The commands of those who use a cluster.
#pragma once

#include "server/cli/command.h"

namespace prytany::cli {

void add_new(CLI::App& app, Chosen& chosen);
void add_test(CLI::App& app, Chosen& chosen);
void add_doctor(CLI::App& app, Chosen& chosen);
void add_explain(CLI::App& app, Chosen& chosen);
void add_install(CLI::App& app, Chosen& chosen);
void add_import(CLI::App& app, Chosen& chosen);
void add_call(CLI::App& app, Chosen& chosen);
void add_sql(CLI::App& app, Chosen& chosen);
void add_nonce(CLI::App& app, Chosen& chosen);
void add_gateway(CLI::App& app, Chosen& chosen);
void add_pages(CLI::App& app, Chosen& chosen);
void add_reincarnate(CLI::App& app, Chosen& chosen);
void add_status(CLI::App& app, Chosen& chosen);
void add_bench(CLI::App& app, Chosen& chosen);
void add_demo(CLI::App& app, Chosen& chosen);

}  // namespace prytany::cli
