// The head of a procedure: leading comment lines, of which those that begin with "-- @" are read
// and the others are its description. The grammar is docs/reference/procedures.md.
#include <algorithm>
#include <charconv>

#include "server/app/bundle.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

bool is_name(std::string_view text) {
  constexpr std::size_t name_bytes_max = 64;
  const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto rest = [&](char c) { return small(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= name_bytes_max && small(text[0]) &&
         std::all_of(text.begin(), text.end(), rest);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  return text;
}

/// Words between white space and commas.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.size(), text.find_first_of(" \t,"));
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return words;
}

std::optional<ParameterType> type_named(std::string_view word) {
  if (word == "integer") return ParameterType::integer;
  if (word == "real") return ParameterType::real;
  if (word == "text") return ParameterType::text;
  if (word == "blob") return ParameterType::blob;
  if (word == "any") return ParameterType::any;
  return std::nullopt;
}

/// What is wrong with a directive; empty if nothing.
using Complaint = std::string;

/// "@param NAME TYPE[(MAX)] [optional]"
Complaint read_parameter(const std::vector<std::string_view>& words, ProcedureSource& source) {
  if (words.size() < 3 || words.size() > 4)
    return "write: @param name type, or: @param name type optional";
  Parameter parameter;
  parameter.name = words[1];
  if (!is_name(parameter.name))
    return "'" + parameter.name + "' is not a word of small letters, digits and underscores";
  for (const Parameter& other : source.parameters)
    if (other.name == parameter.name) return "'" + parameter.name + "' is there twice";
  std::string_view type = words[2];
  if (const std::size_t open = type.find('('); open != std::string_view::npos) {
    const std::string_view inside = type.substr(open + 1);
    const auto [end, error] =
        std::from_chars(inside.data(), inside.data() + inside.size(), parameter.bytes_max);
    if (error != std::errc{} || std::string_view(end, inside.data() + inside.size()) != ")" ||
        parameter.bytes_max == 0)
      return "a length is written as in text(200)";
    type = type.substr(0, open);
  }
  const auto known = type_named(type);
  if (!known) return "unknown type '" + std::string(type) + "': integer, real, text, blob or any";
  parameter.type = *known;
  if (parameter.bytes_max != 0 && *known != ParameterType::text && *known != ParameterType::blob)
    return "only text and blob have a length";
  if (words.size() == 4) {
    if (words[3] != "optional") return "after the type only 'optional' may follow";
    parameter.optional = true;
  }
  if (source.parameters.size() == limits::arguments_max) return "too many parameters";
  source.parameters.push_back(std::move(parameter));
  return {};
}

/// "@roles NAME, NAME" or "@roles any"
Complaint read_roles(const std::vector<std::string_view>& words, ProcedureSource& source) {
  if (words.size() < 2) return "write: @roles name, name; or: @roles any";
  if (source.any_role || !source.roles.empty()) return "@roles is there twice";
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "any") {
      if (words.size() > 2) return "'any' stands alone";
      source.any_role = true;
    } else if (!is_name(words[i])) {
      return "'" + std::string(words[i]) + "' is not a role";
    } else {
      source.roles.emplace(words[i]);
    }
  }
  return {};
}

/// "@limits steps=N, rows=N, bytes=N", one of them at least
Complaint read_limits(const std::vector<std::string_view>& words, ProcedureSource& source) {
  constexpr const char* form = "write: @limits steps=100000, rows=100, bytes=10000, or fewer";
  if (words.size() < 2) return form;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = std::min(words[i].size(), words[i].find('='));
    const std::string_view name = words[i].substr(0, equals);
    const std::string_view value = words[i].substr(std::min(words[i].size(), equals + 1));
    std::uint64_t* limit = name == "steps"   ? &source.limits.steps
                           : name == "rows"  ? &source.limits.rows
                           : name == "bytes" ? &source.limits.bytes
                                             : nullptr;
    if (limit == nullptr) return form;
    if (*limit != 0) return "'" + std::string(name) + "' is limited twice";
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *limit);
    if (error != std::errc{} || end != value.data() + value.size() || *limit == 0)
      return "a limit is a whole number above 0, as in " + std::string(name) + "=1000";
  }
  return {};
}

/// "@every 60s" or "@at 03:00"
Complaint read_times(const std::vector<std::string_view>& words, ProcedureSource& source) {
  if (source.schedule) return "a procedure has one @every or one @at";
  if (words.size() == 2) source.schedule = read_schedule(words[0], words[1]);
  if (!source.schedule)
    return "write: @every 60s (or 5m, 1h, 7d; at most 366d), or: @at 03:00 (each day, UTC)";
  return {};
}

