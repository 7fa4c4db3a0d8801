// One replica as a process: its folder, its sockets, its loop.
#pragma once

#include <string>
#include <vector>

#include "server/app/application.h"
#include "server/cli/command.h"
#include "server/cli/interposer.h"

namespace prytany::cli {

struct ReplicaOptions {
  std::string folder;
  std::string genesis;  // empty: ../genesis.json from the folder
  std::string bind;     // numeric address; empty: that of genesis if numeric, else every address
  std::string client_bind;  // HOST:PORT; empty: as `bind` and the port of the client URL
  std::string peer_bind;    // HOST:PORT; empty: as `bind` and the peer port
  std::vector<std::string> origins;
  std::string tls_certificate;  // PEM files; both or none
  std::string tls_key;
  std::vector<std::string> settings;
  std::string log_level = "info";
  Interposer* between = nullptr;            // the node and its sockets; for test programs
  app::Application* application = nullptr;  // built in; null: what is installed
};

/// Returns when the process was told to stop (SIGTERM, SIGINT), or cannot go on.
Status run_replica(const ReplicaOptions& options);

}  // namespace prytany::cli
