#include "clientlib/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "server/crypto/agree.h"

namespace prytany::client {
namespace {

constexpr std::uint64_t wakeup = 0;  // the event's name in epoll; lines begin at 1
constexpr std::uint64_t leave_patience_us = 1'000'000;

Time monotonic() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Time{static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count())};
}

Completion closed() {
  Completion completion;
  completion.verdict = Verdict::outcome_unknown;
  completion.code = "closed";
  completion.message = "the client was closed before the answer came: the request may have run";
  return completion;
}

}  // namespace

Loop::Loop(std::shared_ptr<const ClusterView> cluster,
           std::shared_ptr<const crypto::TlsTrust> trust)
    : cluster_(std::move(cluster)),
      trust_(std::move(trust)),
      mailbox_(std::make_shared<Mailbox>()),
      now_(monotonic()) {
  for (const std::string& url : cluster_->urls) urls_.push_back(parse_websocket_url(url));
  epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
  mailbox_->event_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ENSURE(epoll_fd_ >= 0 && mailbox_->event_fd >= 0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wakeup;
  ENSURE(::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, mailbox_->event_fd, &event) == 0);
  thread_ = std::thread([this] { run(); });
}

Loop::~Loop() {
  // Behind what was posted before: sessions told to leave are leaving by then.
  post([this] { stopping_ = true; });
  thread_.join();
  const std::lock_guard lock(mailbox_->mutex);
  ::close(mailbox_->event_fd);
  mailbox_->event_fd = -1;
  ::close(epoll_fd_);
}

// ---- from any thread ------------------------------------------------------------------------

void Loop::post(Mailbox& mailbox, Task task) {
  const std::lock_guard lock(mailbox.mutex);
  if (mailbox.event_fd < 0) return;
  mailbox.tasks.push_back(std::move(task));
  if (mailbox.tasks.size() > 1) return;  // whoever put the first one in has rung
  const std::uint64_t one = 1;
  (void)!::write(mailbox.event_fd, &one, sizeof one);
}

void Loop::post(Task task) {
  // From a callback: later in the same turn, so that no callback runs inside another.
  if (on_thread()) return local_.push_back(std::move(task));
  post(*mailbox_, std::move(task));
}

template <class Use>
void Loop::with(Seat seat, Use use) {
  post([this, seat, use = std::move(use)]() mutable {
    Sitting* sitting = find(seat);
    Effects effects;
    use(sitting, effects);
    if (sitting != nullptr) perform(seat, *sitting, std::move(effects));
  });
}

Seat Loop::open(SessionOptions options, Hooks hooks) {
  const Seat seat{++last_seat_};
  post([this, seat, options, hooks = std::move(hooks)]() mutable {
    const auto entropy = [](std::span<std::uint8_t> out) { crypto::random_bytes(out); };
    auto& sitting = sittings_[seat.value];
    sitting = std::make_unique<Sitting>(cluster_, options, entropy, std::move(hooks));
    Effects effects;
    sitting->session.start(now_, effects);
    perform(seat, *sitting, std::move(effects));
  });
  return seat;
}

Seat Loop::open(const SessionOptions& options, Hooks hooks, SessionId session,
                const crypto::Signer& key, std::uint64_t number) {
  const Seat seat{++last_seat_};
  post([this, seat, options, hooks = std::move(hooks), session, key, number]() mutable {
    const auto entropy = [](std::span<std::uint8_t> out) { crypto::random_bytes(out); };
    auto& sitting = sittings_[seat.value];
    sitting = std::make_unique<Sitting>(cluster_, options, entropy, std::move(hooks));
    sitting->stays = true;
    sitting->session.attach(session, key, number);
    Effects effects;
    sitting->session.start(now_, effects);
    perform(seat, *sitting, std::move(effects));
  });
  return seat;
}

void Loop::close(Seat seat) {
  post([this, seat] { close_now(seat); });
}

void Loop::leave_and_close(Seat seat) {
  with(seat, [this, seat](Sitting* sitting, Effects& effects) {
    if (sitting == nullptr) return;
    const bool left = sitting->session.id().value == 0 || sitting->session.ended();
    if (left || sitting->stays) return close(seat);
    sitting->leaving = true;
    const Ticket ticket = sitting->session.submit(now_, wire::Operation{wire::Leave{}},
                                                  now_ + leave_patience_us, effects);
    sitting->asked.emplace(ticket.value, [this, seat](const Completion&) { close(seat); });
  });
}

void Loop::join(Seat seat, const crypto::Signer& credential, std::string name,
                std::uint64_t timeout_us, Done done, Prover prover) {
  with(seat, [this, credential, name = std::move(name), timeout_us, done = std::move(done),
              prover = std::move(prover)](Sitting* sitting, Effects& effects) mutable {
    if (sitting == nullptr) return done(closed());
    const Ticket ticket = sitting->session.join(now_, credential, std::move(name),
                                                std::move(prover), now_ + timeout_us, effects);
    sitting->asked.emplace(ticket.value, std::move(done));
  });
}

