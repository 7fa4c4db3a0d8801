// prytany.json: name, version, roles, limits. Strict, because a misspelt member would silently mean
// nothing.
#include <algorithm>

#include "server/app/bundle.h"
#include "server/wire/json_reader.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

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

/// Members one by one; what nobody asked for is refused in the end.
class Members {
 public:
  Members(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  const Json* find(const char* name) {
    asked_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  std::optional<Failure> text(const char* name, std::string& out, bool required) {
    constexpr std::size_t text_bytes_max = 200;
    const Json* value = find(name);
    if (value == nullptr) {
      if (!required) return std::nullopt;
      return bad(where_ + "'" + name + "' is missing");
    }
    if (!value->is_string() || value->get_ref<const std::string&>().size() > text_bytes_max ||
        value->get_ref<const std::string&>().empty())
      return bad(where_ + "'" + name + "' must be a text of 1 to 200 bytes");
    out = value->get<std::string>();
    return std::nullopt;
  }
  std::optional<Failure> finish() const {
    for (const auto& [name, value] : object_.items())
      if (!asked_.contains(name)) return bad(where_ + "unknown member '" + name + "'");
    return std::nullopt;
  }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string> asked_;
};

std::optional<Failure> read_keys(const Json& list, const std::string& where, Role& role) {
  for (const Json& item : list) {
    const auto bytes = item.is_string() ? from_hex(item.get<std::string>()) : std::nullopt;
    const auto key = bytes ? crypto::public_key_from(*bytes) : std::nullopt;
    if (!key) return bad(where + "'authorize' lists what is not a public key in hex");
    role.keys.push_back(*key);
  }
  return std::nullopt;
}

std::optional<Failure> read_role(const std::string& name, const Json& json, Manifest& manifest) {
  const std::string where = "role '" + name + "': ";
  if (!is_word(name))
    return bad("role '" + name + "': a role is a word of small letters, digits and underscores");
  if (name == "admin") return bad("the role 'admin' belongs to the cluster's administrators");
  if (!json.is_object()) return bad(where + "must be an object, perhaps empty");
  Role role;
  Members members(json, where);
  std::string description;
  if (auto failure = members.text("description", description, false)) return failure;
  if (const Json* sql = members.find("sql")) {
    if (*sql == "read") {
      role.sql = SqlRight::read;
    } else if (*sql == "write") {
      role.sql = SqlRight::write;
    } else if (*sql != "none") {
      return bad(where + "'sql' must be \"none\", \"read\" or \"write\"");
    }
  }
  if (const Json* authorize = members.find("authorize")) {
    if (*authorize == "anyone") {
      role.anyone = true;
      for (const auto& [other, other_role] : manifest.roles)
        if (other_role.anyone) return bad("'" + other + "' is given to anyone already");
    } else if (authorize->is_array()) {
      if (auto failure = read_keys(*authorize, where, role)) return failure;
    } else {
      return bad(where + "'authorize' must be \"anyone\" or a list of public keys in hex");
    }
  }
  if (auto failure = members.finish()) return failure;
  manifest.roles.emplace(name, std::move(role));
  return std::nullopt;
}

std::optional<Failure> read_limits(const Json& json, Manifest& manifest) {
  if (!json.is_object()) return bad("'limits' must be an object");
  Members members(json, "limits: ");
  if (const Json* steps = members.find("steps")) {
    if (!steps->is_number_unsigned() || steps->get<std::uint64_t>() == 0)
      return bad("limits: 'steps' must be a whole number above 0");
    manifest.steps_max = steps->get<std::uint64_t>();
  }
  return members.finish();
}

}  // namespace

Result<Manifest, Failure> read_manifest(std::string_view text) {
  const auto json = wire::parse_json(text, limits::json_bytes_max);
  if (!json) return bad(std::string("not JSON: ") + json.error().reason);
  if (!json->is_object()) return bad("must be an object");
  Manifest manifest;
  Members members(*json, "");
  if (auto failure = members.text("name", manifest.name, true)) return *failure;
  if (!is_word(manifest.name))
    return bad("'name' must be a word of small letters, digits and underscores");
  if (auto failure = members.text("version", manifest.version, true)) return *failure;
  if (auto failure = members.text("description", manifest.description, false)) return *failure;
  if (const Json* roles = members.find("roles")) {
    if (!roles->is_object()) return bad("'roles' must be an object");
    for (const auto& [name, role] : roles->items())
      if (auto failure = read_role(name, role, manifest)) return *failure;
  }
  if (const Json* limits = members.find("limits"))
    if (auto failure = read_limits(*limits, manifest)) return *failure;
  if (auto failure = members.finish()) return *failure;
  return manifest;
}

}  // namespace prytany::app
