// The roll of an election as people keep it: a CSV file with the columns id, name, district.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"

namespace prytany::cli {

struct Voter {
  std::string id;
  std::string name;
  std::string district;
  bool operator==(const Voter&) const = default;
};

/// Rows of RFC 4180: quoted fields, doubled quotes, line breaks inside quotes; LF or CRLF, and a
/// byte-order mark, are accepted. The first row names the columns, in any order; others are
/// ignored. An Error names the row and what is wrong with it: nothing is half imported.
Result<std::vector<Voter>> parse_roll(std::string_view csv);

}  // namespace prytany::cli
