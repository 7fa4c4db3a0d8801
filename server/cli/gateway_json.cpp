#include "server/cli/gateway_json.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "clientlib/convert.h"
#include "server/cli/call.h"
#include "server/cli/client_access.h"
#include "server/wire/json_reader.h"
#include "server/wire/json_writer.h"
#include "server/wire/plain_json.h"

namespace prytany::cli {
namespace {

constexpr const char* json_type = "application/json";
using Question = Result<GatewayQuestion, HttpReply>;

// ---- Who may ask --------------------------------------------------------------------------------

std::string without_port(const std::string& host) {
  const std::size_t bracket = host.find(']');  // of [::1]
  const std::size_t colon = host.find(':', bracket == std::string::npos ? 0 : bracket);
  return host.substr(0, colon);
}

std::optional<HttpReply> refuse_stranger(const HttpRequest& request,
                                         const std::vector<std::string>& names) {
  if (std::ranges::find(names, without_port(request.header("host"))) == names.end())
    return gateway_refusal(403, "foreign_host", "this is not what the gateway is called");
  const std::string site = request.header("sec-fetch-site");
  if (!request.header("origin").empty() || (!site.empty() && site != "none"))
    return gateway_refusal(403, "foreign_page", "pages in a browser may not ask here");
  return std::nullopt;
}

// ---- What is asked ------------------------------------------------------------------------------

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// Of a URL's part; nothing if a percent sign has no digits.
std::optional<std::string> decoded(std::string_view part, bool plus_is_blank) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '%') {
      const auto high = i + 1 < part.size() ? hex_digit(part[i + 1]) : std::nullopt;
      const auto low = i + 2 < part.size() ? hex_digit(part[i + 2]) : std::nullopt;
      if (!high || !low) return std::nullopt;
      text += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      text += part[i] == '+' && plus_is_blank ? ' ' : part[i];
    }
  }
  return text;
}

HttpReply malformed(const std::string& message) {
  return gateway_refusal(400, "malformed", message);
}

/// What is asked, as its JSON is read: fails once, and says what is wrong with which part of it.
struct Reading {
  wire::JsonPicker picker;
  std::string code = "malformed";
  std::string complaint;  // empty: what the picker says

  void fail(const std::string& words, const char* its_code = "malformed") {
    if (picker.failed()) return;
    complaint = words;
    code = its_code;
    picker.fail("", nullptr);
  }
  [[nodiscard]] HttpReply refusal() const {
    return gateway_refusal(400, code, complaint.empty() ? picker.failure().text() : complaint);
  }
};

/// Fields beside `known` are refused: what is misspelled must not be passed over.
void only_fields(Reading& reading, wire::Json json, const std::set<std::string_view>& known) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return reading.fail("not an object");
  for (const auto field : object) {
    if (known.contains(field.key)) continue;
    std::string names;
    for (const std::string_view name : known)
      names += (names.empty() ? "" : ", ") + std::string(name);
    reading.fail("a field that is not known here: " + std::string(field.key) + " (known: " + names +
                 ")");
  }
}

wire::Value value_of(Reading& reading, wire::Json json, const std::string& argument) {
  const auto value = wire::value_from_plain(json);
  if (value) return *value;
  const bool too_long = value.error().reason == wire::value_too_long;
  reading.fail("argument " + argument + ": " + value.error().text(),
               too_long ? "too_large" : "malformed");
  return {};
}

wire::Arguments named_arguments(Reading& reading, wire::Json json) {
  wire::Arguments arguments;
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) {
    reading.fail("arguments: not an object of names and values");
    return arguments;
  }
  if (object.size() > limits::arguments_max)
    reading.fail("arguments: at most " + std::to_string(limits::arguments_max));
  for (const auto field : object) {
    if (reading.picker.failed()) break;
    std::string_view name = field.key;
    if (name.starts_with(':')) name.remove_prefix(1);  // as in SQL
    if (name.empty() || name.size() > limits::name_bytes_max)
      reading.fail("arguments: one is without a name, or has one of more than " +
                   std::to_string(limits::name_bytes_max) + " bytes");
    arguments.items.push_back(
        {{std::string(name)}, value_of(reading, field.value, std::string(name))});
  }
  return arguments;
}

/// {"sql","arguments"}: an object for :name, an array for ?.
wire::Statement statement_of(Reading& reading, wire::Json json) {
  wire::Statement statement;
  statement.sql.text = reading.picker.text(json, "sql", limits::request_bytes_max);
  if (statement.sql.text.size() > limits::sql_bytes_max)
    reading.fail("sql: a statement has at most " + std::to_string(limits::sql_bytes_max) + " bytes",
                 "too_large");
  const auto arguments = reading.picker.optional_field(json, "arguments");
  if (!arguments) return statement;
  if (!arguments->is_array()) {
    statement.named = named_arguments(reading, *arguments);
    return statement;
  }
  std::size_t place = 0;
  for (const wire::Json value :
       reading.picker.array_of(*arguments, "arguments", limits::arguments_max))
    statement.positional.items.push_back(value_of(reading, value, std::to_string(++place)));
  return statement;
}

