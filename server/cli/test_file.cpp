#include "server/cli/test_file.h"

#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "server/base/bytes.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

constexpr std::string_view white_space = " \t\r\n";

std::string_view stripped(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(white_space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) + 1 - begin);
}

bool is_client_word(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, allowed);
}

/// Where the text, the name in quotes or the comment that begins at `at` is over; at + 1 if none
/// begins there. (A doubled quote inside ends one and begins another, which comes to the same.)
std::size_t past_quoted(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("--")) return std::min(text.find('\n', at), text.size());
  if (text[at] != '\'' && text[at] != '"') return at + 1;
  const std::size_t end = text.find(text[at], at + 1);
  return end == std::string_view::npos ? text.size() : end + 1;
}

/// How many parentheses are open at the end of `text`; negative if one is closed too many.
int open_parentheses(std::string_view text) {
  int depth = 0;
  for (std::size_t at = 0; at < text.size() && depth >= 0; at = past_quoted(text, at)) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
  }
  return depth;
}

/// Between the commas that stand in no parentheses and no quotes.
std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); at = past_quoted(text, at)) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
    if (text[at] != ',' || depth != 0) continue;
    parts.push_back(stripped(text.substr(begin, at - begin)));
    begin = at + 1;
  }
  parts.push_back(stripped(text.substr(begin)));
  return parts;
}

/// `sql` with the public key of a client, as a blob, for each $key(CLIENT) that is not in quotes.
std::string with_client_keys(std::string_view sql) {
  constexpr std::string_view opening = "$key(";
  std::string out;
  std::size_t at = 0;
  while (at < sql.size()) {
    const std::size_t close = sql.find(')', at);
    if (sql.substr(at).starts_with(opening) && close != std::string_view::npos) {
      const std::string_view client = sql.substr(at + opening.size(), close - at - opening.size());
      if (is_client_word(client)) {
        out += "x'" + trial_key(client).public_key().hex() + "'";
        at = close + 1;
        continue;
      }
    }
    const std::size_t next = past_quoted(sql, at);
    out += sql.substr(at, next - at);
    at = next;
  }
  return out;
}

class TestFileReader {
 public:
  TestFileReader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  Result<std::vector<TestCase>> run() {
    while (!complaint_ && next_line()) read_line();
    if (!complaint_ && !statement_.empty()) unfinished_statement();
    if (!complaint_ && tests_.empty()) complain(line_, "there is no test: -- @test what it shows");
    if (!complaint_) finish_test();
    if (complaint_) return *complaint_;
    return std::move(tests_);
  }

 private:
  void complain(std::size_t line, const std::string& what) {
    if (!complaint_)
      complaint_ =
          Error{path_ + ":" + std::to_string(std::max<std::size_t>(line, 1)) + ": " + what};
  }

  bool next_line() {
    if (text_.empty()) return false;
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    raw_ = text_.substr(0, end);
    current_ = stripped(raw_);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++line_;
    return true;
  }

  void read_line() {
    const bool comment = current_.starts_with("--");
    const std::string_view said = comment ? stripped(current_.substr(2)) : current_;
    const bool directive = comment && said.starts_with('@');
    if (!statement_.empty()) {
      if (directive) return unfinished_statement();
      return add_to_statement();
    }
    if (directive) return read_directive(said);
    if (current_.empty() || comment) return;
    statement_line_ = line_;
    add_to_statement();
  }

  void unfinished_statement() {
    complain(statement_line_, "this statement has no end: write a semicolon");
  }
  void add_to_statement() {
    statement_ += std::string(raw_) + "\n";  // as it stands: a text may go on in the next line
    if (current_.find(';') == std::string_view::npos || sqlite3_complete(statement_.c_str()) == 0)
      return;
    TestStep step;
    step.kind = TestStep::Kind::sql;
    step.line = statement_line_;
    step.text = with_client_keys(statement_);
    statement_.clear();
    add(std::move(step));
  }

  void read_directive(std::string_view said) {
    const std::size_t end = std::min(said.find_first_of(white_space), said.size());
    const std::string_view word = said.substr(0, end);
    const std::string_view rest = stripped(said.substr(end));
    if (word == "@test") return begin_test(rest);
    if (word == "@as") return read_as(rest);
    if (word == "@at") return read_at(rest);
    if (word == "@identity") return read_identity(rest);
    if (word == "@call") return read_call(rest);
    if (word == "@expect") return read_expect(rest);
    if (word == "@expect-error") return read_expect_error(rest);
    complain(line_, "unknown '" + std::string(word) +
                        "': @test, @as, @identity, @at, @call, @expect or @expect-error");
  }

  void begin_test(std::string_view name) {
    if (name.empty()) return complain(line_, "write: @test what it shows");
    if (tests_.empty()) {
      first_steps_ = std::move(steps_);
    } else {
      finish_test();
    }
    tests_.push_back({std::string(name), line_, {}});
    steps_.clear();
  }
  void finish_test() {
    TestCase& test = tests_.back();
    if (steps_.empty()) return complain(test.line, "this test does nothing, so it cannot fail");
    test.steps = first_steps_;
    test.steps.insert(test.steps.end(), steps_.begin(), steps_.end());
  }

  void add(TestStep step) { steps_.push_back(std::move(step)); }
  TestStep here(TestStep::Kind kind) const {
    TestStep step;
    step.kind = kind;
    step.line = line_;
    return step;
  }

