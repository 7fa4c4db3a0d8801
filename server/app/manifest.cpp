// prytany.json: name, version, roles, limits. Strict, because a misspelt member would silently mean
// nothing.
#include <algorithm>

#include "server/app/bundle.h"
#include "server/wire/json_reader.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

using simdjson::SUCCESS;
using wire::Json;

constexpr const char* manifest_path = "prytany.json";

Failure bad(const std::string& what) { return bad_application(manifest_path, what); }

bool is_word(std::string_view text) {
  constexpr std::size_t word_bytes_max = 64;
  const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto rest = [&](char c) { return small(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= word_bytes_max && small(text[0]) &&
         std::all_of(text.begin(), text.end(), rest);
}

bool is_text(Json json, std::string_view expected) {
  std::string_view text;
  return json.get(text) == SUCCESS && text == expected;
}

/// Members one by one; what nobody asked for is refused in the end.
class Members {
 public:
  Members(simdjson::dom::object object, std::string where)
      : object_(object), where_(std::move(where)) {}

  std::optional<Json> find(const char* name) {
    asked_.insert(name);
    Json found;
    if (object_.at_key(name).get(found) != SUCCESS) return std::nullopt;
    return found;
  }
  std::optional<Failure> text(const char* name, std::string& out, bool required) {
    constexpr std::size_t text_bytes_max = 200;
    const std::optional<Json> value = find(name);
    if (!value) {
      if (!required) return std::nullopt;
      return bad(where_ + "'" + name + "' is missing");
    }
    std::string_view text;
    if (value->get(text) != SUCCESS || text.empty() || text.size() > text_bytes_max)
      return bad(where_ + "'" + name + "' must be a text of 1 to 200 bytes");
    out = text;
    return std::nullopt;
  }
  std::optional<Failure> finish() const {
    for (const auto& [name, value] : object_)
      if (!asked_.contains(name)) return bad(where_ + "unknown member '" + std::string(name) + "'");
    return std::nullopt;
  }

 private:
  simdjson::dom::object object_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
};

std::optional<Failure> read_keys(simdjson::dom::array list, const std::string& where, Role& role) {
  for (const Json item : list) {
    std::string_view hex;
    const auto bytes = item.get(hex) == SUCCESS ? from_hex(hex) : std::nullopt;
    const auto key = bytes ? crypto::public_key_from(*bytes) : std::nullopt;
    if (!key) return bad(where + "'authorize' lists what is not a public key in hex");
    role.keys.push_back(*key);
  }
  return std::nullopt;
}

std::optional<Failure> read_role(const std::string& name, Json json, Manifest& manifest) {
  const std::string where = "role '" + name + "': ";
  if (!is_word(name))
    return bad("role '" + name + "': a role is a word of small letters, digits and underscores");
  if (name == "admin") return bad("the role 'admin' belongs to the cluster's administrators");
  simdjson::dom::object object;
  if (json.get(object) != SUCCESS) return bad(where + "must be an object, perhaps empty");
  Role role;
  Members members(object, where);
  std::string description;
  if (auto failure = members.text("description", description, false)) return failure;
  if (const auto sql = members.find("sql")) {
    if (is_text(*sql, "read")) {
      role.sql = SqlRight::read;
    } else if (is_text(*sql, "write")) {
      role.sql = SqlRight::write;
    } else if (!is_text(*sql, "none")) {
      return bad(where + "'sql' must be \"none\", \"read\" or \"write\"");
    }
  }
  if (const auto wanted = members.find("explain"))
    if (wanted->get(role.explains) != SUCCESS)
      return bad(where + "'explain' must be true or false");
  if (const auto authorize = members.find("authorize")) {
    simdjson::dom::array keys;
    if (is_text(*authorize, "anyone")) {
      role.anyone = true;
      for (const auto& [other, other_role] : manifest.roles)
        if (other_role.anyone) return bad("'" + other + "' is given to anyone already");
    } else if (authorize->get(keys) == SUCCESS) {
      if (auto failure = read_keys(keys, where, role)) return failure;
    } else {
      return bad(where + "'authorize' must be \"anyone\" or a list of public keys in hex");
    }
  }
  if (auto failure = members.finish()) return failure;
  manifest.roles.emplace(name, std::move(role));
  return std::nullopt;
}

std::optional<Failure> read_topic_roles(const std::string& where, Json json,
                                        const std::map<std::string, Role>& roles, Topic& topic) {
  simdjson::dom::array list;
  topic.any_role = is_text(json, "any");
  if (topic.any_role) return std::nullopt;
  if (json.get(list) != SUCCESS) return bad(where + "'roles' must be \"any\" or a list of roles");
  for (const Json item : list) {
    std::string_view role;
    if (item.get(role) != SUCCESS || (role != "admin" && !roles.contains(std::string(role))))
      return bad(where + "'roles' names a role that 'roles' of prytany.json does not list");
    topic.roles.emplace(role);
  }
  return std::nullopt;
}

std::optional<Failure> read_topic(const std::string& name, Json json, Manifest& manifest) {
  const std::string where = "topic '" + name + "': ";
  if (!is_word(name))
    return bad("topic '" + name + "': a topic is a word of small letters, digits and underscores");
  if (manifest.topics.size() == limits::topics_max)
    return bad("there are more than " + std::to_string(limits::topics_max) + " topics");
  simdjson::dom::object object;
  if (json.get(object) != SUCCESS) return bad(where + "must be an object, perhaps empty");
  Topic topic;
  Members members(object, where);
  if (auto failure = members.text("description", topic.description, false)) return failure;
  if (auto failure = members.text("table", topic.table, false)) return failure;
  if (const auto roles = members.find("roles"))
    if (auto failure = read_topic_roles(where, *roles, manifest.roles, topic)) return failure;
  if (auto failure = members.finish()) return failure;
  manifest.topics.emplace(name, std::move(topic));
  return std::nullopt;
}

std::optional<Failure> read_limits(Json json, Manifest& manifest) {
  simdjson::dom::object object;
  if (json.get(object) != SUCCESS) return bad("'limits' must be an object");
  Members members(object, "limits: ");
  const auto bound = [&](const char* name, std::uint64_t& out) -> std::optional<Failure> {
    const auto value = members.find(name);
    if (value && (value->get(out) != SUCCESS || out == 0))
      return bad("limits: '" + std::string(name) + "' must be a whole number above 0");
    return std::nullopt;
  };
  if (auto failure = bound("steps", manifest.limits.steps)) return failure;
  if (auto failure = bound("rows", manifest.limits.rows)) return failure;
  if (auto failure = bound("bytes", manifest.limits.bytes)) return failure;
  if (const auto idle = members.find("session_idle_s")) {
    constexpr std::int64_t year_s = std::int64_t{366} * 24 * 3600;
    std::int64_t seconds = 0;
    if (idle->get(seconds) != SUCCESS || seconds < 1 || seconds > year_s)
      return bad("limits: 'session_idle_s' must be a whole number from 1 to 31622400");
    manifest.session_idle_us = seconds * 1'000'000;
  }
  if (const auto changes = members.find("changes")) {
    std::uint64_t kept = 0;
    if (changes->get(kept) != SUCCESS || kept < 1 || kept > limits::changes_kept_max)
      return bad("limits: 'changes' must be a whole number from 1 to " +
                 std::to_string(limits::changes_kept_max));
    manifest.changes_kept = kept;
  }
  return members.finish();
}

}  // namespace

Result<Manifest, Failure> read_manifest(std::string_view text) {
  wire::JsonDocument document;
  const auto json = document.parse(text, limits::json_bytes_max);
  if (!json) {
    const std::string_view why = json.error().reason;
    return bad(why.starts_with("not JSON") ? std::string(why) : "not JSON: " + std::string(why));
  }
  simdjson::dom::object object;
  if (json->get(object) != SUCCESS) return bad("must be an object");
  Manifest manifest;
  Members members(object, "");
  if (auto failure = members.text("name", manifest.name, true)) return *failure;
  if (!is_word(manifest.name))
    return bad("'name' must be a word of small letters, digits and underscores");
  if (auto failure = members.text("version", manifest.version, true)) return *failure;
  if (auto failure = members.text("description", manifest.description, false)) return *failure;
  if (const auto roles = members.find("roles")) {
    simdjson::dom::object by_name;
    if (roles->get(by_name) != SUCCESS) return bad("'roles' must be an object");
    for (const auto& [name, role] : by_name)
      if (auto failure = read_role(std::string(name), role, manifest)) return *failure;
  }
  if (const auto topics = members.find("topics")) {
    simdjson::dom::object by_name;
    if (topics->get(by_name) != SUCCESS) return bad("'topics' must be an object");
    for (const auto& [name, topic] : by_name)
      if (auto failure = read_topic(std::string(name), topic, manifest)) return *failure;
  }
  if (const auto limits = members.find("limits"))
    if (auto failure = read_limits(*limits, manifest)) return *failure;
  if (auto failure = members.finish()) return *failure;
  return manifest;
}

}  // namespace prytany::app
