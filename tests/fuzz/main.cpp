// prytany-fuzz TARGET [libFuzzer's options]   runs one target
// prytany-fuzz --list                         their names
// prytany-fuzz --seeds DIR                    writes what each begins with to DIR/TARGET/
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "server/crypto/digest.h"
#include "tests/fuzz/target.h"

namespace prytany::fuzz {
namespace {

const Target* const all[] = {&decoders, &links,       &client_json, &gateway, &files,
                             &sql,      &application, &journal,     &replica, &group,
                             &transfer, &client,      &proofs};
const Target* chosen = nullptr;

const Target* find(const char* name) {
  for (const Target* target : all)
    if (name != nullptr && std::strcmp(target->name, name) == 0) return target;
  return nullptr;
}

/// The names of files are their contents': what is there already stays one file.
void write_seeds(const std::filesystem::path& folder) {
  for (const Target* target : all) {
    const std::filesystem::path to = folder / target->name;
    std::filesystem::create_directories(to);
    for (const Bytes& seed : target->seeds()) {
      std::ofstream file(to / crypto::sha256(seed).hex().substr(0, 16), std::ios::binary);
      file.write(as_text(seed).data(), static_cast<std::streamsize>(seed.size()));
      ENSURE(file.good());
    }
  }
}

[[noreturn]] void usage() {
  std::cerr << "usage: prytany-fuzz TARGET [options of libFuzzer] | --list | --seeds DIR\n";
  std::exit(2);
}

void choose(int* argc, char*** argv) {
  // libFuzzer starts itself again for some of its work, with all arguments but ours: those read the
  // environment.
  constexpr const char* variable = "PRYTANY_FUZZ_TARGET";
  char** const arguments = *argv;
  const std::string first = *argc > 1 ? arguments[1] : "";
  if (first == "--list") {
    for (const Target* target : all) std::cout << target->name << "\n";
    std::exit(0);
  }
  if (first == "--seeds" && *argc == 3) {
    write_seeds(arguments[2]);
    std::exit(0);
  }
  if (find(first.c_str()) != nullptr) {
    setenv(variable, first.c_str(), 1);
    arguments[1] = arguments[0];
    --*argc;
    ++*argv;
  }
  chosen = find(std::getenv(variable));
  if (chosen == nullptr) usage();
}

}  // namespace
}  // namespace prytany::fuzz

extern "C" const char* __asan_default_options();
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

// Where memory was allocated is told by a few frames: to walk the whole stack at each allocation
// took a tenth of the time.
extern "C" const char* __asan_default_options() { return "malloc_context_size=4"; }

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  prytany::fuzz::choose(argc, argv);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  const prytany::fuzz::Target& target = *prytany::fuzz::chosen;
  if (target.mutate == nullptr || seed % 2 == 0) return LLVMFuzzerMutate(data, size, size_max);
  const auto changed = target.mutate({data, size}, seed);
  if (!changed || changed->size() > size_max) return LLVMFuzzerMutate(data, size, size_max);
  std::copy(changed->begin(), changed->end(), data);
  return changed->size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prytany::fuzz::chosen->run({data, size});
  return 0;
}