wire::Operation call_of(Reading& reading, wire::Json json, const std::string& procedure) {
  return wire::Call{{procedure}, named_arguments(reading, json)};
}

wire::Operation sql_of(Reading& reading, wire::Json json, bool& reads) {
  wire::Execute execute;
  only_fields(reading, json, {"sql", "arguments", "read_only"});
  execute.statements.items.push_back(statement_of(reading, json));
  if (reading.picker.optional_field(json, "read_only"))
    reads = reading.picker.boolean(json, "read_only");
  execute.read_only = reads;
  return execute;
}

/// {"changed":0}, {"not":...}, {"all":[...]}, ... at the end of `parts`, in postfix order. How deep
/// it goes is bounded by how deep JSON may be.
void add_condition(Reading& reading, wire::Json json,
                   std::vector<wire::Condition>& parts) {  // NOLINT(misc-no-recursion)
  using Kind = wire::Condition::Kind;
  const auto wrong = [&] {
    reading.fail("when: not an object with one of ok, error, changed, rows, not, all, any");
  };
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS || object.size() != 1) return wrong();
  const auto member = *object.begin();
  const auto* const word = std::ranges::find(wire::condition_words, member.key);
  if (word == wire::condition_words.end()) return wrong();
  wire::Condition part{static_cast<Kind>(word - wire::condition_words.begin()), 0};
  if (part.kind == Kind::negate) {
    add_condition(reading, member.value, parts);
  } else if (part.kind == Kind::all || part.kind == Kind::any) {
    const auto all = reading.picker.array_of(member.value, "when", limits::conditions_max);
    if (all.size() == 0) reading.fail("when: all and any take at least one condition");
    for (const wire::Json one : all) {
      if (reading.picker.failed()) return;
      add_condition(reading, one, parts);
    }
    part.of = static_cast<std::uint16_t>(all.size());
  } else {
    constexpr std::uint32_t step_max = std::numeric_limits<std::uint16_t>::max();
    part.of = static_cast<std::uint16_t>(reading.picker.small(json, word->data(), step_max));
  }
  parts.push_back(part);
  if (parts.size() > limits::conditions_max)
    reading.fail("when: at most " + std::to_string(limits::conditions_max) + " conditions");
}

wire::Operation transaction_of(Reading& reading, wire::Json json) {
  wire::Transaction transaction;
  wire::JsonPicker& picker = reading.picker;
  only_fields(reading, json, {"steps", "read_only"});
  if (picker.optional_field(json, "read_only"))
    transaction.read_only = picker.boolean(json, "read_only");
  const auto steps = picker.array(json, "steps", limits::statements_per_request_max);
  if (!picker.failed() && steps.size() == 0) reading.fail("steps: empty");
  for (const wire::Json given : steps) {
    only_fields(reading, given, {"sql", "arguments", "when", "may_fail"});
    wire::Step& step = transaction.steps.items.emplace_back();
    step.statement = statement_of(reading, given);
    if (const auto when = picker.optional_field(given, "when"))
      add_condition(reading, *when, step.when.items);
    if (picker.optional_field(given, "may_fail")) step.may_fail = picker.boolean(given, "may_fail");
  }
  return transaction;
}

/// Media types are compared without regard to case, and parameters are nobody's business.
bool is_json(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  while (media_type.ends_with(' ') || media_type.ends_with('\t')) media_type.remove_suffix(1);
  return std::ranges::equal(media_type, std::string_view(json_type), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

Question posted(const HttpRequest& request, const std::string& procedure) {
  if (!is_json(request.header("content-type")))
    return gateway_refusal(415, "not_json", "send content-type: application/json");
  wire::JsonDocument document;
  const auto json = document.parse_exact(request.body, limits::json_bytes_max);
  if (!json) return malformed(json.error().text());
  Reading reading;
  AskSession asked;
  if (request.path == "/sql") {
    asked.operation = sql_of(reading, *json, asked.reads);
  } else if (request.path == "/transaction") {
    asked.operation = transaction_of(reading, *json);
  } else {
    asked.operation = call_of(reading, *json, procedure);
  }
  if (reading.picker.failed()) return reading.refusal();
  return GatewayQuestion(std::move(asked));
}

/// `procedure?name=value&...`, each as on `prytany call`'s command line.
Question public_read(const HttpRequest& request, const std::string& procedure) {
  Arguments arguments;
  std::set<std::string> names;
  for (std::string_view rest = request.query; !rest.empty();) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const auto text = decoded(rest.substr(0, end), true);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!text) return malformed("a percent sign without two hexadecimal digits");
    auto argument = parse_argument(*text);
    if (!argument) return malformed(argument.error().message);
    if (!names.insert(argument->name).second) return malformed("an argument is given twice");
    arguments.push_back(std::move(*argument));
  }
  if (arguments.size() > limits::arguments_max) return malformed("more arguments than allowed");
  return GatewayQuestion(ReadPublic{client::to_wire(procedure, arguments)});
}