void Loop::submit(Seat seat, wire::Operation operation, std::uint64_t timeout_us, Done done) {
  with(seat, [this, operation = std::move(operation), timeout_us, done = std::move(done)](
                 Sitting* sitting, Effects& effects) mutable {
    if (sitting == nullptr) return done(closed());
    const Ticket ticket = sitting->session.submit(now_, operation, now_ + timeout_us, effects);
    sitting->asked.emplace(ticket.value, std::move(done));
  });
}

void Loop::fast_read(Seat seat, wire::Operation operation, std::uint64_t timeout_us, Done done) {
  with(seat, [this, operation = std::move(operation), timeout_us, done = std::move(done)](
                 Sitting* sitting, Effects& effects) mutable {
    if (sitting == nullptr) return done(closed());
    const Ticket ticket = sitting->session.fast_read(now_, operation, now_ + timeout_us, effects);
    sitting->asked.emplace(ticket.value, std::move(done));
  });
}

void Loop::read(Seat seat, wire::Call call, std::uint64_t timeout_us, Done done) {
  with(seat, [this, call = std::move(call), timeout_us, done = std::move(done)](
                 Sitting* sitting, Effects& effects) mutable {
    if (sitting == nullptr) return done(closed());
    const Ticket ticket = sitting->session.read(now_, std::move(call), now_ + timeout_us, effects);
    sitting->asked.emplace(ticket.value, std::move(done));
  });
}

void Loop::subscribe(Seat seat, std::vector<std::string> topics, std::optional<std::uint64_t> after,
                     std::shared_ptr<Watcher> watcher) {
  with(seat, [this, topics = std::move(topics), after, watcher = std::move(watcher)](
                 Sitting* sitting, Effects& effects) {
    if (sitting == nullptr) return watcher->ended("closed", "the client was closed");
    watcher->ticket = sitting->session.subscribe(now_, topics, after, effects);
    sitting->watchers.emplace(watcher->ticket.value, watcher);
  });
}

void Loop::unsubscribe(Seat seat, std::shared_ptr<Watcher> watcher) {
  with(seat, [watcher = std::move(watcher)](Sitting* sitting, Effects& effects) {
    if (sitting == nullptr) return;
    sitting->watchers.erase(watcher->ticket.value);
    sitting->session.unsubscribe(watcher->ticket, effects);
  });
}

void Loop::consumed(Seat seat, std::shared_ptr<Watcher> watcher, std::size_t changes) {
  with(seat, [watcher = std::move(watcher), changes](Sitting* sitting, Effects& effects) {
    if (sitting != nullptr) sitting->session.consumed(watcher->ticket, changes, effects);
  });
}

void Loop::ask_status(Seat seat) {
  with(seat, [](Sitting* sitting, Effects& effects) {
    if (sitting != nullptr) sitting->session.ask_status(effects);
  });
}

void Loop::inspect(Seat seat, std::function<void(const Session*)> look) {
  with(seat, [look = std::move(look)](Sitting* sitting, Effects&) {
    look(sitting == nullptr ? nullptr : &sitting->session);
  });
}

// ---- the loop's thread ----------------------------------------------------------------------

void Loop::run() {
  Time give_up = never;
  while (true) {
    if (stopping_) {
      if (give_up == never) give_up = monotonic() + leave_patience_us;
      const bool leaving =
          std::ranges::any_of(sittings_, [](const auto& entry) { return entry.second->leaving; });
      if (!leaving || now_ >= give_up) break;
    }
    std::array<epoll_event, 256> events;
    const int timeout = stopping_ ? std::min(wait_ms(), 20) : wait_ms();
    const int count =
        ::epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout);
    now_ = monotonic();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == wakeup) {
        std::uint64_t rings = 0;
        (void)!::read(mailbox_->event_fd, &rings, sizeof rings);
      } else {
        const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
        on_event(event.data.u64, broken || (event.events & EPOLLIN) != 0,
                 broken || (event.events & EPOLLOUT) != 0);
      }
    }
    run_tasks();
    fire_timers();
    settle_touched();
    flush_dirty();
  }
  while (!sittings_.empty()) close_now(Seat{sittings_.begin()->first});
  run_tasks();
}

int Loop::wait_ms() const {
  if (!local_.empty()) return 0;
  if (timers_.empty()) return stopping_ ? 20 : -1;
  const Time next = timers_.begin()->first;
  if (next <= now_) return 0;
  // Rounded up: waking early would mean to look at the clock in a circle.
  const std::uint64_t ms = (next - now_ + 999) / 1000;
  return static_cast<int>(std::min<std::uint64_t>(ms, 60'000));
}

void Loop::run_tasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mailbox_->mutex);
    tasks.swap(mailbox_->tasks);
  }
  for (Task& task : tasks) task();
  // What callbacks asked for; and what those asks called back, in the next turn.
  std::vector<Task> local;
  local.swap(local_);
  for (Task& task : local) task();
}

