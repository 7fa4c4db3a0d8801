// prytany nonce: what an ID token must say so that only the holder of a key can use it.
#include <cstdio>
#include <memory>

#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"

namespace prytany::cli {
namespace {

struct NonceOptions {
  ClientOptions client;
};

Status run_nonce(const NonceOptions& options) {
  const auto nonce =
      attempt([&] { return id_token_nonce(options.client.key, options.client.cluster); });
  if (!nonce) return nonce.error();
  std::printf("%s\n", nonce->c_str());
  return {};
}

}  // namespace

void add_nonce(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<NonceOptions>();
  arguments::Command command = app.add_command(
      "nonce", "Print the nonce to ask an issuer of ID tokens for, for use with --key");
  add_cluster_options(command, options->client);
  command.add_option("--key", options->client.key, "File of the key to join with")
      .environment("PRYTANY_KEY")
      .required();
  command.when_chosen(
      [&chosen, options] { chosen.run = [options] { return run_nonce(*options); }; });
}

}  // namespace prytany::cli
