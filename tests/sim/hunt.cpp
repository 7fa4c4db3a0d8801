#include "tests/sim/hunt.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>

#include "tests/sim/report.h"

namespace prytany::sim {

namespace {

using Json = nlohmann::ordered_json;

/// Where a bug is looked for of which nobody knows where it shows.
constexpr std::string_view rotation =
    "everything byzantine twins swarm reincarnation kill-all no-log";

std::string run_one(const Options& group, const Try& at) {
  Options options = group;
  options.profile = at.profile;
  options.seed = at.seed;
  return to_message(simulate(options));
}

/// The seed of a catch, without the mutant.
bool is_clean(const HuntOptions& options, const Try& at) {
  bool clean = false;
  run_seeds(
      at.seed, at.seed, options.runner, [&](std::uint64_t) { return run_one(options.group, at); },
      [&](const Outcome& outcome) {
        std::string by;
        clean = outcome.death.empty() && !noticed(outcome, by);
        return true;
      });
  return clean;
}

std::string line_of(const Mutant& mutant, const Catch& caught, bool json) {
  if (json) {
    Json line{{"mutant", mutant.name},    {"file", mutant.file},
              {"caught", caught.caught},  {"profile", caught.at.profile->name},
              {"seed", caught.at.seed},   {"tries", caught.tries},
              {"wall_ms", caught.wall_ms}};
    if (caught.caught) {
      line["by"] = caught.by;
      line["holds_without"] = caught.clean;
    }
    return line.dump();
  }
  const std::string tried =
      std::to_string(caught.tries) + " seeds, " + std::to_string(caught.wall_ms) + " ms";
  if (!caught.caught) return std::string(mutant.name) + " SURVIVED  " + tried;
  return std::string(mutant.name) + (caught.clean ? " caught" : " FALSE ALARM") + " by " +
         std::string(caught.at.profile->name) + " " + std::to_string(caught.at.seed) + ", " +
         tried + "  " + caught.by;
}

std::uint64_t median_of(std::vector<std::uint64_t> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

std::vector<const Profile*> profiles_for(const Mutant& mutant) {
  std::vector<const Profile*> found;
  const std::string_view names = mutant.profiles == "any" ? rotation : mutant.profiles;
  for (const auto word : std::views::split(names, ' ')) {
    const Profile* profile = profile_named(std::string_view(word.begin(), word.end()));
    if (profile == nullptr) return {};
    found.push_back(profile);
  }
  return found;
}

Try nth_try(const std::vector<const Profile*>& profiles, std::uint64_t number) {
  return {profiles[number % profiles.size()], 1 + number / profiles.size()};
}

bool noticed(const Outcome& outcome, std::string& by) {
  if (outcome.hung) return false;
  if (!outcome.death.empty()) {
    by = "process: " + outcome.death;
    const std::size_t at = outcome.errors.find("ENSURE(");
    if (at != std::string::npos)
      by = outcome.errors.substr(0, std::min(outcome.errors.find('\n'), std::size_t{200}));
    return true;
  }
  const Json json = Json::parse(outcome.output);
  if (json["ok"].get<bool>()) return false;
  by = json["violations"][0].get<std::string>();
  return true;
}

Catch hunt(const Mutant& mutant, const HuntOptions& options) {
  const std::vector<const Profile*> profiles = profiles_for(mutant);
  ENSURE(!profiles.empty());
  Catch caught;
  const std::uint64_t began = wall_ms();
  const auto work = [&](std::uint64_t number) {
    plant(mutant);
    return run_one(options.group, nth_try(profiles, number));
  };
  const auto done = [&](const Outcome& outcome) {
    ++caught.tries;
    caught.at = nth_try(profiles, outcome.seed);
    caught.caught = noticed(outcome, caught.by);
    caught.wall_ms = wall_ms() - began;
    return !caught.caught && caught.wall_ms < options.budget_ms;
  };
  run_seeds(0, ~std::uint64_t{0} >> 1, options.runner, work, done);
  caught.clean = caught.caught && is_clean(options, caught.at);
  return caught;
}

bool hunt_all(std::span<const Mutant> which, const HuntOptions& options, bool json,
              const std::function<void(const std::string&)>& print) {
  std::vector<std::uint64_t> times;
  std::size_t false_alarms = 0;
  for (const Mutant& mutant : which) {
    const Catch caught = hunt(mutant, options);
    if (caught.caught) times.push_back(caught.wall_ms);
    if (caught.caught && !caught.clean) ++false_alarms;
    print(line_of(mutant, caught, json));
  }
  const std::size_t all = which.size();
  const std::uint64_t median = median_of(times);
  if (json) {
    print(Json{{"mutants", all},
               {"caught", times.size()},
               {"survived", all - times.size()},
               {"false_alarms", false_alarms},
               {"median_ms", median}}
              .dump());
  } else {
    print(std::to_string(times.size()) + " of " + std::to_string(all) + " mutants caught, " +
          std::to_string(false_alarms) + " false alarms, median " + std::to_string(median) + " ms");
  }
  return times.size() == all && false_alarms == 0;
}

}  // namespace prytany::sim
