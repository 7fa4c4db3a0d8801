// Whom the sockets serve: the node, as net/ sees it. All calls come from the loop's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/bytes.h"
#include "server/node/ports.h"
#include "server/wire/configuration.h"
#include "server/wire/frame.h"
#include "server/wire/ids.h"

namespace prytany::net {

using node::ConnectionId;

class Upstream {
 public:
  virtual ~Upstream() = default;

  // ---- replica links ----
  virtual void link_up(ReplicaId peer, wire::LinkKeys keys) = 0;
  virtual void link_down(ReplicaId peer) = 0;
  /// Looks at a part of it. True: there is more, and it wants to be called again with the same
  /// bytes, which stay where they are until then, or until the link is down.
  virtual bool frame(ReplicaId peer, ByteView sealed) = 0;
  /// Microseconds that were spent on what this peer said, outside of frame(), since last asked.
  virtual std::uint64_t take_worked_us(ReplicaId peer) { return static_cast<void>(peer), 0; }

  /// What a peer says of newer configurations. Not checked.
  virtual void configurations(const wire::ConfigurationLinks& news) = 0;

  // ---- clients ----
  virtual void client_connected(ConnectionId connection, std::string address) = 0;
  virtual void client_text(ConnectionId connection, std::string_view text) = 0;
  virtual void client_closed(ConnectionId connection) = 0;

  // ---- plain HTTP ----
  struct Page {
    std::string media_type;
    Bytes content;
  };
  /// "/index.html", "/status", ...: nothing if there is no such page.
  virtual std::optional<Page> page(std::string_view path) = 0;
  /// Somebody without a session asks for a public procedure; `arguments` are "name=value" each. The
  /// answer comes by Gateway::reply() to `asked`, which is closed with client_closed(). Or says
  /// what is wrong with the question, and there will be none.
  virtual std::optional<std::string> read(ConnectionId asked, std::string host,
                                          std::string_view procedure,
                                          const std::vector<std::string>& arguments) {
    (void)asked, (void)host, (void)procedure, (void)arguments;
    return "nothing is read here";
  }
};

}  // namespace prytany::net