  void read_as(std::string_view rest) {
    TestStep step = here(TestStep::Kind::as);
    const std::size_t end = std::min(rest.find_first_of(white_space), rest.size());
    step.name = rest.substr(0, end);
    step.role = stripped(rest.substr(end));
    if (!is_client_word(step.name) || (!step.role.empty() && !is_client_word(step.role)))
      return complain(line_,
                      "write: @as name, or: @as name role (small letters, digits, underscores)");
    if (!step.role.empty() && (step.name == trial_admin || step.name == test_nobody))
      return complain(line_,
                      "'" + step.name + "' has no other role than its own: @as " + step.name);
    add(std::move(step));
  }

  void read_at(std::string_view rest) {
    if (rest.empty()) return complain(line_, "write: @at 2026-01-31T12:00:00Z, or: @at +5 minutes");
    TestStep step = here(TestStep::Kind::at);
    step.text = rest;
    add(std::move(step));
  }

  void read_call(std::string_view rest) {
    TestStep step = here(TestStep::Kind::call);
    if (read_form("@call", rest, "write: @call procedure, or: @call procedure(name => value, ...)",
                  step))
      add(std::move(step));
  }

  void read_identity(std::string_view rest) {
    constexpr const char* form =
        "write: @identity name certificate(issuer => ..., subject => ..., claims => ...), or "
        "id_token instead of certificate";
    TestStep step = here(TestStep::Kind::identity);
    const std::size_t end = std::min(rest.find_first_of(white_space), rest.size());
    const std::string client(rest.substr(0, end));
    if (!is_client_word(client)) return complain(line_, form);
    if (client == trial_admin || client == test_nobody)
      return complain(line_, "'" + client + "' is known by no identity: give it to another client");
    if (!read_form("@identity", stripped(rest.substr(end)), form, step)) return;
    step.role = std::exchange(step.name, client);
    if ((step.role != "certificate" && step.role != "id_token") || step.text.empty())
      return complain(step.line, form);
    add(std::move(step));
  }

  /// WORD, or WORD(name => value, ...), which may go on in the lines below: the step's name and
  /// text. False, with a complaint, if it is something else.
  bool read_form(const std::string& directive, std::string_view rest, const char* form,
                 TestStep& step) {
    const auto refuse = [&](const std::string& what) {
      complain(step.line, what);
      return false;
    };
    std::string call(rest);
    while (open_parentheses(call) > 0) {
      if (!next_line() || !current_.starts_with("--") ||
          stripped(current_.substr(2)).starts_with('@'))
        return refuse("the parenthesis of this " + directive + " is not closed");
      call += "\n" + std::string(stripped(current_.substr(2)));
    }
    const std::size_t open = std::min(call.find('('), call.size());
    step.name = stripped(std::string_view(call).substr(0, open));
    if (!is_client_word(step.name)) return refuse(form);
    if (open == call.size()) return true;
    if (!call.ends_with(')') || open_parentheses(call) != 0) return refuse(form);
    const std::string_view inside =
        stripped(std::string_view(call).substr(open + 1, call.size() - open - 2));
    return inside.empty() || read_arguments(inside, step) || refuse(form);
  }

  static bool read_arguments(std::string_view inside, TestStep& step) {
    for (const std::string_view argument : split_at_commas(inside)) {
      const std::size_t arrow = argument.find("=>");
      if (arrow == std::string_view::npos) return false;
      const std::string_view name = stripped(argument.substr(0, arrow));
      const std::string_view value = stripped(argument.substr(arrow + 2));
      if (!is_client_word(name) || value.empty()) return false;
      step.text += (step.text.empty() ? "SELECT (" : ", (") + with_client_keys(value) + ") AS \"" +
                   std::string(name) + "\"";
    }
    return true;
  }

  /// The step that an expectation is about; null, with a complaint, if there is none.
  TestStep* judged() {
    TestStep* step = steps_.empty() ? nullptr : &steps_.back();
    if (step == nullptr || step->kind == TestStep::Kind::at ||
        step->kind == TestStep::Kind::identity) {
      complain(line_, "nothing was done that could be judged: put it after a @call, an @as or SQL");
      return nullptr;
    }
    if (step->expect_line == 0) step->expect_line = line_;
    return step;
  }

  void read_expect(std::string_view rest) {
    if (rest.empty())
      return complain(line_,
                      "write: @expect value, value (once for each row), or: @expect nothing");
    TestStep* step = judged();
    if (step == nullptr) return;
    const bool nothing = rest == "nothing";
    if (!step->error.empty() || (step->expect_line != line_ && (nothing || step->rows.empty())))
      return complain(
          line_, "this contradicts the expectation in line " + std::to_string(step->expect_line));
    if (!nothing) step->rows.push_back({line_, with_client_keys(rest)});
  }

  void read_expect_error(std::string_view rest) {
    if (rest.empty() || rest.find_first_of(white_space) != std::string_view::npos)
      return complain(line_, "write: @expect-error code");
    TestStep* step = judged();
    if (step == nullptr) return;
    if (step->expect_line != line_)
      return complain(
          line_, "this contradicts the expectation in line " + std::to_string(step->expect_line));
    step->error = rest;
  }

  const std::string& path_;
  std::string_view text_;
  std::string_view raw_;
  std::string_view current_;  // without the white space around it
  std::size_t line_ = 0;
  std::string statement_;
  std::size_t statement_line_ = 0;
  std::vector<TestStep> first_steps_;
  std::vector<TestStep> steps_;
  std::vector<TestCase> tests_;
  std::optional<Error> complaint_;
};

}  // namespace

Result<std::vector<TestCase>> read_test_file(const std::string& path, std::string_view text) {
  return TestFileReader(path, text).run();
}

}  // namespace prytany::cli
