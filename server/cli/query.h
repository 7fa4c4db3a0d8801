// What a GET asks of a public procedure: /read/PROCEDURE?name=value&... as a call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/wire/operations.h"

namespace prytany::cli {

/// `arguments`: "name=value" each, decoded from the URL. A value that is a JSON number, a quoted
/// JSON string or null is that, any other one is text as it stands: 7, 2.5, "7", null, Anna. The
/// error says what to write instead.
Result<wire::Call> call_of(std::string_view procedure, const std::vector<std::string>& arguments);

}  // namespace prytany::cli
