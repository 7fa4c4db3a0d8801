// What is excused: what Prytany refuses by design, what a script then cannot do any more, and what
// SQLite itself does otherwise than a script says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sqllogictest/expectation.h"
#include "tests/sqllogictest/plain.h"

namespace prytany::slt {

/// Whether it begins with SELECT or VALUES: such a statement changes nothing.
bool only_reads(const std::string& sql);

/// The codes of docs/reference/sql.md that excuse a record. Sorted.
const std::vector<std::string_view>& excused_codes();
bool is_excused(const std::string& code);

/// Why a record that did not come out as its script says is no failure.
struct Excuse {
  bool refused = false;  // else SQLite itself does not do what the script says
  std::string why;
};

/// Plain SQLite, asked the same. It is asked only when something was refused or came out otherwise.
class Oracle {
 public:
  explicit Oracle(const std::vector<Record>& script) : script_(script) {}

  void refused(std::size_t record, const std::string& code);
  /// Runs the script up to this record on two plain databases: one does everything, the other
  /// leaves out what was refused. Where the first does what the record expects, and the second
  /// fails as the cluster did, nothing but the refusal is to blame. Where neither does, both do
  /// exactly as the cluster, and it is an error, or the script has no result to compare with, then
  /// the script expects what SQLite does not do. Otherwise nothing: a failure. To be asked in the
  /// order of records.
  std::optional<Excuse> excuse(std::size_t record, const Outcome& outcome);

 private:
  struct Refused {
    std::size_t record;
    std::string code;
  };
  void catch_up(std::size_t end);
  [[nodiscard]] std::string cause(const Record& record, const Outcome& outcome) const;

  const std::vector<Record>& script_;
  std::vector<Refused> refused_;
  PlainDatabase all_;
  PlainDatabase without_;
  std::size_t seen_ = 0;  // both have seen the statements before it
};

}  // namespace prytany::slt
