// DIR/pid: the number of the process that runs on this folder, locked for as long as it runs. The
// lock, not the number, is what keeps a second one out: it vanishes with the process, however that
// ends.
#pragma once

#include <string>

#include "server/base/result.h"
#include "server/net/socket.h"

namespace prytany::cli {

class PidFile {
 public:
  /// Refused, naming the other process, when one runs.
  static Result<PidFile> take(const std::string& path);
  PidFile(PidFile&&) = default;
  PidFile& operator=(PidFile&&) = default;
  /// Leaves the file empty.
  ~PidFile();

 private:
  explicit PidFile(net::Fd fd) : fd_(std::move(fd)) {}
  net::Fd fd_;
};

}  // namespace prytany::cli