Complaint read_directive(std::string_view line, ProcedureSource& source) {
  const std::vector<std::string_view> words = words_of(line);
  const auto flag = [&](bool& set) -> Complaint {
    if (words.size() > 1) return std::string(words[0]) + " stands alone";
    if (set) return std::string(words[0]) + " is there twice";
    set = true;
    return {};
  };
  if (words[0] == "@param") return read_parameter(words, source);
  if (words[0] == "@roles") return read_roles(words, source);
  if (words[0] == "@read-only") return flag(source.read_only);
  if (words[0] == "@public") return flag(source.is_public);
  if (words[0] == "@internal") return flag(source.is_internal);
  if (words[0] == "@limits") return read_limits(words, source);
  if (words[0] == "@every" || words[0] == "@at") return read_times(words, source);
  return "unknown '" + std::string(words[0]) +
         "': @param, @roles, @read-only, @public, @internal, @limits, @every or @at";
}

bool is_for_clients(const ProcedureSource& source) {
  return source.is_public || source.any_role || !source.roles.empty();
}

Complaint check_schedule(const ProcedureSource& source) {
  if (source.read_only) return "what runs by itself and only reads does nothing: not @read-only";
  for (const Parameter& parameter : source.parameters)
    if (!parameter.optional)
      return "nobody gives '" + parameter.name + "' when it runs by itself: make it optional";
  return {};
}

bool takes(const ProcedureSource& source, std::size_t i, const char* name, ParameterType type,
           bool optional = false) {
  const Parameter& parameter = source.parameters[i];
  return parameter.name == name && parameter.type == type && parameter.optional == optional;
}

bool takes_what_authorize_takes(const ProcedureSource& source) {
  const std::size_t count = source.parameters.size();
  if (count != 3 && count != 6) return false;
  const bool first = takes(source, 0, "kind", ParameterType::text) &&
                     takes(source, 1, "name", ParameterType::text) &&
                     takes(source, 2, "credential", ParameterType::blob);
  return first && (count == 3 || (takes(source, 3, "issuer", ParameterType::text, true) &&
                                  takes(source, 4, "subject", ParameterType::text, true) &&
                                  takes(source, 5, "claims", ParameterType::text, true)));
}

/// Of what the cluster asks about those who join.
Complaint check_joining(const ProcedureSource& source) {
  const std::string& name = source.name;
  if (name == authorize_procedure && !takes_what_authorize_takes(source))
    return "authorize takes: @param kind text, @param name text, @param credential blob; and, "
           "where certificates or ID tokens are welcome: @param issuer text optional, "
           "@param subject text optional, @param claims text optional";
  if (name == authorities_procedure && !source.parameters.empty())
    return name + " takes no parameters";
  if (name == token_keys_procedure &&
      (source.parameters.size() != 1 || !takes(source, 0, "issuer", ParameterType::text)))
    return name + " takes: @param issuer text";
  if (!source.read_only) return name + " must be @read-only";
  if (is_for_clients(source) || source.is_internal || source.schedule)
    return name + " is called by the cluster alone: no @roles, @public, @internal, @every, @at";
  return {};
}

/// What is wrong with the head as a whole.
Complaint check_head(const ProcedureSource& source) {
  if (source.name.starts_with("prytany_"))
    return "names that begin with prytany_ are the cluster's own";
  if (source.is_public && !source.read_only)
    return "a @public procedure is read without agreement, so it must be @read-only";
  if (is_for_joining(source.name)) return check_joining(source);
  if (source.is_internal && is_for_clients(source))
    return "an @internal procedure is called by others only: no @roles, no @public";
  if (source.schedule) return check_schedule(source);
  if (!source.is_internal && !is_for_clients(source))
    return "nobody may call it: add @roles name, @roles any, @public, or @internal";
  return {};
}

}  // namespace

Result<ProcedureSource, Failure> read_procedure(const std::string& path, std::string_view text) {
  ProcedureSource source;
  source.name = path.substr(path.rfind('/') + 1);
  source.name.resize(source.name.size() - std::string_view(".sql").size());
  if (!is_name(source.name))
    return bad_application(path,
                           "the file's name must be a word of small letters, digits and "
                           "underscores: it is the procedure's");
  std::string_view rest = text;
  std::size_t line_number = 0;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.size(), rest.find('\n'));
    const std::string_view line = trimmed(rest.substr(0, end));
    if (!line.empty() && !line.starts_with("--")) break;
    ++line_number;
    rest.remove_prefix(std::min(rest.size(), end + 1));
    const std::string_view comment = line.empty() ? line : trimmed(line.substr(2));
    if (comment.starts_with("@")) {
      const Complaint complaint = read_directive(comment, source);
      if (!complaint.empty())
        return bad_application(path, "line " + std::to_string(line_number) + ": " + complaint);
    } else if (!comment.empty()) {
      if (!source.description.empty()) source.description += ' ';
      source.description += comment;
    }
  }
  const Complaint complaint = check_head(source);
  if (!complaint.empty()) return bad_application(path, complaint);
  source.body = rest;
  return source;
}

}  // namespace prytany::app
