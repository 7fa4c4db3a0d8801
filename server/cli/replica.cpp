// prytany replica: runs one.
#include <memory>

#include "server/cli/operator_commands.h"
#include "server/cli/replica_process.h"
#include "server/cli/settings.h"

namespace prytany::cli {

void add_replica(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<ReplicaOptions>();
  arguments::Command command = app.add_command("replica", "Run the replica whose folder this is");
  command
      .add_option("DIR", options->folder, "Folder with replica.key; state.db and journal/ go there")
      .required();
  command.add_option("--genesis", options->genesis, "Default: genesis.json beside DIR");
  command.add_option(
      "--bind", options->bind,
      "Numeric address to listen on (default: that of genesis.json, if numeric, else "
      "all)");
  command.add_option("--client-bind", options->client_bind,
                     "HOST:PORT to listen on for clients, behind a proxy for instance");
  command.add_option("--peer-bind", options->peer_bind, "HOST:PORT to listen on for replicas");
  command.add_option("--origin", options->origins,
                     "Also let web pages of this origin connect, exactly as browsers send it "
                     "(https://vote.example); repeatable. Pages of the replicas themselves may");
  arguments::Option certificate = command.add_option("--tls-cert", options->tls_certificate,
                                                     "Certificate chain (PEM) for https and wss");
  certificate.needs(command.add_option("--tls-key", options->tls_key, "Its private key (PEM)")
                        .needs(certificate));
  command.add_option("--set", options->settings, "key=value; repeatable: " + describe_settings());
  command.add_option("--log", options->log_level, "What to log")
      .one_of({"debug", "info", "warning", "error"});
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    options->application = chosen.built_in;
    chosen.run = [options] { return run_replica(*options); };
  });
}

}  // namespace prytany::cli
