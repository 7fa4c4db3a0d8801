// What a node needs from the world. The simulator replaces these, and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/pbft/journal.h"
#include "server/wire/configuration.h"
#include "server/wire/ids.h"

namespace prytany::node {

/// One client's WebSocket, numbered by whoever accepts them; numbers are not used twice.
using ConnectionId = Strong<struct ConnectionIdTag>;

class Transport {
 public:
  virtual ~Transport() = default;
  /// Best effort: dropped when there is no link or its bounded queue is full. `frame` is sealed.
  virtual void send(ReplicaId to, Bytes frame) = 0;
  /// JSON text to a client; dropped when it is gone. A client that does not read is closed by the
  /// transport.
  virtual void reply(ConnectionId to, std::string text) = 0;
  virtual void close(ConnectionId connection, std::string_view reason) = 0;
};

class Journal {
 public:
  virtual ~Journal() = default;
  /// Buffered until sync. A StableRecord starts a new segment.
  virtual void append(const pbft::JournalRecord& record) = 0;
  /// One group fsync. An error is a local fault: the replica must stop, never retry.
  virtual Result<void> sync() = 0;
  /// Whether there is a disk that sync() waits for.
  [[nodiscard]] virtual bool waits() const { return true; }
  /// Segments that hold only slots at or below seq may go.
  virtual void discard(Seq seq) = 0;
};

/// The chain of configurations, beside state.db.
class ChainFile {
 public:
  virtual ~ChainFile() = default;
  /// Durable when it returns. An error is a local fault.
  virtual Result<void> save(const wire::Chain& chain) = 0;
  /// The newest configuration is another one (it is saved): links are to be made anew, with its
  /// keys.
  virtual void changed(const wire::Chain& chain) = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;         // monotonic
  [[nodiscard]] virtual AgreedTime wall() const = 0;  // for proposing and judging agreed time only
};

}  // namespace prytany::node
