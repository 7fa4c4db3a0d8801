#include "server/cli/dev_watch.h"

#include <chrono>

#include "server/app/bundle.h"
#include "server/app/folder.h"
#include "server/cli/install.h"

namespace prytany::cli {
namespace {

/// Who stops `dev` waits so long for an installation that gets no answer.
constexpr unsigned reinstall_timeout_s = 10;

}  // namespace

FolderWatch::FolderWatch(std::string folder)
    : folder_(std::move(folder)), known_(look()), last_(known_) {}

Digest FolderWatch::look() const {
  const auto bundle = app::load_application_folder(folder_);
  if (bundle) return app::application_digest(*bundle);
  // That it cannot be read is a state, too: told once, and over when it can.
  return crypto::sha256(as_bytes(bundle.error().message));
}

bool FolderWatch::changed() {
  const Digest now = look();
  const bool settled = now == last_;
  last_ = now;
  if (!settled || now == known_) return false;
  known_ = now;
  return true;
}

Reinstaller::Reinstaller(std::string folder, std::string genesis_file, std::string key_file)
    : folder_(std::move(folder)),
      genesis_file_(std::move(genesis_file)),
      key_file_(std::move(key_file)),
      watch_(folder_) {}

std::optional<std::string> Reinstaller::look() {
  if (installing_.valid()) {
    if (installing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
      return std::nullopt;
    const Status status = installing_.get();
    if (status) return "WATCH " + folder_ + " has changed and is installed";
    return "WATCH " + folder_ +
           " is not installed, and what was before goes on: " + status.error().message + " (" +
           status.error().code + ")";
  }
  if (watch_.changed())
    installing_ = std::async(std::launch::async, [this] {
      return install_application(folder_, genesis_file_, key_file_, reinstall_timeout_s);
    });
  return std::nullopt;
}

}  // namespace prytany::cli
