// prytany-sqlfuzz: random SQL on replicas of different history, which must stay equal.
#include <CLI/CLI.hpp>

#include "tests/sqlfuzz/campaign.h"

namespace prytany::sqlfuzz {
namespace {

constexpr int exit_failed = 1;

std::string check_plant(const std::string& name) {
  return is_plant(name) ? "" : "it is not one of " + plants();
}

int run(int argc, char** argv) {
  CampaignOptions options;
  std::string seeds = "1..100";
  CLI::App app(
      "Makes random schemas and statements, and executes each request on three replicas of "
      "different history in one process; compares replies and every byte of the states. Exit code "
      "0 only if nothing differed.");
  app.add_option("--seeds", seeds, "A..B")->capture_default_str();
  app.add_option("--minutes", options.minutes, "Seeds from A on, so long, instead of up to B");
  app.add_option("--requests", options.requests, "Of each seed")->capture_default_str();
  app.add_option("--plant", options.plant,
                 "Plants a fault in one replica, which must be found: " + plants())
      ->check(check_plant);
  app.add_flag("--verbose", options.verbose, "Prints every request, and what became of it");
  app.add_flag("--json", options.json, "Prints the counts as JSON, in the last line");
  app.callback([&] {
    std::size_t used = 0;
    try {
      options.first = std::stoull(seeds, &used);
      const std::string rest = seeds.substr(used);
      options.last = options.first;
      if (rest.starts_with(".."))
        options.last = std::stoull(rest.substr(2));
      else if (!rest.empty())
        throw CLI::ValidationError("--seeds", "wants A..B");
    } catch (const std::logic_error&) {
      throw CLI::ValidationError("--seeds", "wants A..B");
    }
  });
  CLI11_PARSE(app, argc, argv);
  return run_campaign(options) ? 0 : exit_failed;
}

}  // namespace
}  // namespace prytany::sqlfuzz

int main(int argc, char** argv) { return prytany::sqlfuzz::run(argc, argv); }
