// Loop: one background thread that owns an epoll, the sockets, and any number of sessions, each
// with its own connection to every replica. The world of session.h.
//
// Every member function may be called from any thread, also from callbacks. Callbacks run on the
// loop's thread, one at a time; they must not block and must not throw.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "clientlib/resolver.h"
#include "clientlib/session.h"
#include "clientlib/websocket_connection.h"

namespace prytany::client {

/// One session in a loop. Never used twice.
using Seat = Strong<struct SeatTag>;

class Loop {
 public:
  using Done = std::function<void(Completion)>;
  struct Hooks {  // each may be empty
    std::function<void(const std::string& reason)> ended;
    std::function<void(const wire::StatusReply&)> status;
    std::function<void(const std::string&)> note;
  };

  /// A subscription's owner. Its functions are called on the loop's thread; `ended` is the last.
  struct Watcher {
    std::function<void(ChangesHeard)> heard;
    std::function<void(const std::string& code, const std::string& message)> ended;
    Ticket ticket = {};  // the loop's own
  };

  /// `trust` is needed if some replica has a wss address.
  explicit Loop(std::shared_ptr<const ClusterView> cluster,
                std::shared_ptr<const crypto::TlsTrust> trust = nullptr);
  /// Lets sessions that are leaving finish, for a second at most. What is then still asked is
  /// completed as outcome_unknown, code "closed".
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Begins to connect at once.
  Seat open(SessionOptions options, Hooks hooks);
  /// The same with a session that genesis gives: see Session::attach().
  Seat open(const SessionOptions& options, Hooks hooks, SessionId session,
            const crypto::Signer& key, std::uint64_t number);
  /// Ends the connections; what is still asked is completed as outcome_unknown, code "closed".
  void close(Seat seat);
  /// Leaves the session if it has joined, then closes. Returns at once.
  void leave_and_close(Seat seat);

  void join(Seat seat, const crypto::Signer& credential, std::string name, std::uint64_t timeout_us,
            Done done, Prover prover = {});
  void submit(Seat seat, wire::Operation operation, std::uint64_t timeout_us, Done done);
  void fast_read(Seat seat, wire::Operation operation, std::uint64_t timeout_us, Done done);
  void read(Seat seat, wire::Call call, std::uint64_t timeout_us, Done done);
  void subscribe(Seat seat, std::vector<std::string> topics, std::optional<std::uint64_t> after,
                 std::shared_ptr<Watcher> watcher);
  /// It is told nothing more, not even that.
  void unsubscribe(Seat seat, std::shared_ptr<Watcher> watcher);
  /// It has dealt with so many more changes.
  void consumed(Seat seat, std::shared_ptr<Watcher> watcher, std::size_t changes);
  void ask_status(Seat seat);
  /// Calls `look` with the session, on the loop's thread; with nullptr if it is closed.
  void inspect(Seat seat, std::function<void(const Session*)> look);

  /// True on the loop's thread: whoever waits there for the loop waits for ever.
  [[nodiscard]] bool on_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  [[nodiscard]] const ClusterView& cluster() const { return *cluster_; }

 private:
  using LineId = std::uint64_t;
  struct Line {  // one connection of one session
    Seat seat;
    ReplicaId replica;
    std::unique_ptr<WebSocketConnection> socket;  // empty while the name is looked up
    bool dirty = false;
    bool polls_write = false;
  };
  struct Sitting {
    Sitting(std::shared_ptr<const ClusterView> cluster, const SessionOptions& options,
            Entropy entropy, Hooks h)
        : session(std::move(cluster), options, std::move(entropy)), hooks(std::move(h)) {}
    Session session;
    Hooks hooks;
    std::map<ReplicaId, LineId> lines;
    std::unordered_map<std::uint64_t, Done> asked;                         // by ticket
    std::unordered_map<std::uint64_t, std::shared_ptr<Watcher>> watchers;  // by ticket
    Time wake = never;                                                     // its entry in timers_
    bool touched = false;
    bool leaving = false;
    bool stays = false;  // of genesis: it does not leave
  };
  using Task = std::function<void()>;
  /// Outlives the loop in the hands of resolvers.
  struct Mailbox {
    std::mutex mutex;
    std::vector<Task> tasks;
    int event_fd = -1;  // -1 once the loop is gone
  };

  void post(Task task);
  static void post(Mailbox& mailbox, Task task);
  /// Runs `use(sitting, effects)` on the loop's thread, then does what the effects say.
  template <class Use>
  void with(Seat seat, Use use);

  void run();
  [[nodiscard]] int wait_ms() const;
  void on_event(LineId id, bool readable, bool writable);
  void run_tasks();
  void fire_timers();
  void settle_touched();
  void flush_dirty();

  void touch(Seat seat, Sitting& sitting);
  void perform(Seat seat, Sitting& sitting, Effects effects);
  void complete(Sitting& sitting, Completed completed);
  static void tell(Sitting& sitting, ChangesHeard heard);
  static void tell(Sitting& sitting, const SubscriptionEnded& ended);
  void begin_line(Seat seat, Sitting& sitting, ReplicaId replica, Effects& more);
  void connect_line(LineId id, const WebSocketConnection::Address& address);
  void end_line(LineId id);
  void line_failed(LineId id, const std::string& why);
  void watch(LineId id, Line& line);
  void close_now(Seat seat);
  [[nodiscard]] Sitting* find(Seat seat);

  std::shared_ptr<const ClusterView> cluster_;
  std::shared_ptr<const crypto::TlsTrust> trust_;
  std::vector<Result<WebSocketUrl>> urls_;
  std::shared_ptr<Mailbox> mailbox_;
  int epoll_fd_ = -1;
  std::atomic<std::uint64_t> last_seat_{0};

  // The loop's thread alone:
  bool stopping_ = false;
  Time now_;
  std::vector<Task> local_;  // posted from callbacks
  std::unordered_map<std::uint64_t, std::unique_ptr<Sitting>> sittings_;
  std::unordered_map<LineId, Line> lines_;
  LineId last_line_ = 0;
  std::set<std::pair<Time, Seat>> timers_;
  std::vector<Seat> touched_;
  std::vector<LineId> dirty_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace prytany::client
