#include "server/cli/test_runner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "clientlib/fits.h"
#include "server/app/bundle.h"
#include "server/app/folder.h"
#include "server/app/identify.h"
#include "server/app/sql.h"
#include "server/cli/files.h"
#include "server/cli/sql.h"
#include "server/cli/trial.h"
#include "server/crypto/client_certificate.h"

namespace prytany::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t diff_rows_max = 20;
constexpr std::size_t diff_line_bytes_max = 400;

// ---- Values as SQL, so that what is printed can be put in a test --------------------------------

std::string sql_real(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  std::string out(text.data());
  if (out.find_first_of(".eni") == std::string::npos) out += ".0";
  return out;
}

std::string sql_text(const std::string& value) {
  std::string out = "'";
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20) {
      out += "' || char(" + std::to_string(static_cast<int>(c)) + ") || '";
    } else {
      out += c;
      if (c == '\'') out += c;
    }
  }
  return out + "'";
}

std::string sql_literal(const wire::Value& value) {
  struct Literal {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return sql_real(v); }
    std::string operator()(const wire::TextValue& v) const { return sql_text(v.text); }
    std::string operator()(const wire::BlobValue& v) const { return "x'" + to_hex(v.bytes) + "'"; }
  };
  return std::visit(Literal{}, value);
}

using Rows = std::vector<std::string>;

std::string row_text(const wire::Row& row) {
  std::string out;
  for (const wire::Value& value : row) out += (out.empty() ? "" : ", ") + sql_literal(value);
  return out;
}

/// The rows of the last statement, as prytany sql shows them.
Rows rows_of_outcome(const wire::Outcome& outcome) {
  Rows rows;
  if (const auto* sets = std::get_if<wire::ResultSets>(&outcome)) {
    if (sets->empty()) return rows;
    for (const wire::Row& row : sets->items.back().rows) rows.push_back(row_text(row));
  } else if (const auto* joined = std::get_if<wire::JoinedReply>(&outcome)) {
    rows.push_back(sql_text(joined->principal.text) + ", " + sql_text(joined->role.text));
  }
  return rows;
}

std::string error_text(const wire::ErrorReply& error) {
  std::string out = error.code.text + ": " + error.message.text;
  if (!error.procedure.text.empty()) out += " (" + error.procedure.text;
  if (error.statement > 0)
    out += (error.procedure.text.empty() ? " (statement " : ", statement ") +
           std::to_string(error.statement);
  if (!error.procedure.text.empty() || error.statement > 0) out += ")";
  return out;
}

/// What is equal at both ends is left out: it is the middle that one looks for.
std::string difference(const Rows& expected, const Rows& found) {
  const auto first = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  const auto before = static_cast<std::size_t>(first.first - expected.begin());
  std::size_t after = 0;
  while (before + after < std::min(expected.size(), found.size()) &&
         expected[expected.size() - 1 - after] == found[found.size() - 1 - after])
    ++after;
  std::string out = "the rows differ (- expected, + found)";
  if (before > 0) out += "\n      " + std::to_string(before) + " equal rows";
  const auto show = [&](const Rows& rows, const char* sign) {
    const std::size_t end = rows.size() - after;
    for (std::size_t i = before; i < std::min(end, before + diff_rows_max); ++i)
      out += std::string("\n    ") + sign + " " + app::clipped(rows[i], diff_line_bytes_max);
    if (end > before + diff_rows_max)
      out += std::string("\n    ") + sign + " ... and " +
             std::to_string(end - before - diff_rows_max) + " more rows";
  };
  show(expected, "-");
  show(found, "+");
  if (after > 0) out += "\n      " + std::to_string(after) + " equal rows";
  return out;
}

// ---- One test -----------------------------------------------------------------------------------

struct Wrong {
  std::size_t line = 0;
  std::string what;
};

const wire::ErrorReply* error_in(const wire::Outcome& outcome) {
  return std::get_if<wire::ErrorReply>(&outcome);
}

