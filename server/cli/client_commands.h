// The commands of those who use a cluster.
#pragma once

#include "server/cli/command.h"

namespace prytany::cli {

void add_new(arguments::Command app, Chosen& chosen);
void add_test(arguments::Command app, Chosen& chosen);
void add_doctor(arguments::Command app, Chosen& chosen);
void add_explain(arguments::Command app, Chosen& chosen);
void add_install(arguments::Command app, Chosen& chosen);
void add_import(arguments::Command app, Chosen& chosen);
void add_call(arguments::Command app, Chosen& chosen);
void add_sql(arguments::Command app, Chosen& chosen);
void add_nonce(arguments::Command app, Chosen& chosen);
void add_gateway(arguments::Command app, Chosen& chosen);
void add_pages(arguments::Command app, Chosen& chosen);
void add_reincarnate(arguments::Command app, Chosen& chosen);
void add_status(arguments::Command app, Chosen& chosen);
void add_bench(arguments::Command app, Chosen& chosen);
void add_demo(arguments::Command app, Chosen& chosen);

}  // namespace prytany::cli
