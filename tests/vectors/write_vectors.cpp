// write_vectors DIR: writes the golden vectors to DIR, which is tests/vectors of the source tree
// when the wire format has changed on purpose. `write_vectors --example` prints the example of
// docs/wire.md.
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/vectors/vectors.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_vectors DIR | --example\n");
    return 2;
  }
  if (std::string_view(argv[1]) == "--example") {
    std::fputs(prytany::vectors::worked_example().c_str(), stdout);
    return 0;
  }
  for (const auto& file : prytany::vectors::files()) {
    std::ofstream out(std::string(argv[1]) + "/" + file.name, std::ios::binary);
    out << file.text;
    out.close();
    if (!out) {
      std::fprintf(stderr, "cannot write %s/%s\n", argv[1], file.name.c_str());
      return 1;
    }
  }
  return 0;
}
