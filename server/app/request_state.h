// What one request gives to SQL and what SQL leaves behind: the only channel between the executor
// and the functions, the authorizer and the progress handler that live in the SQL handle.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/meter.h"
#include "server/app/topic.h"
#include "server/crypto/digest.h"
#include "server/wire/ids.h"

namespace prytany::app {

/// Why a request fails: what becomes its ErrorReply, equal on every replica.
struct Failure {
  std::string code;
  std::string message;
  bool operator==(const Failure&) const = default;
};

/// random() and randomblob(): SHA-256 in counter mode over the request's seed. Not the stream
/// behind the VFS's xRandomness, which SQLite itself consumes in amounts that depend on the state
/// of the pager.
class RandomStream {
 public:
  RandomStream() = default;
  explicit RandomStream(const Digest& seed) : seed_(seed) {}
  void fill(std::span<std::uint8_t> out);

 private:
  Digest seed_;
  std::uint64_t block_ = 0;
  std::array<std::uint8_t, Digest::size> bytes_{};
  std::size_t used_ = Digest::size;
};

/// What one request may keep in memory, besides the pages of the database that it reads.
inline constexpr std::uint64_t request_memory_bytes_max = 256 << 20;

class Sessions;

/// Who may do what while a statement is prepared.
enum class Access : std::uint8_t {
  ours,         // the executor's own statements on prytany_* tables
  application,  // everything an application or a client wrote
};

/// Of one preparation, in ticks of SQLite's progress handler.
inline constexpr std::uint64_t parse_ticks_max = 100'000;

struct RequestState {
  // Given.
  AgreedTime agreed;
  RandomStream random;
  std::optional<SessionId> session;  // nothing: nobody's request (public reads, migrations)
  std::string_view principal;        // outlive the request
  std::string_view role;
  const Sessions* sessions = nullptr;  // all that live
  const Topics* topics = nullptr;      // that it may tell of; null: of none
  std::uint64_t work_max = 0;
  std::uint64_t work_from = 0;  // where the count of it began: what failures speak of
  std::int64_t total_changes_before = 0;
  std::uint64_t database_pages_before = 0;

  // Set around each preparation.
  Access access = Access::ours;
  bool preparing = false;
  std::uint64_t parse_ticks_left = 0;

  // Left behind.
  std::uint64_t work = 0;          // in steps, of which some are other things than SQLite's
  std::optional<Failure> failure;  // the first refusal wins
  bool ensured = false;            // it is ensure() that said no
  bool schema_touched = false;     // some statement was DDL
  std::vector<SessionId> ended;    // by DELETE, of which a step that failed alone undid some
  std::string index_created;       // by a CREATE INDEX that SQLite has not filled yet
  bool notifies = false;           // the statement that was prepared calls notify()
  bool alters = false;             // it is an ALTER TABLE
  std::string drops;               // it drops this table
  std::vector<Notice> notices;     // by notify(), for when it commits
  std::set<std::string, std::less<>> touched;  // topics of those without a value: told once

  /// Forgets the request before.
  void start();
  /// Keeps the first failure.
  void fail(std::string_view code, std::string message) {
    if (!failure) failure = Failure{std::string(code), std::move(message)};
  }
  /// Forgets all but the first of its notices: what told the others was undone.
  void take_back(std::size_t told);
  /// Counts work that VM steps do not see. False when the request is over its budget.
  bool spend(std::uint64_t units);
  /// Counts what a plan took to choose, `planning` as the meter has it: what goes beyond that of
  /// everyday statements. False as above.
  bool spend_planning(std::uint64_t planning);
  /// Counts VM steps, and what the meter saw since the last time. False when the request is over
  /// its budget.
  bool settle(std::uint64_t steps);

 private:
  MeterReading settled_;
};

}  // namespace prytany::app
