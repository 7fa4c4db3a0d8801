// Where clients are, as far as it costs something to be elsewhere: who shares a host shares what a
// host may have, and takes turns with other hosts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prytany::node {

/// Of an IPv6 address the first 64 bits, as text: whoever has one has 2^64 that begin so. Any other
/// text is a host as it is.
std::string host_of(std::string_view address);

/// The same in every process, and far from others'.
std::uint64_t number_of_host(std::string_view host);

}  // namespace prytany::node
