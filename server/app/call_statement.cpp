#include "server/app/call_statement.h"

#include <algorithm>
#include <optional>

#include "server/app/sql.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

enum class TokenKind : std::uint8_t {
  end,         // of the text
  word,        // a keyword or a name
  value,       // ":name"
  arrow,       // "=>"
  other,       // a quoted text, or one character
  unfinished,  // a quote or a comment that is never closed
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  std::size_t at = 0;  // where it begins
};

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

/// SQLite's tokens, as far as it takes to see where an expression ends.
class Tokens {
 public:
  explicit Tokens(std::string_view sql) : sql_(sql) {}

  Token next() {
    if (!skip_blanks()) return take(TokenKind::unfinished, sql_.size());
    if (at_ == sql_.size()) return {TokenKind::end, {}, at_};
    const char c = sql_[at_];
    if (c == '\'' || c == '"' || c == '`') return quoted(c);
    if (c == '[') return quoted(']');
    if (c == '=' && sql_.substr(at_).starts_with("=>")) return take(TokenKind::arrow, at_ + 2);
    const std::size_t begin = c == ':' ? at_ + 1 : at_;
    const std::size_t end = end_of_word(begin);
    if (end == begin) return take(TokenKind::other, at_ + 1);
    return take(c == ':' ? TokenKind::value : TokenKind::word, end);
  }

 private:
  /// False: a comment does not end. (SQLite takes the rest of the text for one; here it would hide
  /// what follows the expression.)
  bool skip_blanks() {
    while (at_ < sql_.size()) {
      const std::string_view rest = sql_.substr(at_);
      if (std::string_view(" \t\r\n\f").find(sql_[at_]) != std::string_view::npos) {
        ++at_;
      } else if (rest.starts_with("--")) {
        at_ += std::min(rest.size(), rest.find('\n'));
      } else if (rest.starts_with("/*")) {
        const std::size_t end = rest.find("*/", 2);
        if (end == std::string_view::npos) return false;
        at_ += end + 2;
      } else {
        break;
      }
    }
    return true;
  }
  [[nodiscard]] std::size_t end_of_word(std::size_t begin) const {
    while (begin < sql_.size() && is_word_character(sql_[begin])) ++begin;
    return begin;
  }
  /// (A doubled quote ends one text and begins another, which comes to the same.)
  Token quoted(char close) {
    const std::size_t end = sql_.find(close, at_ + 1);
    if (end == std::string_view::npos) return take(TokenKind::unfinished, sql_.size());
    return take(TokenKind::other, end + 1);
  }
  Token take(TokenKind kind, std::size_t end) {
    const Token token{kind, sql_.substr(at_, end - at_), at_};
    at_ = end;
    return token;
  }

  std::string_view sql_;
  std::size_t at_ = 0;
};

bool is_keyword(const Token& token, std::string_view upper) {
  return token.kind == TokenKind::word &&
         std::ranges::equal(token.text, upper, [](char given, char wanted) {
           return (given >= 'a' && given <= 'z' ? given - 'a' + 'A' : given) == wanted;
         });
}

class CallReader {
 public:
  explicit CallReader(std::string_view sql) : sql_(sql), tokens_(sql) {}

  Result<CallStatement, Failure> run(std::string_view* rest) {
    token_ = tokens_.next();
    if (!is_keyword(token_, "CALL")) return wrong("it begins with CALL");
    advance();
    if (token_.kind != TokenKind::word) return wrong("after CALL comes a procedure's name");
    call_.procedure = token_.text;
    advance();
    if (!is("(")) return wrong("after the procedure's name comes '('");
    advance();
    while (!is(")")) {
      if (auto failure = read_argument()) return *failure;
      if (is(")")) break;
      advance();  // the comma
      if (is(")")) return wrong("after a comma comes another argument");
    }
    advance();
    if (auto failure = read_into()) return *failure;
    if (token_.kind != TokenKind::end && !is(";"))
      return wrong("after the call comes INTO or ';', not '" + clipped(token_.text, 50) + "'");
    *rest = sql_.substr(std::min(sql_.size(), token_.at + token_.text.size()));
    return std::move(call_);
  }

 private:
  static Failure wrong(const std::string& what) {
    return {"malformed_call",
            what + "; write: CALL name(parameter => expression, ...) INTO :value, ...;"};
  }
  void advance() { token_ = tokens_.next(); }
  [[nodiscard]] bool is(std::string_view symbol) const {
    return token_.kind == TokenKind::other && token_.text == symbol;
  }

  /// Up to the comma or the parenthesis behind it.
  std::optional<Failure> read_argument() {
    if (call_.arguments.size() == limits::arguments_max) return wrong("too many arguments");
    CallStatement::Argument argument;
    const Token first = token_;
    advance();
    if (first.kind == TokenKind::value && (is(",") || is(")"))) {
      argument.name = first.text.substr(1);
      argument.expression = first.text;
    } else if (first.kind == TokenKind::word && token_.kind == TokenKind::arrow) {
      argument.name = first.text;
      advance();
      const auto expression = read_expression();
      if (!expression) return expression.error();
      argument.expression = *expression;
    } else {
      return wrong("an argument is written parameter => expression, or :parameter");
    }
    for (const CallStatement::Argument& other : call_.arguments)
      if (other.name == argument.name) return wrong("'" + argument.name + "' is given twice");
    call_.arguments.push_back(std::move(argument));
    return std::nullopt;
  }

  Result<std::string_view, Failure> read_expression() {
    const std::size_t begin = token_.at;
    std::size_t end = begin;
    int depth = 0;
    while (depth > 0 || (!is(",") && !is(")"))) {
      if (token_.kind == TokenKind::unfinished) return wrong("a quote or a comment is not closed");
      if (token_.kind == TokenKind::end || is(";")) return wrong("its parenthesis is not closed");
      if (is("(")) ++depth;
      if (is(")")) --depth;
      end = token_.at + token_.text.size();
      advance();
    }
    if (end == begin) return wrong("after => comes an expression");
    return sql_.substr(begin, end - begin);
  }

  std::optional<Failure> read_into() {
    if (!is_keyword(token_, "INTO")) return std::nullopt;
    do {
      advance();
      if (token_.kind != TokenKind::value || token_.text.find('$') != std::string_view::npos)
        return wrong("after INTO come values, written :name");
      call_.into.emplace_back(token_.text.substr(1));
      advance();
    } while (is(","));
    return std::nullopt;
  }

  std::string_view sql_;
  Tokens tokens_;
  Token token_;
  CallStatement call_;
};

}  // namespace

Result<CallStatement, Failure> read_call(std::string_view sql, std::string_view* rest) {
  return CallReader(sql).run(rest);
}

std::string select_of(const CallStatement& call) {
  std::string sql;
  for (const CallStatement::Argument& argument : call.arguments) {
    sql += sql.empty() ? "SELECT (" : ", (";
    sql += argument.expression;
    sql += ")";
  }
  return sql;
}

}  // namespace prytany::app
