// prytany-sqllogictest: SQL scripts in sqllogictest's format against real replicas.
#include <cstdio>

#include "server/arguments/arguments.h"
#include "server/cli/genesis.h"
#include "tests/sqllogictest/suite.h"

namespace prytany::slt {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

int run(int argc, char** argv) {
  SuiteOptions options;
  arguments::Program app(
      "Runs scripts in sqllogictest's format, as engine `sqlite`: each on fresh replicas, each "
      "record as one ordered request; compares results, and then the replicas' digests. Exit code "
      "0: nothing failed, where what docs/reference/sql.md says is refused does not count; 1: "
      "something failed; 2: nothing was run.");
  app.add_option("FILE", options.paths, "Scripts, or folders of *.test").required();
  app.add_option("--replicas", options.cluster.replicas, "n").between(1, 100).shows_default();
  auto faults = app.add_option("--faults", options.cluster.faults,
                               "f: replicas that may be faulty; without it, (n-1)/3");
  app.add_option("--durability", options.cluster.durability,
                 "log: every vote is on disk before it leaves; none: nothing is")
      .one_of({"log", "none"})
      .shows_default();
  app.add_option("--depth", options.depth,
                 "Records under way at once; statements wait for queries before them")
      .between(1, 1000)
      .shows_default();
  app.add_option("--show", options.shown, "Reports shown of each script").shows_default();
  app.add_flag("--strict", options.strict,
               "What SQLite itself does otherwise than a script says is failed");
  app.add_option("--set", options.cluster.settings,
                 "key=value of genesis.json or of every replica; repeatable");
  app.add_option("--program", options.cluster.program, "prytany; without it, the one beside this");
  if (const auto ended = app.parse(argc, argv)) return print(*ended) == 0 ? 0 : exit_usage;
  if (!faults.given()) options.cluster.faults = (options.cluster.replicas - 1) / 3;
  const auto scripts = scripts_in(options.paths);
  if (!scripts) {
    std::fprintf(stderr, "prytany-sqllogictest: %s\n", scripts.error().message.c_str());
    return exit_usage;
  }
  if (auto possible = check(options.cluster); !possible) {
    std::fprintf(stderr, "prytany-sqllogictest: %s\n", possible.error().message.c_str());
    return exit_usage;
  }
  const pbft::Group group{options.cluster.replicas, options.cluster.faults};
  if (!group.always_live()) std::printf("%s\n", cli::describe(group).c_str());
  const SuiteResult result = run_suite(options, *scripts);
  if (result == SuiteResult::no_records) {
    std::fprintf(stderr,
                 "prytany-sqllogictest: nothing was run: there is no record for engine %s\n",
                 engine);
    return exit_usage;
  }
  return result == SuiteResult::good ? 0 : exit_failed;
}

}  // namespace
}  // namespace prytany::slt

int main(int argc, char** argv) { return prytany::slt::run(argc, argv); }