/// The application as it is installed for `test`: whoever joins there in a named role is in that
/// role's list of keys.
std::optional<Wrong> give_roles(const TestCase& test, wire::Install& application) {
  const auto file = std::ranges::find_if(
      application.files.items, [](const auto& f) { return f.path.text == "prytany.json"; });
  auto manifest = nlohmann::ordered_json::parse(as_text(file->content.bytes));
  for (const TestStep& step : test.steps) {
    if (step.kind != TestStep::Kind::as || step.role.empty()) continue;
    if (!manifest.contains("roles") || !manifest["roles"].contains(step.role))
      return Wrong{step.line, "prytany.json has no role '" + step.role + "'"};
    auto& keys = manifest["roles"][step.role]["authorize"];
    const std::string key = trial_key(step.name).public_key().hex();
    if (keys.is_string()) continue;  // "anyone": this client has the role without being listed
    if (!keys.is_array()) keys = nlohmann::ordered_json::array();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  file->content.bytes = to_bytes(as_bytes(manifest.dump()));
  return std::nullopt;
}

/// How a test is run, if not as it is written.
struct Manner {
  AskedTest* asked = nullptr;  // what is done is noted there
  /// Then time passes before each step, everybody joins twice, and no answer is wrong: an answer
  /// that is another one so is not of the test alone.
  std::int64_t pause_us = 0;
};

/// Without what another group gives another number.
wire::Outcome comparable_answer(wire::Outcome outcome) {
  if (auto* joined = std::get_if<wire::JoinedReply>(&outcome))
    joined->session = joined->replaced = SessionId{};
  return outcome;
}

class TestRun {
 public:
  explicit TestRun(Manner manner = {}) : manner_(manner) {}

  std::optional<Wrong> run(const TestCase& test, wire::Install application) {
    if (auto wrong = give_roles(test, application)) return wrong;
    if (manner_.asked != nullptr) manner_.asked->application = application;
    const wire::Outcome installed = trial_.install(application);
    if (const auto* error = error_in(installed))
      return Wrong{test.line, "the application cannot be installed: " + error_text(*error)};
    sessions_[client_] = trial_.session_id(client_);
    for (const TestStep& step : test.steps) {
      if (hesitant()) trial_.leap(trial_.now() + manner_.pause_us);
      if (step.kind == TestStep::Kind::at || step.kind == TestStep::Kind::identity) {
        auto wrong = step.kind == TestStep::Kind::at ? set_clock(step) : identify(step);
        if (wrong && !hesitant()) return wrong;
        continue;
      }
      const Result<wire::Outcome, Wrong> outcome = perform(step);
      if (!outcome) return outcome.error();
      if (hesitant()) continue;
      if (auto wrong = judge(step, *outcome)) return wrong;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool hesitant() const { return manner_.pause_us > 0; }

  std::optional<Wrong> set_clock(const TestStep& step) {
    const std::string arguments =
        step.text.starts_with('+') ? "'now', " + sql_text(step.text) : sql_text(step.text);
    const wire::Outcome outcome = trial_.look("SELECT unixepoch(" + arguments + ")");
    const auto* sets = std::get_if<wire::ResultSets>(&outcome);
    const auto* seconds =
        sets == nullptr
            ? nullptr
            : std::get_if<std::int64_t>(&sets->items.at(0).rows.items.at(0).items.at(0));
    if (seconds == nullptr)
      return Wrong{step.line,
                   "'" + step.text + "' is no time: write 2026-01-31T12:00:00Z, or +5 minutes"};
    const AgreedTime time{*seconds * 1'000'000};
    if (time <= trial_.now())
      return Wrong{step.line, "time goes forward only: it is later already"};
    AskedStep noted{AskedStep::Kind::clock, step.line, {}, {}, time, 0, std::nullopt};
    if (step.text.starts_with('+')) noted.forward_us = time - trial_.now();
    note(std::move(noted));
    hesitant() ? trial_.leap(time) : trial_.set_clock(time);
    return std::nullopt;
  }

  Result<wire::Outcome, Wrong> perform(const TestStep& step) {
    switch (step.kind) {
      case TestStep::Kind::as: return become(step);
      case TestStep::Kind::call: return call(step);
      default: return sql(step);
    }
  }

  Result<wire::Outcome, Wrong> become(const TestStep& step) {
    client_ = step.name;
    if (client_ == test_nobody) return wire::Outcome(wire::DoneReply{});
    wire::Outcome outcome;
    const bool is_another = identified_anew_.erase(client_) > 0;
    // Its key is its session's, too, and who it was before may not be who it is now.
    if (is_another && trial_.session(client_)) (void)trial_.ask(client_, wire::Leave{});
    const auto session = is_another ? std::nullopt : trial_.session(client_);
    if (session) {
      outcome = wire::JoinedReply{{}, {session->principal}, {session->role}, {}};
    } else {
      outcome = trial_.join(client_);
      if (hesitant()) outcome = trial_.join(client_);
      sessions_[client_] = trial_.session_id(client_);
      note({AskedStep::Kind::join, step.line, client_, {}, {}, 0, comparable_answer(outcome)});
    }
    const auto* joined = std::get_if<wire::JoinedReply>(&outcome);
    if (joined != nullptr && !step.role.empty() && joined->role.text != step.role)
      return Wrong{step.line, "the application gives " + client_ + " the role '" +
                                  joined->role.text + "', not '" + step.role + "'"};
    return outcome;
  }

  /// What a step says in parentheses.
  Result<wire::Arguments, Wrong> arguments_of(const TestStep& step) {
    wire::Arguments arguments;
    if (step.text.empty()) return arguments;
    const wire::Outcome values = trial_.look(step.text);
    if (const auto* error = error_in(values))
      return Wrong{step.line, "the arguments: " + error_text(*error)};
    const wire::ResultSet& set = std::get<wire::ResultSets>(values).items.at(0);
    for (std::size_t i = 0; i < set.columns.size(); ++i)
      arguments.items.push_back({set.columns.items[i], set.rows.items.at(0).items[i]});
    return arguments;
  }

  std::optional<Wrong> identify(const TestStep& step) {
    const auto said = arguments_of(step);
    if (!said) return said.error();
    wire::Identity identity;
    identity.kind.text = step.role;
    identity.claims.text = "{}";
    const bool is_token = step.role == app::id_token_kind;
    std::optional<std::string> believed;  // by whom it was issued, or for whom
    for (const wire::Argument& argument : *said) {
      const std::string& name = argument.name.text;
      std::string* const place = name == "issuer"    ? &identity.issuer.text
                                 : name == "subject" ? &identity.subject.text
                                 : name == "claims"  ? &identity.claims.text
                                 : name == (is_token ? "audience" : "authority")
                                     ? &believed.emplace()
                                     : nullptr;
      const auto* text = std::get_if<wire::TextValue>(&argument.value);
      if (place == nullptr || text == nullptr)
        return Wrong{step.line,
                     "an identity has the texts issuer, subject and claims, an ID token an "
                     "audience, a certificate an authority, and '" +
                         name + "' is none of them"};
      *place = text->text;
    }
    if (believed && !is_token) {
      auto issuer = authority_named(step, identity, *believed);
      if (!issuer) return issuer.error();
      identity.issuer.text = std::move(*issuer);
    }
    if (!client::fits(identity))
      return Wrong{step.line, "an issuer and a subject have at most 1024 bytes, claims 4096"};
    if (!nlohmann::json::parse(identity.claims.text, nullptr, false).is_object())
      return Wrong{step.line, "claims are the text of a JSON object: json_object('email', ...)"};
    trial_.vouch_for(step.name, std::move(identity), believed.has_value(), believed.value_or(""));
    identified_anew_.insert(step.name);
    return std::nullopt;
  }

  /// The issuer of what this authority, a certificate in PEM, has issued.
  static Result<std::string, Wrong> authority_named(const TestStep& step,
                                                    const wire::Identity& identity,
                                                    const std::string& pem) {
    const auto certificates = crypto::certificates_of_pem(pem);
    if (certificates.size() != 1)
      return Wrong{step.line,
                   "an authority is one certificate in PEM (-----BEGIN CERTIFICATE-----)"};
    if (!identity.issuer.text.empty())
      return Wrong{step.line, "the authority is the issuer: leave out one of them"};
    return crypto::sha256(certificates[0]).hex();
  }

  Result<wire::Outcome, Wrong> call(const TestStep& step) {
    auto arguments = arguments_of(step);
    if (!arguments) return arguments.error();
    const wire::Call call{{step.name}, std::move(*arguments)};
    if (client_ == test_nobody) {
      wire::Outcome outcome = trial_.read(call);
      note({AskedStep::Kind::read, step.line, {}, call, {}, 0, outcome});
      return outcome;
    }
    if (auto wrong = need_session(step)) return *wrong;
    return ask(step, call);
  }

  Result<wire::Outcome, Wrong> sql(const TestStep& step) {
    if (client_ == test_nobody)
      return Wrong{step.line, "nobody may only @call public procedures; begin with @as admin"};
    if (auto wrong = need_session(step)) return *wrong;
    wire::Execute execute;
    execute.read_only = true;
    for (std::string& statement : split_statements(step.text)) {
      execute.read_only = execute.read_only && looks_read_only(statement);
      execute.statements.items.push_back({{std::move(statement)}, {}, {}});
    }
    wire::Outcome outcome = ask(step, execute);
    // WITH may begin a statement that writes. Being refused, it changed nothing: ask again.
    const auto* error = error_in(outcome);
    if (error == nullptr || !execute.read_only || error->code.text != "not_read_only")
      return outcome;
    execute.read_only = false;
    return ask(step, execute);
  }

  wire::Outcome ask(const TestStep& step, const wire::Operation& operation) {
    // The administrator's session may have been renewed without a word.
    const SessionId session = trial_.session_id(client_);
    if (std::exchange(sessions_[client_], session) != session)
      note({AskedStep::Kind::join, step.line, client_, {}, {}, 0, std::nullopt});
    wire::Outcome outcome = trial_.ask(client_, operation);
    note({AskedStep::Kind::ask, step.line, client_, operation, {}, 0, outcome});
    return outcome;
  }

  void note(AskedStep step) {
    if (manner_.asked != nullptr) manner_.asked->steps.push_back(std::move(step));
  }

  /// The administrator comes back without being told to: who writes a test is always there.
  std::optional<Wrong> need_session(const TestStep& step) {
    if (trial_.session(client_)) return std::nullopt;
    if (client_ == trial_admin && error_in(trial_.join(client_)) == nullptr) return std::nullopt;
    return Wrong{step.line,
                 client_ + " has no session (any more): write @as " + client_ + " to join"};
  }

  std::optional<Wrong> judge(const TestStep& step, const wire::Outcome& outcome) {
    const auto* error = error_in(outcome);
    if (!step.error.empty()) {
      if (error == nullptr)
        return Wrong{step.expect_line, "this was to fail with " + step.error + ", and did not"};
      if (error->code.text != step.error)
        return Wrong{step.expect_line,
                     "this was to fail with " + step.error + ", not with " + error_text(*error)};
      return std::nullopt;
    }
    if (error != nullptr) return Wrong{step.line, error_text(*error)};
    if (step.expect_line == 0) return std::nullopt;
    Rows expected;
    for (const ExpectedRow& row : step.rows) {
      const wire::Outcome values = trial_.look("SELECT " + row.expressions);
      if (const auto* wrong = error_in(values))
        return Wrong{row.line, "what is expected: " + error_text(*wrong)};
      for (std::string& text : rows_of_outcome(values)) expected.push_back(std::move(text));
    }
    const Rows found = rows_of_outcome(outcome);
    if (found == expected) return std::nullopt;
    return Wrong{step.expect_line, difference(expected, found)};
  }

  Trial trial_;
  Manner manner_;
  std::map<std::string, SessionId> sessions_;
  std::set<std::string> identified_anew_;  // since they last joined
  std::string client_{trial_admin};
};

// ---- The application by itself ------------------------------------------------------------------

/// What is installed before its newest migrations, as far as scripts undo them: their schema and
/// nothing that needs the newer one. Nothing if no script undoes the newest.
Result<std::optional<wire::Install>, Failure> before_newest(const wire::Install& application) {
  const auto bundle = app::read_bundle(application);
  if (!bundle) return Failure{ExitCode::failed, bundle.error().code, bundle.error().message};
  std::set<std::string> kept;
  for (const app::Migration& migration : bundle->migrations) kept.insert(migration.path);
  while (!kept.empty() && bundle->undos.contains(*kept.rbegin())) kept.erase(*kept.rbegin());
  if (kept.size() == bundle->migrations.size()) return std::optional<wire::Install>();
  const nlohmann::json manifest = {{"name", bundle->manifest.name}, {"version", "before"}};
  wire::Install earlier;
  earlier.files.items.push_back({{"prytany.json"}, {to_bytes(as_bytes(manifest.dump()))}});
  for (const wire::ApplicationFile& file : application.files)
    if (kept.contains(file.path.text)) earlier.files.items.push_back(file);
  return std::optional(std::move(earlier));
}

/// Once by itself: what is wrong with the application is not told again by every test. Scripts that
/// undo migrations run, too, and the migrations after them once more: on a cluster they would first
/// run on the day when they are needed.
Status try_application(const wire::Install& application) {
  const auto earlier = before_newest(application);
  if (!earlier) return earlier.error();
  Trial trial;
  wire::Outcome outcome = trial.install(application);
  const std::string admin(trial_admin);
  if (*earlier && error_in(outcome) == nullptr)
    outcome = trial.ask(admin, wire::Upgrade{**earlier, false, true});
  if (*earlier && error_in(outcome) == nullptr) outcome = trial.ask(admin, application);
  if (const auto* error = error_in(outcome))
    return Failure{ExitCode::failed, error->code.text, error_text(*error)};
  return {};
}

// ---- All of them --------------------------------------------------------------------------------

struct ReadFile {
  std::string path;
  std::vector<TestCase> tests;
};

Result<std::vector<ReadFile>> read_test_folder(const std::string& app_folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (auto it = fs::directory_iterator(fs::path(app_folder) / "tests", error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".sql") && !name.starts_with('.')) paths.push_back(it->path().string());
  }
  std::ranges::sort(paths);
  if (paths.empty())
    return Error{app_folder +
                 "/tests: there are no tests here. A test is a file NAME.sql: "
                 "docs/how-to/test-an-application.md"};
  std::vector<ReadFile> files;
  for (const std::string& path : paths) {
    const auto text = read_file(path);
    if (!text) return text.error();
    auto tests = read_test_file(path, *text);
    if (!tests) return tests.error();
    files.push_back({path, std::move(*tests)});
  }
  return files;
}

/// By the file's own name: the folder is the same for all, and a word in it would choose all.
bool is_chosen(const ReadFile& file, const TestCase& test,
               const std::vector<std::string>& filters) {
  const std::string whole =
      fs::path(file.path).filename().string() + ":" + std::to_string(test.line) + " " + test.name;
  return filters.empty() || std::ranges::any_of(filters, [&](const std::string& filter) {
           return whole.find(filter) != std::string::npos;
         });
}

/// Leaves the answers that the test gives at any pace.
void keep_steady_answers(const TestCase& test, const wire::Install& application, AskedTest& asked) {
  for (const std::int64_t pause_us : {1'003'000, 95'000'000}) {
    AskedTest again;
    (void)TestRun({&again, pause_us}).run(test, application);
    bool in_step = true;
    for (std::size_t i = 0; i < asked.steps.size(); ++i) {
      AskedStep& step = asked.steps[i];
      in_step = in_step && i < again.steps.size() && again.steps[i].line == step.line &&
                again.steps[i].kind == step.kind;
      if (!in_step || again.steps[i].outcome != step.outcome) step.outcome.reset();
    }
  }
}

bool has_identities(const TestCase& test) {
  return std::ranges::any_of(
      test.steps, [](const TestStep& step) { return step.kind == TestStep::Kind::identity; });
}

/// Leaves the chosen tests; says how many others there were.
std::size_t leave_chosen(std::vector<ReadFile>& files, const std::vector<std::string>& filters) {
  std::size_t left_out = 0;
  for (ReadFile& file : files)
    left_out += std::erase_if(
        file.tests, [&](const TestCase& test) { return !is_chosen(file, test, filters); });
  return left_out;
}

}  // namespace

std::string text_of(const TestVerdict& verdict) {
  const auto at = [&](std::size_t line) { return verdict.file + ":" + std::to_string(line); };
  std::string text = (verdict.passed() ? "ok   " : "FAIL ") + at(verdict.line) + " " + verdict.name;
  if (!verdict.passed()) text += "\n  " + at(verdict.wrong_line) + ": " + verdict.wrong;
  return text;
}

std::string json_of(const TestVerdict& verdict) {
  nlohmann::ordered_json json = {{"test", verdict.name},  {"file", verdict.file},
                                 {"line", verdict.line},  {"passed", verdict.passed()},
                                 {"wrong_line", nullptr}, {"wrong", nullptr}};
  if (!verdict.passed()) {
    json["wrong_line"] = verdict.wrong_line;
    json["wrong"] = verdict.wrong;
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<TestTally, Failure> test_application(const std::string& app_folder,
                                            const std::vector<std::string>& filters,
                                            const std::function<void(const TestVerdict&)>& tell) {
  const auto application = app::load_application_folder(app_folder);
  if (!application) return usage_failure(application.error().message);
  auto files = read_test_folder(app_folder);
  if (!files) return usage_failure(files.error().message);
  TestTally tally;
  tally.left_out = leave_chosen(*files, filters);
  // A run of nothing has shown nothing.
  if (std::ranges::all_of(*files, [](const ReadFile& file) { return file.tests.empty(); }))
    return usage_failure("none of the " + std::to_string(tally.left_out) +
                         " tests is chosen: --filter takes a part of FILE.sql:LINE NAME, in the "
                         "same letters");
  if (const Status good = try_application(*application); !good) return good.error();
  for (const ReadFile& file : *files) {
    for (const TestCase& test : file.tests) {
      TestVerdict verdict{file.path, test.line, test.name};
      if (auto wrong = TestRun().run(test, *application)) {
        verdict.wrong_line = std::max<std::size_t>(wrong->line, 1);
        verdict.wrong = std::move(wrong->what);
      }
      tell(verdict);
      ++(verdict.passed() ? tally.passed : tally.failed);
    }
  }
  return tally;
}

Result<AskedTests, Failure> what_tests_ask(const std::string& app_folder,
                                           const std::vector<std::string>& filters) {
  const auto application = app::load_application_folder(app_folder);
  if (!application) return usage_failure(application.error().message);
  auto files = read_test_folder(app_folder);
  if (!files) return usage_failure(files.error().message);
  leave_chosen(*files, filters);
  AskedTests all;
  for (ReadFile& file : *files) {
    all.left_out += std::erase_if(file.tests, has_identities);
    for (const TestCase& test : file.tests) {
      AskedTest asked{fs::path(file.path).filename().string(), test.line, test.name, {}, {}};
      if (const auto wrong = TestRun({&asked}).run(test, *application))
        return Failure{ExitCode::failed, "tests_failed",
                       file.path + ":" + std::to_string(wrong->line) + ": " + wrong->what};
      keep_steady_answers(test, *application, asked);
      all.tests.push_back(std::move(asked));
    }
  }
  return all;
}

}  // namespace prytany::cli
