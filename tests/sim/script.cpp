#include "tests/sim/script.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/wire/codec.h"

namespace prytany::sim {

namespace {

using ScriptJson = nlohmann::json;

/// Each is a client with connections to all replicas: more would make a run slow.
constexpr std::size_t actors_max = 40;

/// Longer than any test: ten years.
constexpr std::int64_t identity_life_us = 315'360'000'000'000;

/// A value that is not what it should be; caught before it leaves this file.
[[noreturn]] void refuse_script(const std::string& why) { throw Error{why}; }

template <class T>
T decoded(const ScriptJson& hex) {
  const auto bytes = from_hex(hex.get<std::string>());
  if (!bytes) refuse_script("what is to be hexadecimal is not");
  auto value = wire::decode<T>(*bytes);
  if (!value) refuse_script("what is encoded cannot be read");
  return std::move(*value);
}

Actor actor_from(const ScriptJson& json) {
  Actor actor;
  actor.name = json.at("name").get<std::string>();
  const auto key = from_hex(json.at("key").get<std::string>());
  if (!key || key->size() != actor.key.size()) refuse_script("an actor's key has 32 bytes");
  std::ranges::copy(*key, actor.key.begin());
  return actor;
}

ScriptStep step_from(const ScriptJson& json) {
  static const std::map<std::string, ScriptStep::Kind> kinds{{"join", ScriptStep::Kind::join},
                                                             {"ask", ScriptStep::Kind::ask},
                                                             {"read", ScriptStep::Kind::read},
                                                             {"clock", ScriptStep::Kind::clock}};
  ScriptStep step;
  const auto kind = kinds.find(json.at("do").get<std::string>());
  if (kind == kinds.end()) refuse_script("a step is to join, ask, read or clock");
  step.kind = kind->second;
  step.place = json.at("place").get<std::string>();
  if (json.contains("actor")) step.actor = json.at("actor").get<std::size_t>();
  if (json.contains("operation")) step.asked = decoded<wire::Operation>(json.at("operation"));
  if (json.contains("identity")) step.identity = decoded<wire::Identity>(json.at("identity"));
  if (json.contains("time_us")) step.time = AgreedTime{json.at("time_us").get<std::int64_t>()};
  if (json.contains("forward_us")) step.forward_us = json.at("forward_us").get<std::int64_t>();
  if (json.contains("expected")) step.expected = decoded<wire::Outcome>(json.at("expected"));
  return step;
}

Script script_from(const ScriptJson& json) {
  Script script;
  script.name = json.at("test").get<std::string>();
  script.begin = AgreedTime{json.at("begin_us").get<std::int64_t>()};
  const auto operation = decoded<wire::Operation>(json.at("application"));
  const auto* install = std::get_if<wire::Install>(&operation);
  if (install == nullptr) refuse_script("its application is none");
  script.application = *install;
  for (const ScriptJson& actor : json.at("actors")) script.actors.push_back(actor_from(actor));
  if (script.actors.empty() || script.actors.size() > actors_max)
    refuse_script("the test \"" + script.name + "\" has " + std::to_string(script.actors.size()) +
                  " clients; 1 to " + std::to_string(actors_max) + " can be simulated");
  std::set<std::size_t> joined{0};
  for (const ScriptJson& each : json.at("steps")) {
    ScriptStep step = step_from(each);
    if (step.actor >= script.actors.size()) refuse_script("a step is nobody's");
    // What replicas find has one end for all of them.
    if (step.identity) step.identity->expires = script.begin + identity_life_us;
    if (step.kind == ScriptStep::Kind::join) joined.insert(step.actor);
    if (!joined.contains(step.actor)) refuse_script("somebody asks before joining");
    if (step.kind == ScriptStep::Kind::ask) script.actors[step.actor].asks.push_back(step.asked);
    if (step.kind == ScriptStep::Kind::read) {
      const auto* call = std::get_if<wire::Call>(&step.asked);
      if (call == nullptr) refuse_script("only a call can be read");
      script.public_reads.push_back(*call);
    }
    script.steps.push_back(std::move(step));
  }
  return script;
}

Result<Script> read_script_line(std::string_view line) {
  try {
    return script_from(ScriptJson::parse(line));
  } catch (const ScriptJson::exception& wrong) {
    return Error{wrong.what()};
  } catch (const Error& wrong) {
    return wrong;
  }
}

}  // namespace

bool Script::has_identities() const {
  return std::ranges::any_of(steps,
                             [](const ScriptStep& step) { return step.identity.has_value(); });
}

Result<std::vector<Script>> read_scripts(std::string_view text) {
  std::vector<Script> scripts;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto script = read_script_line(text.substr(0, end));
    if (!script) return Error{"line " + std::to_string(number) + ": " + script.error().message};
    scripts.push_back(std::move(*script));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (scripts.empty()) return Error{"there is no test"};
  return scripts;
}

wire::Outcome comparable(wire::Outcome outcome) {
  if (auto* joined = std::get_if<wire::JoinedReply>(&outcome))
    joined->session = joined->replaced = SessionId{0};
  return outcome;
}

}  // namespace prytany::sim
