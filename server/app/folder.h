// A SQL application on disk. The only file here that reads files: it runs in tools and tests, never
// in execution.
#pragma once

#include <string>

#include "server/base/result.h"
#include "server/wire/operations.h"

namespace prytany::app {

/// prytany.json, schema/, procedures/ and web/ of the folder `path`, ready to be installed. Other
/// things there (tests, data, notes) stay behind, as do names that begin with a dot. Refused with a
/// reason: what cannot be read or is too large, links, and everything that read_bundle() would
/// refuse.
Result<wire::Install> load_application_folder(const std::string& path);

}  // namespace prytany::app
