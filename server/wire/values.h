// SQL values, results and errors as they travel: typed, so that nothing is guessed.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"

namespace prytany::wire {

using TextValue = Text<limits::value_bytes_max>;
using BlobValue = Body<limits::value_bytes_max>;
/// NULL, INTEGER, REAL, TEXT, BLOB: SQLite's five storage classes.
using Value = std::variant<std::monostate, std::int64_t, double, TextValue, BlobValue>;

using Name = Text<limits::name_bytes_max>;
using Row = List<Value, limits::columns_max>;

/// What one statement (or a procedure's last row-returning statement) gave.
struct ResultSet {
  List<Name, limits::columns_max> columns;
  List<Row, limits::rows_max> rows;
  std::int64_t changes = 0;
  std::int64_t last_insert_rowid = 0;
  static constexpr auto fields(auto& m) {
    return std::tie(m.columns, m.rows, m.changes, m.last_insert_rowid);
  }
  bool operator==(const ResultSet&) const = default;
};

/// An application's error: an answer, the same on every replica. `code` is stable and documented
/// (docs/reference/errors.md); ensure() makes an application's own codes.
struct ErrorReply {
  Name code;
  Text<limits::error_bytes_max> message;
  Name procedure;               // empty for ad-hoc SQL
  std::uint32_t statement = 0;  // from 1; 0 when no statement is to blame
  static constexpr auto fields(auto& m) {
    return std::tie(m.code, m.message, m.procedure, m.statement);
  }
  bool operator==(const ErrorReply&) const = default;
};

struct JoinedReply {
  SessionId session;
  Name principal;
  Name role;
  SessionId replaced;  // the principal's older session that this join ended; 0 for none
  static constexpr auto fields(auto& m) {
    return std::tie(m.session, m.principal, m.role, m.replaced);
  }
  bool operator==(const JoinedReply&) const = default;
};

/// Empty for operations that return nothing (leave, install). NullReply: the benchmark's payload.
struct DoneReply {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const DoneReply&) const = default;
};
struct NullReply {
  Body<limits::result_bytes_max> bytes;
  static constexpr auto fields(auto& m) { return std::tie(m.bytes); }
  bool operator==(const NullReply&) const = default;
};

using ResultSets = List<ResultSet, limits::statements_per_request_max>;
/// A step of a transaction whose condition did not hold.
struct SkippedReply {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const SkippedReply&) const = default;
};
/// What became of a step: rows, nothing, or the failure that it was allowed.
using StepResult = std::variant<ResultSet, SkippedReply, ErrorReply>;
using StepResults = List<StepResult, limits::statements_per_request_max>;
using Outcome =
    std::variant<DoneReply, ErrorReply, ResultSets, JoinedReply, NullReply, StepResults>;

/// What a committed request told those who watch a topic.
struct Change {
  std::uint64_t position = 0;  // from 1, one after the other, of all topics together
  Seq seq;
  AgreedTime agreed;
  Name topic;
  Value value;
  static constexpr auto fields(auto& m) {
    return std::tie(m.position, m.seq, m.agreed, m.topic, m.value);
  }
  bool operator==(const Change&) const = default;
};

/// What weak_quorum() replicas must say alike before a client believes it (design.md section 7).
struct Reply {
  SessionId session;  // of the request; for a join: 0
  RequestNumber number;
  Digest request;
  Seq seq;
  AgreedTime agreed;
  Outcome outcome;
  static constexpr auto fields(auto& m) {
    return std::tie(m.session, m.number, m.request, m.seq, m.agreed, m.outcome);
  }
  bool operator==(const Reply&) const = default;
};

/// sha256("prytany reply", cluster ‖ encode(reply)): compared, tagged, and sent instead of rows by
/// replicas that are not designated.
Digest reply_digest(const Digest& cluster, const Reply& reply);

}  // namespace prytany::wire
