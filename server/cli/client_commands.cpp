#include "server/cli/client_commands.h"

namespace prytany::cli {

void add_client_commands(arguments::Command app, Chosen& chosen) {
  add_new(app, chosen);
  add_test(app, chosen);
  add_doctor(app, chosen);
  add_explain(app, chosen);
  add_install(app, chosen);
  add_import(app, chosen);
  add_call(app, chosen);
  add_sql(app, chosen);
  add_nonce(app, chosen);
  add_gateway(app, chosen);
  add_pages(app, chosen);
  add_status(app, chosen);
  add_reincarnate(app, chosen);
  add_bench(app, chosen);
  add_demo(app, chosen);
}

}  // namespace prytany::cli
