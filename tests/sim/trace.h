// The trace of a run: a hash that covers every delivered byte, every effect and every digest, and
// on demand the same as lines for people. Two runs are the same run exactly when their hashes are
// equal.
#pragma once

#include <deque>
#include <ostream>
#include <string>
#include <string_view>

#include "server/crypto/digest.h"
#include "server/wire/ids.h"

namespace prytany::sim {

class Trace {
 public:
  /// `lines`: where people read along; may be null. The last lines are kept for a failure's report.
  explicit Trace(std::ostream* lines) : lines_(lines) {}

  /// Something happened at `who` ("r2", "c5", "net", "world"). `bytes` is hashed, never printed.
  void add(Time now, std::string_view who, std::string_view what, ByteView bytes = {});

  /// For people only: what a replica notes depends on how much it is asked to note.
  void say(Time now, std::string_view who, std::string_view what);
  [[nodiscard]] bool has_reader() const { return lines_ != nullptr; }

  /// Of everything so far. Ends the trace.
  Digest finish();

  [[nodiscard]] const std::deque<std::string>& tail() const { return tail_; }

 private:
  static constexpr std::size_t tail_lines_max = 40;
  /// Events are small: hashed one by one, each would cost more than its bytes do.
  static constexpr std::size_t unhashed_bytes = 16'384;

  void hash();

  Bytes unhashed_;
  crypto::Hasher hasher_{"prytany simulation"};
  std::ostream* lines_;
  std::deque<std::string> tail_;
};

}  // namespace prytany::sim
