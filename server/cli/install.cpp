#include "server/cli/install.h"

namespace prytany::cli {

Status install_application(const std::string& app_folder, const std::string&, const std::string&) {
  return Failure{ExitCode::failed, "unsupported",
                 app_folder + ": this build has no client to install applications with"};
}

}  // namespace prytany::cli
