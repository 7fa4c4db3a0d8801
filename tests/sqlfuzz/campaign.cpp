#include "tests/sqlfuzz/campaign.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>

#include "server/base/ensure.h"
#include "tests/sqlfuzz/generator.h"
#include "tests/sqlfuzz/histories.h"

namespace prytany::sqlfuzz {
namespace {

struct Plant {
  const char* name;
  void (*done)(sqlite3* db);
};

void set(sqlite3* db, const char* sql) {
  ENSURE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
}

constexpr auto all_plants = std::to_array<Plant>({
    {"freed-bytes", [](sqlite3* db) { set(db, "PRAGMA secure_delete = OFF"); }},
    {"row-order", [](sqlite3* db) { set(db, "PRAGMA reverse_unordered_selects = ON"); }},
    {"random",
     [](sqlite3* db) {
       sqlite3_create_function_v2(
           db, "random", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, nullptr,
           [](sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_int(context, 4); },
           nullptr, nullptr, nullptr);
     }},
});

const Plant* plant_of(const std::string& name) {
  for (const Plant& plant : all_plants)
    if (name == plant.name) return &plant;
  return nullptr;
}

std::string joined(const std::vector<std::string>& statements) {
  std::string text;
  for (const std::string& sql : statements) text += "  " + sql + ";\n";
  return text;
}

enum class End : std::uint8_t { equal, differed, died };

/// A seed in a process of its own; what it prints comes out at once.
End run_apart(std::uint64_t seed, const CampaignOptions& options, SeedCounts& counts) {
  std::fflush(stdout);
  std::array<int, 2> ends{};
  ENSURE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  ENSURE(child >= 0);
  if (child == 0) {
    const auto difference = run_seed(seed, options, counts);
    if (difference) std::printf("seed %ju: %s\n", std::uintmax_t{seed}, difference->c_str());
    std::fflush(stdout);
    const bool told = ::write(ends[1], &counts, sizeof counts) == sizeof counts;
    ::_exit(!told ? 2 : difference ? 1 : 0);
  }
  ::close(ends[1]);
  if (::read(ends[0], &counts, sizeof counts) != sizeof counts) counts = {};
  ::close(ends[0]);
  int status = 0;
  ENSURE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return End::equal;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1) return End::differed;
  std::printf("seed %ju: the process ended, with status %d\n", std::uintmax_t{seed}, status);
  return End::died;
}

}  // namespace

std::string plants() {
  std::string names;
  for (const Plant& plant : all_plants)
    names += (names.empty() ? "" : ", ") + std::string(plant.name);
  return names;
}
bool is_plant(const std::string& name) { return plant_of(name) != nullptr; }

std::optional<std::string> run_seed(std::uint64_t seed, const CampaignOptions& options,
                                    SeedCounts& counts) {
  Dice dice(seed);
  Generator generator(dice.below(~std::uint64_t{0}));
  Histories histories(dice.below(~std::uint64_t{0}));
  if (const Plant* plant = plant_of(options.plant)) histories.sabotage(plant->done);
  std::optional<std::string> difference;
  for (std::uint64_t i = 1; i <= options.requests && !difference; ++i) {
    const std::vector<std::string> statements = generator.next();
    const Histories::Step step = histories.sql(statements);
    const std::string code = app::code_of(step.outcome);
    generator.tell(code.empty());
    if (code.empty()) ++counts.answered;
    if (options.verbose)
      std::printf("request %ju: %s\n%s", std::uintmax_t{i}, code.empty() ? "done" : code.c_str(),
                  joined(statements).c_str());
    if (step.difference)
      difference =
          "request " + std::to_string(i) + ": " + *step.difference + "\n" + joined(statements);
  }
  if (!difference)
    if (const auto last = histories.settle()) difference = "at the end: " + *last;
  if (difference && difference->ends_with('\n')) difference->pop_back();
  const Histories::Events& events = histories.events();
  counts.requests = events.requests;
  counts.restarts = events.restarts;
  counts.recoveries = events.recoveries;
  counts.checkpoints = events.checkpoints;
  return difference;
}

bool run_campaign(const CampaignOptions& options) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::minutes(options.minutes);
  const auto goes_on = [&](std::uint64_t seed) {
    return options.minutes > 0 ? Clock::now() < end : seed <= options.last;
  };
  SeedCounts all;
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = options.first; goes_on(seed); ++seed) {
    SeedCounts counts;
    ++seeds;
    if (run_apart(seed, options, counts) != End::equal) {
      ++failed;
      std::printf("again: prytany-sqlfuzz --seeds %ju..%ju --requests %ju%s%s\n",
                  std::uintmax_t{seed}, std::uintmax_t{seed}, std::uintmax_t{options.requests},
                  options.plant.empty() ? "" : " --plant ", options.plant.c_str());
    }
    all.requests += counts.requests;
    all.answered += counts.answered;
    all.restarts += counts.restarts;
    all.recoveries += counts.recoveries;
    all.checkpoints += counts.checkpoints;
  }
  std::printf(
      "%ju requests, %ju answered without an error, %ju restarts, %ju recoveries, "
      "%ju checkpoints\n",
      std::uintmax_t{all.requests}, std::uintmax_t{all.answered}, std::uintmax_t{all.restarts},
      std::uintmax_t{all.recoveries}, std::uintmax_t{all.checkpoints});
  if (options.json)
    std::printf(
        "{\"seeds\": %ju, \"failed\": %ju, \"requests\": %ju, \"answered\": %ju, "
        "\"restarts\": %ju, \"recoveries\": %ju, \"checkpoints\": %ju}\n",
        std::uintmax_t{seeds}, std::uintmax_t{failed}, std::uintmax_t{all.requests},
        std::uintmax_t{all.answered}, std::uintmax_t{all.restarts}, std::uintmax_t{all.recoveries},
        std::uintmax_t{all.checkpoints});
  else
    std::printf("%ju passed, %ju failed\n", std::uintmax_t{seeds - failed}, std::uintmax_t{failed});
  return failed == 0 && seeds > 0;
}

}  // namespace prytany::sqlfuzz
