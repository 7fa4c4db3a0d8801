#include "tests/sim/report.h"

#include <nlohmann/json.hpp>

namespace prytany::sim {

namespace {

using Json = nlohmann::ordered_json;

std::string replay(std::uint64_t seed, const Options& options) {
  std::string command = "prytany-sim --seed " + std::to_string(seed) + " --replicas " +
                        std::to_string(options.replicas) + " --faults " +
                        std::to_string(options.faults);
  for (const PlantName& plant : plants) {
    if (plant.plant == options.plant) command += " --plant " + std::string(plant.name);
  }
  return command + " --trace";
}

}  // namespace

std::string to_message(const RunResult& result) {
  const RunCounters& c = result.counters;
  Json json;
  json["seed"] = result.options.seed;
  json["ok"] = result.ok();
  json["trace_hash"] = result.trace_hash.hex();
  json["simulated_ms"] = result.simulated_us / 1'000;
  json["requests"] = c.requests;
  json["repeated"] = c.repeated;
  json["batches"] = c.batches;
  json["checkpoints"] = c.checkpoints;
  json["kills"] = c.kills;
  json["kills_in_turn"] = c.kills_in_turn;
  json["pauses"] = c.pauses;
  json["resets"] = c.resets;
  json["partitions"] = c.partitions;
  json["views"] = c.views;
  json["state_transfers"] = c.state_transfers;
  json["frames_refused"] = c.frames_refused;
  json["events"] = c.events;
  json["parameters"] = result.parameters;
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
  if (!line.ok) json["replay"] = replay(outcome.seed, options);
  line.json = json.dump();

  const std::uint64_t simulated_ms = json["simulated_ms"];
  line.text = "seed " + std::to_string(outcome.seed) + (line.ok ? " ok  " : " FAILED  ") +
              json["trace_hash"].get<std::string>().substr(0, 16) + "  " +
              std::to_string(simulated_ms) + " ms simulated in " + std::to_string(outcome.wall_ms) +
              " ms";
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

std::string summary_json(std::uint64_t seeds, std::uint64_t failed) {
  return "{\"seeds\": " + std::to_string(seeds) + ", \"failed\": " + std::to_string(failed) + "}";
}

}  // namespace prytany::sim
