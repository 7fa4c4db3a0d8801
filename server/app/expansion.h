// How large a statement becomes when what it names stands where the names are. SQLite copies a
// common table expression, or a view, to each place that names it, and does so before it asks
// anybody (authorizer, progress handler, limits): 600 bytes can become a gigabyte. So statements
// are measured before SQLite sees them: by their words and the schema's alone, and so equally on
// every replica, whatever its caches hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace prytany::app {

/// In words: names, numbers, texts, signs. A statement of limits::sql_bytes_max has fewer by
/// itself.
inline constexpr std::size_t expanded_words_max = 300'000;
/// Of what names what names what: SQLite calls itself for each.
inline constexpr std::size_t expanded_depth_max = 100;

/// Triggers and foreign keys of a schema. SQLite compiles what a statement may fire, what that may
/// fire, and so on, and calls itself for each: some thousands are the end of the stack, which is
/// 8 MiB. This many take about half of it in the worst chain that we know.
inline constexpr std::size_t chained_max = 1'000;

struct Expanded {
  std::size_t words = 0;  // no more than expanded_words_max + 1, which is: too many
  std::size_t depth = 0;
  [[nodiscard]] bool fits() const {
    return words <= expanded_words_max && depth <= expanded_depth_max;
  }
};

/// Whether SQLite may see a statement.
enum class Fit : std::uint8_t {
  fits,
  statement_too_large,
  schema_too_large,  // with what it makes, or with the triggers that it may fire
};

/// The tables, views and triggers of a schema.
class SchemaNames {
 public:
  void clear();
  /// `sql` as the schema has it.
  void add(std::string_view name, std::string_view sql, bool is_view);
  void add_trigger(std::string_view name, std::string_view sql);
  /// Once all are there.
  void measure();
  /// This statement is about to run: what it makes is there from now on, until clear().
  void note(std::string_view sql);

  /// The first statement of `sql`.
  [[nodiscard]] Fit fit(std::string_view sql);
  /// The same, by itself. Of a trigger: all of its statements, as SQLite compiles them when it is
  /// fired.
  [[nodiscard]] Expanded expand(std::string_view sql);
  /// What naming it adds; nothing: no such table or view.
  [[nodiscard]] std::optional<Expanded> of(const std::string& lower_name);

 private:
  enum class Measured : std::uint8_t { no, under_way, yes };
  struct Object {
    std::string sql;
    bool is_view = false;
    Measured measured = Measured::no;
    Expanded expanded;
    std::size_t references = 0;
  };
  struct Trigger {
    std::string sql;
    Measured measured = Measured::no;
    Expanded expanded;
  };
  void measure(Object& object);
  [[nodiscard]] std::size_t chained() const { return triggers_.size() + references_; }
  /// All triggers together: a statement may fire any of them, by way of others and of foreign keys.
  [[nodiscard]] bool triggers_fit();

  std::map<std::string, Object> objects_;    // by the name in small letters
  std::map<std::string, Trigger> triggers_;  // likewise
  std::size_t references_ = 0;               // foreign keys
  std::size_t levels_ = 0;                   // of views that are being measured, each for another
};

}  // namespace prytany::app
