// Arguments of `prytany call` as they are typed.
#pragma once

#include <string>
#include <string_view>

#include <prytany/client.h>

#include "server/base/result.h"

namespace prytany::cli {

/// `name=value`: an integer, a number, null, a "quoted text" or {"base64": "..."} when it reads as
/// such in JSON; everything else is text as it stands, also other JSON (procedures take it as
/// text). `name:=value`: JSON without exception, so a mistake is refused instead of sent as text.
Result<Named> parse_argument(std::string_view text);

}  // namespace prytany::cli
