// prytany-bench-scaling: what an operation takes in groups of different sizes, counted in the
// simulator.
#include <cstdio>
#include <string>
#include <vector>

#include "server/arguments/arguments.h"
#include "tests/sim/scaling/scaling_report.h"

namespace {

using namespace prytany::sim;

struct ScalingCommand {
  std::vector<unsigned> replicas = {4, 7, 13, 31, 100};
  std::vector<std::string> networks = {"lan", "wan"};
  std::vector<std::string> settings;
  ScalingOptions options;
  bool json = false;

  void describe(prytany::arguments::Command app);
  /// Empty: understood.
  std::string apply_settings();
  int run() const;
};

void ScalingCommand::describe(prytany::arguments::Command app) {
  app.add_option("--replicas", replicas, "n; several with commas")
      .separated_by(',')
      .between(4U, static_cast<unsigned>(prytany::limits::replicas_max))
      .shows_default();
  app.add_option("--network", networks,
                 "lan: 0.1 ms, 1 Gbit/s a machine; wan: three regions, 1 ms within and 40, 80 and "
                 "100 ms between; thin: the same with 25 Mbit/s")
      .separated_by(',')
      .one_of({"lan", "wan", "thin"})
      .shows_default();
  app.add_option("--clients", options.clients, "C sessions, dealt out to the regions")
      .between(1, 4096)
      .shows_default();
  app.add_option("--depth", options.load.depth, "requests outstanding in each")
      .between(1, 64)
      .shows_default();
  app.add_option("--requests", options.requests, "of each client, measured")
      .between(1, 1'000'000)
      .shows_default();
  app.add_option("--size", options.load.size, "bytes of a request")
      .between(0, 65'536)
      .shows_default();
  app.add_option("--set", settings,
                 "a choice of genesis: requests=mac or signed, votes=mac or signed, "
                 "dissemination=primary or all");
  app.add_flag("--json", json, "one JSON object in each line");
}

std::string ScalingCommand::apply_settings() {
  for (const std::string& setting : settings) {
    if (setting == "requests=mac" || setting == "requests=signed") {
      options.mac_requests = setting == "requests=mac";
    } else if (setting == "votes=mac" || setting == "votes=signed") {
      options.signed_votes = setting == "votes=signed";
    } else if (setting == "dissemination=primary" || setting == "dissemination=all") {
      options.bodies_apart = setting == "dissemination=all";
    } else {
      return "--set " + setting + ": requests, votes or dissemination, as --help says";
    }
  }
  return {};
}

int ScalingCommand::run() const {
  if (!json) std::printf("%s", scaling_heading().c_str());
  for (const std::string& network : networks) {
    for (const unsigned n : replicas) {
      ScalingOptions each = options;
      each.replicas = n;
      const auto row = MeteredGroup(each, *geography_named(network)).run();
      if (!row) {
        std::fprintf(stderr, "prytany-bench-scaling: %u replicas, %s: %s\n", n, network.c_str(),
                     row.error().message.c_str());
        return 1;
      }
      std::printf("%s", (json ? to_json(*row) + "\n" : scaling_line(*row)).c_str());
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  prytany::arguments::Program app(
      "What an operation takes in groups of n replicas: messages, bytes, tags, signatures "
      "and time, of real replicas in virtual time (bench/README.md)",
      "prytany-bench-scaling");
  ScalingCommand command;
  command.describe(app);
  if (const auto ended = app.parse(argc, argv)) return print(*ended) == 0 ? 0 : 2;
  if (const std::string wrong = command.apply_settings(); !wrong.empty()) {
    std::fprintf(stderr, "prytany-bench-scaling: %s\n", wrong.c_str());
    return 2;
  }
  return command.run();
}
