// prytany new: the folder of a small application that is whole, to be changed into one's own.
#pragma once

#include <string>

#include "server/base/result.h"

namespace prytany::cli {

/// Makes `folder`, which must not be there or be empty, an application with a table, two procedures
/// and a test that passes. Its name is the folder's, as far as that is a word.
Result<void> make_application(const std::string& folder);

}  // namespace prytany::cli
