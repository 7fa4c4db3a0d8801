#include "tests/sim/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/sim/script.h"

namespace prytany::sim {

namespace {

using Json = nlohmann::ordered_json;

std::string replay(std::uint64_t seed, const Options& options) {
  if (!options.called_by.empty()) {
    const std::string number = std::to_string(seed);
    return std::string(options.called_by) + " --seeds " + number + ".." + number + " --trace";
  }
  std::string command = "prytany-sim --seed " + std::to_string(seed) + " --replicas " +
                        std::to_string(options.replicas) + " --faults " +
                        std::to_string(options.faults);
  if (options.profile != nullptr) command += " --profile " + std::string(options.profile->name);
  for (const PlantName& plant : plants) {
    if (plant.plant == options.plant) command += " --plant " + std::string(plant.name);
  }
  if (!options.mutant.empty()) command += " --mutant " + std::string(options.mutant);
  return command + " --trace";
}

}  // namespace

std::string to_message(const RunResult& result) {
  const RunCounters& c = result.counters;
  Json json;
  json["seed"] = result.options.seed;
  if (result.options.script != nullptr) json["test"] = result.options.script->name;
  json["ok"] = result.ok();
  json["trace_hash"] = result.trace_hash.hex();
  json["simulated_ms"] = result.simulated_us / 1'000;
  json["requests"] = c.requests;
  json["repeated"] = c.repeated;
  json["fast_reads"] = c.fast_reads;
  json["batches"] = c.batches;
  json["checkpoints"] = c.checkpoints;
  json["kills"] = c.kills;
  json["lies"] = c.lies;
  json["attacks"] = c.attacks;
  json["confided"] = c.confided;
  json["filled"] = c.filled;
  json["longest_ms"] = c.longest_us / 1'000;
  json["longest_join_ms"] = c.longest_join_us / 1'000;
  json["replaced_ms"] = c.replaced_us / 1'000;
  json["slowest_mean_ms"] = c.slowest_mean_us / 1'000;
  json["disk_stops"] = c.disk_stops;
  json["halts"] = c.halts;
  json["views"] = c.views;
  json["state_transfers"] = c.state_transfers;
  json["frames_refused"] = c.frames_refused;
  json["events"] = c.events;
  if (result.excused) json["excused"] = true;
  json["parameters"] = result.parameters;
  json["coverage"] = result.coverage.flat();
  if (!result.ok()) {
    json["violations"] = result.violations;
    json["last_lines"] = result.last_lines;
  }
  return json.dump();
}

Line line_of(const Outcome& outcome, const Options& options) {
  Json json;
  if (!outcome.output.empty()) json = Json::parse(outcome.output);
  Line line;
  const bool alive = outcome.death.empty() && json.contains("ok");
  line.ok = alive && json["ok"].get<bool>();
  if (!alive) {
    json = {{"seed", outcome.seed}, {"ok", false}, {"trace_hash", ""}, {"simulated_ms", 0}};
    json["violations"] = {"process: " + outcome.death};
  }
  json["wall_ms"] = outcome.wall_ms;
  const auto tail = json.value("last_lines", std::vector<std::string>{});
  json.erase("last_lines");
  line.coverage = Coverage::from_flat(json.value("coverage", std::vector<std::uint64_t>{}));
  json.erase("coverage");
  line.excused = json.value("excused", false);
  line.simulated_ms = json["simulated_ms"];
  line.batches = json.value("batches", std::uint64_t{0});
  line.requests = json.value("requests", std::uint64_t{0});
  if (!alive && options.script != nullptr) json["test"] = options.script->name;
  if (!line.ok) json["replay"] = replay(outcome.seed, options);
  line.json = json.dump();

  line.text = "seed " + std::to_string(outcome.seed) +
              (!line.ok       ? " FAILED  "
               : line.excused ? " excused  "
                              : " ok  ") +
              (options.script != nullptr ? options.script->name + "  " : "") +
              json["trace_hash"].get<std::string>().substr(0, 16) + "  " +
              std::to_string(line.simulated_ms) + " ms simulated in " +
              std::to_string(outcome.wall_ms) + " ms";
  if (alive)
    line.text += "  " + std::to_string(json["requests"].get<std::uint64_t>()) + " requests, " +
                 std::to_string(json["checkpoints"].get<std::uint64_t>()) + " checkpoints, " +
                 std::to_string(json["kills"].get<std::uint64_t>()) + " kills, " +
                 std::to_string(json["views"].get<std::uint64_t>()) + " views";
  if (!line.ok) {
    for (const auto& violation : json["violations"])
      line.text += "\n  " + violation.get<std::string>();
    if (alive) line.text += "\n  with " + json["parameters"].get<std::string>();
    line.text += "\n  the trace ends:";
    for (const std::string& last : tail) line.text += "\n    " + last;
    line.text += "\n  replay: " + replay(outcome.seed, options);
  }
  return line;
}

void Summary::add(const Line& line, std::uint64_t processor_ms) {
  ++seeds_;
  failed_ += line.ok ? 0 : 1;
  excused_ += line.excused ? 1 : 0;
  simulated_ms_ += line.simulated_ms;
  batches_ += line.batches;
  requests_ += line.requests;
  processor_ms_ += processor_ms;
  coverage_.add(line.coverage);
}

bool Summary::ok() const { return failed_ == 0 && (seeds_ < 100 || 50 * excused_ < seeds_); }

std::string Summary::json() const {
  // Whole numbers: simulated milliseconds in one of processor time, commits in a hundred seconds.
  Json json{{"seeds", seeds_},
            {"failed", failed_},
            {"excused", excused_},
            {"speed", simulated_ms_ / std::max<std::uint64_t>(processor_ms_, 1)},
            {"batches_per_second", rate(batches_)},
            {"requests_per_second", rate(requests_)}};
  return json.dump();
}

std::string Summary::text() const {
  return std::to_string(seeds_) + " seeds, " + std::to_string(failed_) + " failed, " +
         std::to_string(excused_) + " excused; " +
         std::to_string(simulated_ms_ / std::max<std::uint64_t>(processor_ms_, 1)) +
         " times as fast as the clock (of one processor), " + std::to_string(rate(batches_)) +
         " batches and " + std::to_string(rate(requests_)) + " requests in a simulated second";
}

std::uint64_t Summary::rate(std::uint64_t count) const {
  return count * 1'000 / std::max<std::uint64_t>(simulated_ms_, 1);
}

}  // namespace prytany::sim
