// Installing an application's folder on a cluster: for `install`, `dev` and the demo.
#pragma once

#include <string>

#include "server/cli/command.h"

namespace prytany::cli {

/// Reads the application in `app_folder` and installs it, as the administrator whose key `key_file`
/// holds, on the cluster of `genesis_file`. Returns when weak_quorum() replicas confirmed it, or
/// after `timeout_s`.
Status install_application(const std::string& app_folder, const std::string& genesis_file,
                           const std::string& key_file, unsigned timeout_s = 60);

}  // namespace prytany::cli