void Loop::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    const Seat seat = timers_.begin()->second;
    timers_.erase(timers_.begin());
    Sitting* sitting = find(seat);
    if (sitting == nullptr) continue;
    sitting->wake = never;
    Effects effects;
    sitting->session.tick(now_, effects);
    perform(seat, *sitting, std::move(effects));
  }
}

/// Deadlines mostly move away: an entry that is too early only costs a tick that does nothing.
void Loop::settle_touched() {
  for (const Seat seat : touched_) {
    Sitting* sitting = find(seat);
    if (sitting == nullptr) continue;
    Effects effects;
    sitting->session.send_new(now_, effects);
    perform(seat, *sitting, std::move(effects));
    sitting->touched = false;
    const Time deadline = sitting->session.deadline();
    if (deadline >= sitting->wake) continue;
    timers_.erase({sitting->wake, seat});
    sitting->wake = deadline;
    timers_.insert({deadline, seat});
  }
  touched_.clear();
}

void Loop::flush_dirty() {
  std::vector<LineId> dirty;
  dirty.swap(dirty_);
  for (const LineId id : dirty) {
    const auto found = lines_.find(id);
    if (found == lines_.end()) continue;
    found->second.dirty = false;
    if (const auto flushed = found->second.socket->flush(); !flushed) {
      line_failed(id, flushed.error().message);
    } else {
      watch(id, found->second);
    }
  }
}

// ---- sessions -------------------------------------------------------------------------------

Loop::Sitting* Loop::find(Seat seat) {
  const auto found = sittings_.find(seat.value);
  return found == sittings_.end() ? nullptr : found->second.get();
}

void Loop::touch(Seat seat, Sitting& sitting) {
  if (sitting.touched) return;
  sitting.touched = true;
  touched_.push_back(seat);
}

void Loop::perform(Seat seat, Sitting& sitting, Effects effects) {
  touch(seat, sitting);
  // By index: what is done may add to what is to be done.
  for (std::size_t i = 0; i < effects.size(); ++i) {
    Effect effect = std::move(effects[i]);
    if (auto* connect = std::get_if<Connect>(&effect)) {
      begin_line(seat, sitting, connect->replica, effects);
    } else if (auto* send = std::get_if<Send>(&effect)) {
      const auto at = sitting.lines.find(send->to);
      if (at == sitting.lines.end()) continue;
      Line& line = lines_.at(at->second);
      if (line.socket == nullptr || !line.socket->opened()) continue;
      line.socket->send(*send->text);
      if (!line.dirty) dirty_.push_back(at->second);
      line.dirty = true;
    } else if (auto* close = std::get_if<Close>(&effect)) {
      if (const auto at = sitting.lines.find(close->replica); at != sitting.lines.end())
        end_line(at->second);
      sitting.session.disconnected(now_, close->replica, effects);
    } else if (auto* completed = std::get_if<Completed>(&effect)) {
      complete(sitting, std::move(*completed));
    } else if (auto* changes = std::get_if<ChangesHeard>(&effect)) {
      tell(sitting, std::move(*changes));
    } else if (auto* over = std::get_if<SubscriptionEnded>(&effect)) {
      tell(sitting, *over);
    } else if (auto* ended = std::get_if<Ended>(&effect)) {
      if (sitting.hooks.ended) sitting.hooks.ended(ended->reason);
    } else if (auto* heard = std::get_if<StatusHeard>(&effect)) {
      if (sitting.hooks.status) sitting.hooks.status(heard->status);
    } else if (auto* note = std::get_if<Note>(&effect)) {
      if (sitting.hooks.note) sitting.hooks.note(note->text);
    }
  }
}

void Loop::complete(Sitting& sitting, Completed completed) {
  const auto asked = sitting.asked.find(completed.ticket.value);
  if (asked == sitting.asked.end()) return;
  const Done done = std::move(asked->second);
  sitting.asked.erase(asked);
  done(std::move(completed.completion));
}

void Loop::tell(Sitting& sitting, ChangesHeard heard) {
  const auto watcher = sitting.watchers.find(heard.ticket.value);
  if (watcher != sitting.watchers.end()) watcher->second->heard(std::move(heard));
}

void Loop::tell(Sitting& sitting, const SubscriptionEnded& ended) {
  const auto watcher = sitting.watchers.extract(ended.ticket.value);
  if (watcher) watcher.mapped()->ended(ended.code, ended.message);
}

void Loop::close_now(Seat seat) {
  Sitting* sitting = find(seat);
  if (sitting == nullptr) return;
  while (!sitting->lines.empty()) end_line(sitting->lines.begin()->second);
  timers_.erase({sitting->wake, seat});
  const std::unique_ptr<Sitting> last = std::move(sittings_.at(seat.value));
  sittings_.erase(seat.value);
  for (const auto& [ticket, done] : last->asked) done(closed());
  for (const auto& [ticket, watcher] : last->watchers)
    watcher->ended("closed", "the client was closed");
}

}  // namespace prytany::client
