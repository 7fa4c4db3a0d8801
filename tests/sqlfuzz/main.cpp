// prytany-sqlfuzz: random SQL on replicas of different history, which must stay equal.
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "server/arguments/arguments.h"
#include "tests/sqlfuzz/campaign.h"

namespace prytany::sqlfuzz {
namespace {

constexpr int exit_failed = 1;

std::string check_plant(const std::string& name) {
  return is_plant(name) ? "" : "it is not one of " + plants();
}

struct Seeds {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// "A..B", or "A".
std::optional<Seeds> seeds_from(const std::string& text) {
  std::size_t used = 0;
  try {
    const std::uint64_t first = std::stoull(text, &used);
    const std::string rest = text.substr(used);
    if (rest.empty()) return Seeds{first, first};
    if (rest.starts_with("..")) return Seeds{first, std::stoull(rest.substr(2))};
  } catch (const std::logic_error&) {
  }
  return std::nullopt;
}

std::string check_seeds(const std::string& text) { return seeds_from(text) ? "" : "wants A..B"; }

int run(int argc, char** argv) {
  CampaignOptions options;
  std::string seeds = "1..100";
  arguments::Program app(
      "Makes random schemas and statements, and executes each request on three replicas of "
      "different history in one process; compares replies and every byte of the states. Exit code "
      "0 only if nothing differed.");
  app.add_option("--seeds", seeds, "A..B").check(check_seeds).shows_default();
  app.add_option("--minutes", options.minutes, "Seeds from A on, so long, instead of up to B");
  app.add_option("--requests", options.requests, "Of each seed").shows_default();
  app.add_option("--plant", options.plant,
                 "Plants a fault in one replica, which must be found: " + plants())
      .check(check_plant);
  app.add_flag("--verbose", options.verbose, "Prints every request, and what became of it");
  app.add_flag("--json", options.json, "Prints the counts as JSON, in the last line");
  if (const auto ended = app.parse(argc, argv)) return print(*ended);
  const Seeds range = *seeds_from(seeds);
  options.first = range.first;
  options.last = range.last;
  return run_campaign(options) ? 0 : exit_failed;
}

}  // namespace
}  // namespace prytany::sqlfuzz

int main(int argc, char** argv) { return prytany::sqlfuzz::run(argc, argv); }
