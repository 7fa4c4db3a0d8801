// Host names become addresses on a thread of their own: the system's resolver blocks, for seconds
// when a name server is away, and the protocol's loop must not.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "server/base/result.h"
#include "server/net/poller.h"
#include "server/net/socket.h"

namespace prytany::net {

class Resolver {
 public:
  /// Called in the poller's thread.
  using Answer = std::function<void(Result<SocketAddress>)>;

  explicit Resolver(Poller& poller);
  /// Waits for a look-up that is under way; the others are not answered.
  ~Resolver();

  /// Numeric addresses are answered at once, without the thread.
  void resolve(const std::string& host, std::uint16_t port, Answer answer);

 private:
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    Answer answer;
  };
  struct Answered {
    Result<SocketAddress> result;
    Answer answer;
  };

  void work();
  void deliver();

  Poller& poller_;
  Fd wake_;  // an eventfd: answers wait
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable asked_;
  // Under mutex_:
  std::deque<Question> questions_;
  std::deque<Answered> answers_;
  bool stopping_ = false;
};

}  // namespace prytany::net
