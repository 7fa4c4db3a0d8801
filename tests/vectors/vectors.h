// Golden vectors: what the code gives for fixed keys and samples, as files that other
// implementations can be checked against. docs/wire.md explains every field.
#pragma once

#include <string>

#include "tests/vectors/samples.h"

namespace prytany::vectors {

struct File {
  std::string name;  // "requests.json"
  std::string text;
};

/// All of tests/vectors/*.json, made anew.
std::vector<File> files();

/// The worked example of docs/wire.md, as Markdown: one request byte for byte, its digest and its
/// signature. The page holds it between two marker lines.
std::string worked_example();

}  // namespace prytany::vectors
