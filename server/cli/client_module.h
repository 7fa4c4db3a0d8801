// client-js as one file, made by client-js/bundle.mjs when this program was built.
#pragma once

#include <string_view>

namespace prytany::cli {

/// UTF-8 text of an ES module.
std::string_view client_module();

}  // namespace prytany::cli
