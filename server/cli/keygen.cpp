// prytany keygen: an organisation makes its replica's key, and the member.json that it shares.
#include <cstdio>
#include <memory>

#include "server/cli/files.h"
#include "server/cli/operator_commands.h"
#include "server/crypto/key_file.h"
#include "server/wire/genesis.h"

namespace prytany::cli {
namespace {

struct KeygenOptions {
  std::string out;
  std::string name;
  std::string peer;
  std::string client_url;
};

Status run_keygen(const KeygenOptions& options) {
  wire::Member member;
  const auto peer = wire::address_from(options.peer);
  if (!peer) return usage_failure("--peer " + options.peer + " is not HOST:PORT");
  const crypto::Signer key = crypto::Signer::generate();
  member.name.text = options.name;
  member.key = key.public_key();
  member.peer_host.text = peer->host;
  member.peer_port = peer->port;
  member.client_url.text = options.client_url;
  const std::string json = wire::to_json(member);
  // What we would refuse to read we do not write.
  if (auto readable = wire::member_from_json(json); !readable) {
    return usage_failure(readable.error().message);
  }
  if (auto made = make_folder(options.out); !made) return usage_failure(made.error().message);
  const std::string key_path = options.out + "/replica.key";
  if (auto written = crypto::write_key_file(key_path, key); !written) {
    return usage_failure(written.error().message);
  }
  if (auto written = write_new_file(options.out + "/member.json", json, 0644); !written) {
    return failure("write", written.error());
  }
  std::printf("%s: keep it secret; whoever has it can speak for this replica\n", key_path.c_str());
  std::printf("%s/member.json: send it to whoever assembles the genesis\n", options.out.c_str());
  std::printf("public key %s\n", key.public_key().hex().c_str());
  return {};
}

}  // namespace

void add_keygen(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<KeygenOptions>();
  arguments::Command command =
      app.add_command("keygen", "Make a replica's key, and the member.json to share");
  command.add_option("--out", options->out, "Folder of the replica").required();
  command.add_option("--name", options->name, "The organisation, for people").required();
  command.add_option("--peer", options->peer, "HOST:PORT where other replicas connect").required();
  command
      .add_option("--client-url", options->client_url,
                  "ws://HOST:PORT or wss://HOST:PORT where clients connect")
      .required();
  command.when_chosen(
      [&chosen, options] { chosen.run = [options] { return run_keygen(*options); }; });
}

}  // namespace prytany::cli