/// The name after `prefix` in a path; nothing if there is none.
std::optional<std::string> name_after(std::string_view prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return std::nullopt;
  auto name = decoded(path.substr(prefix.size()), false);
  if (!name || name->empty() || name->size() > limits::name_bytes_max) return std::nullopt;
  return name;
}

HttpReply wrong_method(const char* method) {
  HttpReply reply =
      gateway_refusal(405, "wrong_method", std::string("this is asked with ") + method);
  reply.headers = {{"allow", method}};
  return reply;
}

// ---- What is told -------------------------------------------------------------------------------

/// Of an error that the application, or SQL, gave as the answer.
unsigned status_of_application(const std::string& code) {
  static const std::map<std::string, unsigned, std::less<>> known = {
      {"unknown_procedure", 404}, {"no_application", 404},    {"missing_parameter", 400},
      {"unknown_parameter", 400}, {"wrong_type", 400},        {"value_too_long", 400},
      {"wrong_parameters", 400},  {"malformed_sql", 400},     {"not_read_only", 400},
      {"not_allowed", 403},       {"malformed_request", 400}, {"bad_condition", 400}};
  if (const auto found = known.find(code); found != known.end()) return found->second;
  return code.starts_with("SQLITE_CONSTRAINT") ? 409 : 422;
}

unsigned status_of(const ErrorInfo& error) {
  switch (error.kind) {
    case ErrorKind::application: return status_of_application(error.code);
    case ErrorKind::usage: return 400;
    case ErrorKind::outcome_unknown: return 504;
    case ErrorKind::no_quorum:
    case ErrorKind::refused: break;
  }
  return 503;
}

/// An answer, and what became of its step.
std::string step_json(const StepAnswer& step) {
  wire::JsonWriter writer;
  writer.begin_object().key("ran").boolean(step.ran).key("skipped").boolean(step.skipped());
  writer.key("error");
  if (step.ran || step.skipped()) {
    writer.null();
  } else {
    writer.begin_object().key("code").text(step.code).key("message").text(step.message);
    writer.end_object();
  }
  std::string more = std::move(writer.end_object()).take();
  std::string text = answer_json(step.answer);
  text.back() = ',';
  return text + more.substr(1);
}

}  // namespace

Question gateway_question_from(const HttpRequest& request, const std::vector<std::string>& names) {
  if (auto refused = refuse_stranger(request, names)) return std::move(*refused);
  const auto called = name_after("/call/", request.path);
  if (called || request.path == "/sql" || request.path == "/transaction") {
    if (request.method != "POST") return wrong_method("POST");
    return posted(request, called.value_or(""));
  }
  const auto read = name_after("/read/", request.path);
  if (!read && request.path != "/status")
    return gateway_refusal(404, "no_such_path",
                           "POST /call/PROCEDURE, /sql or /transaction; GET /read/PROCEDURE or "
                           "/status");
  if (request.method != "GET") return wrong_method("GET");
  if (read) return public_read(request, *read);
  return GatewayQuestion(AskStatus{});
}

HttpReply gateway_reply(Expected<Answer> answer) {
  if (!answer) return gateway_error(answer.error());
  return {200, json_type, answer_json(*answer) + "\n"};
}

HttpReply gateway_reply(Expected<std::vector<StepAnswer>> answers) {
  if (!answers) return gateway_error(answers.error());
  std::string body;
  for (const StepAnswer& step : *answers)
    body += (body.empty() ? "{\"steps\":[" : ",") + step_json(step);
  return {200, json_type, body + "]}\n"};
}

HttpReply gateway_error(const ErrorInfo& error) {
  wire::JsonWriter writer;
  writer.begin_object().key("error").begin_object();
  writer.key("code").text(error.code).key("message").text(error.message);
  if (error.kind == ErrorKind::application)
    writer.key("procedure").text(error.procedure).key("statement").small(error.statement);
  writer.key("may_have_run").boolean(error.kind == ErrorKind::outcome_unknown);
  writer.end_object().end_object();
  return {status_of(error), json_type, std::move(writer).take() + "\n"};
}

HttpReply gateway_refusal(unsigned status, std::string_view code, const std::string& message) {
  HttpReply reply = gateway_error({ErrorKind::usage, std::string(code), message, {}, 0, false});
  reply.status = status;
  return reply;
}

}  // namespace prytany::cli
