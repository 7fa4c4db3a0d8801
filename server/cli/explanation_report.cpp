#include "server/cli/explanation_report.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "server/app/sql.h"
#include "server/cli/client_access.h"

namespace prytany::cli {
namespace {

const wire::ErrorReply* error_of_call(const app::Explanation& explanation) {
  return std::get_if<wire::ErrorReply>(&explanation.outcome);
}

std::string on_one_line(const std::string& sql) {
  std::string out;
  bool blank = true;
  for (const char c : sql) {
    const bool white = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!white) out += c;
    if (white && !blank) out += ' ';
    blank = white;
  }
  return display(Value(app::clipped(out, 300)));
}

void print_explanation(const app::Explanation& explanation) {
  const auto number_of = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::size_t number = 0;
  for (const app::ExplainedStatement& statement : explanation.statements) {
    std::printf("%3zu  %s\n", ++number, on_one_line(statement.sql).c_str());
    for (const std::string& line : statement.plan)
      std::printf("       %s\n", display(Value(line)).c_str());
    std::printf("       %llu steps", number_of(statement.steps));
    if (statement.scanned > 0)
      std::printf(", %llu rows gone through without an index", number_of(statement.scanned));
    if (statement.sorts > 0) std::printf(", %llu sorted", number_of(statement.sorts));
    std::printf(", %llu pages, %llu KiB allocated\n", number_of(statement.pages),
                number_of(statement.bytes >> 10));
  }
  if (explanation.left_out > 0)
    std::printf("     and %llu statements more\n", number_of(explanation.left_out));
  if (const auto* error = error_of_call(explanation)) {
    const std::string where =
        error->procedure.text.empty() ? "" : display(Value(error->procedure.text)) + ", ";
    std::printf("FAILED %s: %s (%sstatement %u)\n", error->code.text.c_str(),
                display(Value(error->message.text)).c_str(), where.c_str(), error->statement);
  }
  std::printf("%llu of %llu steps of the budget; nothing was changed\n",
              number_of(explanation.charged), number_of(explanation.budget));
}

void print_explanation_as_json(const app::Explanation& explanation, const std::string& role) {
  nlohmann::ordered_json all = {{"role", role}, {"statements", nlohmann::ordered_json::array()}};
  for (const app::ExplainedStatement& statement : explanation.statements)
    all["statements"].push_back({{"sql", statement.sql},
                                 {"plan", statement.plan},
                                 {"steps", statement.steps},
                                 {"scanned", statement.scanned},
                                 {"sorts", statement.sorts},
                                 {"pages", statement.pages},
                                 {"bytes", statement.bytes}});
  all["left_out"] = explanation.left_out;
  all["charged"] = explanation.charged;
  all["budget"] = explanation.budget;
  all["error"] = nullptr;
  if (const auto* error = error_of_call(explanation))
    all["error"] = {{"code", error->code.text},
                    {"message", error->message.text},
                    {"procedure", error->procedure.text},
                    {"statement", error->statement}};
  std::printf("%s\n", all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

Failure failure_of_explained(const wire::ErrorReply& error) {
  std::string message = error.message.text;
  if (!error.procedure.text.empty())
    message += " (" + error.procedure.text + ", statement " + std::to_string(error.statement) + ")";
  return Failure{ExitCode::failed, error.code.text, message};
}

app::Explanation explanation_from(const Explanation& told) {
  app::Explanation explanation;
  for (const ExplainedStatement& ran : told.statements)
    explanation.statements.push_back(
        {ran.sql, ran.plan, ran.steps, ran.scanned, ran.sorts, ran.pages, ran.bytes});
  explanation.charged = told.charged;
  explanation.budget = told.budget;
  explanation.left_out = told.left_out;
  if (told.error)
    explanation.outcome = wire::ErrorReply{
        {told.error->code}, {told.error->message}, {told.error->procedure}, told.error->statement};
  return explanation;
}

Status report_explanation(const app::Explanation& explanation, const std::string& role, bool json) {
  if (json) {
    print_explanation_as_json(explanation, role);
  } else {
    print_explanation(explanation);
  }
  const auto* error = error_of_call(explanation);
  if (error == nullptr) return {};
  Failure failure = failure_of_explained(*error);
  if (!json) failure.message.clear();  // for people everything was said
  return failure;
}

}  // namespace prytany::cli
