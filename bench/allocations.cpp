#include "bench/allocations.h"

#include <filesystem>
#include <fstream>

namespace prytany::bench {
namespace {

std::string file_of(const std::string& folder) { return folder + "/allocations"; }

}  // namespace

Result<std::vector<std::string>> environment_to_count_allocations(const std::string& folder) {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string library = program.parent_path() / "prytany-count-allocations.so";
  if (failed || !std::filesystem::exists(library, failed))
    return Error{"allocations are counted by " + library +
                 ", which is not there: builds without "
                 "sanitizers have it"};
  return std::vector<std::string>{"LD_PRELOAD=" + library,
                                  "PRYTANY_COUNT_ALLOCATIONS=" + file_of(folder)};
}

Result<std::uint64_t> allocations_of(const std::string& folder, pid_t process) {
  const std::string path = file_of(folder) + "." + std::to_string(process);
  std::ifstream in(path, std::ios::binary);
  std::uint64_t count = 0;
  if (!in.read(reinterpret_cast<char*>(&count), sizeof count))
    return Error{"process " + std::to_string(process) + " does not count its allocations"};
  return count;
}

}  // namespace prytany::bench
