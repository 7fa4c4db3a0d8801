// The public Subscription: a queue between the loop's thread and the one that waits.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "clientlib/cluster_impl.h"

namespace prytany {
namespace {

/// The loop is told of so many at once.
constexpr std::size_t taken_together = 256;

/// What the loop's thread fills and another one empties.
struct ChangeQueue {
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<Change> waiting;
  std::optional<std::uint64_t> heard;     // everything up to here is in `waiting`, or was
  std::optional<std::uint64_t> position;  // of what was taken
  std::optional<ErrorInfo> over;

  void hear(client::ChangesHeard news) {
    const std::lock_guard lock(mutex);
    heard = news.position;
    if (news.missed) {
      Change missed;
      missed.missed = true;
      missed.position = news.items.empty() ? news.position : news.items.front().position - 1;
      waiting.push_back(std::move(missed));
    }
    for (wire::Change& change : news.items)
      waiting.push_back({false, change.position, change.seq.value, change.agreed.value,
                         std::move(change.topic.text), client::from_wire(change.value)});
    if (waiting.empty()) position = heard;
    filled.notify_all();
  }
  void end(const std::string& code, const std::string& message) {
    const std::lock_guard lock(mutex);
    const ErrorKind kind = code == "usage" ? ErrorKind::usage : ErrorKind::refused;
    over = ErrorInfo{kind, code, message, {}, 0, true};
    filled.notify_all();
  }
};

}  // namespace

struct Subscription::Impl {
  std::shared_ptr<Cluster::Impl> cluster;
  client::Seat seat;
  std::shared_ptr<ChangeQueue> queue = std::make_shared<ChangeQueue>();
  std::shared_ptr<client::Loop::Watcher> watcher = std::make_shared<client::Loop::Watcher>();
  std::size_t taken = 0;  // and not yet said to be

  ~Impl() { cluster->loop->unsubscribe(seat, watcher); }
  /// Whether it has a position, now or in time. Throws when it has ended.
  bool begun(std::chrono::milliseconds timeout) const {
    cluster->must_not_be_loop_thread();
    std::unique_lock lock(queue->mutex);
    queue->filled.wait_for(lock, timeout, [&] { return queue->heard || queue->over; });
    if (queue->over) throw_error(*queue->over);
    return queue->heard.has_value();
  }
};

Subscription::Subscription(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Subscription::~Subscription() = default;
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;

Subscription Client::subscribe(const std::vector<std::string>& topics,
                               std::optional<std::uint64_t> after) {
  auto made = std::make_unique<Subscription::Impl>();
  made->cluster = impl_->cluster;
  made->seat = impl_->seat;
  made->queue->position = after;
  made->watcher->heard = [queue = made->queue](client::ChangesHeard news) {
    queue->hear(std::move(news));
  };
  made->watcher->ended = [queue = made->queue](const std::string& code,
                                               const std::string& message) {
    queue->end(code, message);
  };
  impl_->cluster->loop->subscribe(impl_->seat, topics, after, made->watcher);
  return Subscription(std::move(made));
}

std::optional<Change> Subscription::next(std::chrono::milliseconds timeout) {
  impl_->cluster->must_not_be_loop_thread();
  ChangeQueue& queue = *impl_->queue;
  std::unique_lock lock(queue.mutex);
  queue.filled.wait_for(lock, timeout, [&] { return !queue.waiting.empty() || queue.over; });
  if (queue.waiting.empty()) {
    if (queue.over) throw_error(*queue.over);
    return std::nullopt;
  }
  Change change = std::move(queue.waiting.front());
  queue.waiting.pop_front();
  const bool last = queue.waiting.empty();
  queue.position = last ? queue.heard : change.position;
  lock.unlock();
  if (!change.missed) ++impl_->taken;
  if (last || impl_->taken >= taken_together) {
    impl_->cluster->loop->consumed(impl_->seat, impl_->watcher, impl_->taken);
    impl_->taken = 0;
  }
  return change;
}

std::optional<std::uint64_t> Subscription::position() const {
  const std::lock_guard lock(impl_->queue->mutex);
  return impl_->queue->position;
}

LiveQuery::LiveQuery(Client& client, std::string procedure, Arguments arguments,
                     const std::vector<std::string>& topics)
    : client_(&client),
      procedure_(std::move(procedure)),
      arguments_(std::move(arguments)),
      changes_(client.subscribe(topics)) {}

std::optional<Answer> LiveQuery::next(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  // Whatever is ordered after the subscription has begun is either in the answer or told.
  if (!seq_ && !changes_.impl_->begun(timeout)) return std::nullopt;
  while (seq_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    const auto change = changes_.next(std::max(left, std::chrono::milliseconds(0)));
    if (!change) return std::nullopt;
    if (change->missed || change->seq >= *seq_) break;  // else it is in the answer
  }
  Answer answer = client_->read(procedure_, arguments_);
  seq_ = answer.seq;
  return answer;
}

}  // namespace prytany
