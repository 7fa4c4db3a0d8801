#include "vfs/state_file.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "server/base/ensure.h"
#include "vfs/foreign_journal.h"
#include "vfs/real_files.h"

namespace prytany::vfs {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How the helper asks for state.db while others read it. Most often it only looks; now and then it
// keeps new readers out for a moment, so that readers which overlap without end leave a gap. 50 ms
// is well below the two seconds that a patient reader waits.
class Patience {
 public:
  void reset() { *this = Patience(); }
  /// Whether to keep new readers out until the next try.
  [[nodiscard]] bool drain() const { return tries_ % 16 >= 11; }
  /// How long until the next try.
  milliseconds pause() {
    ++tries_;
    if (drain()) return milliseconds(10);
    pause_ = std::min(pause_ * 3 / 2, milliseconds(500));
    return pause_;
  }

 private:
  unsigned tries_ = 0;
  milliseconds pause_{10};
};

}  // namespace

Result<std::unique_ptr<StateFile>> StateFile::open(const std::string& folder) {
  Result<std::unique_ptr<RealFiles>> files = RealFiles::open(folder);
  if (!files) return files.error();
  if (Result<void> rolled = roll_back_foreign_journal(folder); !rolled) return rolled.error();
  return over(std::move(*files));
}

std::unique_ptr<StateFile> StateFile::over(std::unique_ptr<Files> files, StateFileOptions options) {
  const int ready = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ENSURE(ready >= 0);
  return std::unique_ptr<StateFile>(new StateFile(std::move(files), options, ready));
}

StateFile::StateFile(std::unique_ptr<Files> files, const StateFileOptions& options, int ready)
    : files_(std::move(files)),
      image_(*files_, options.image),
      backfill_interval_(options.backfill_interval),
      ready_(ready) {}

StateFile::~StateFile() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (helper_.joinable()) helper_.join();
  ::close(ready_);
}

Result<void> StateFile::load(ImageSink& sink) {
  ENSURE(!helper_.joinable());
  constexpr milliseconds pause(5);
  for (milliseconds waited(0);; waited += pause) {
    const Result<bool> locked = image_.lock();
    if (!locked) return locked.error();
    if (*locked) break;
    if (waited >= milliseconds(2000))
      return Error{"another program is writing state.db; stop it and start the replica again"};
    std::this_thread::sleep_for(pause);
  }
  if (Result<void> loaded = image_.load(sink); !loaded) return loaded;
  // Signals are for the thread that runs the node.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  helper_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void StateFile::begin_commit(Commit commit) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(commit));
  }
  wake_.notify_one();
}

Result<DiskProgress> StateFile::progress() {
  std::uint64_t count = 0;
  // Nothing to read is no error: then there is no news.
  if (::read(ready_, &count, sizeof count) < 0) ENSURE(errno == EAGAIN || errno == EINTR);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (error_) return *error_;
  return progress_;
}

// Publishes what the image reached. Called without the lock, by the helper.
void StateFile::report() {
  const DiskProgress now = image_.progress();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (now.committed == progress_.committed && now.backfilled == progress_.backfilled) return;
    progress_ = now;
  }
  const std::uint64_t one = 1;
  ENSURE(::write(ready_, &one, sizeof one) == static_cast<ssize_t>(sizeof one));
}

void StateFile::fail(const Error& error, std::unique_lock<std::mutex>& lock) {
  error_ = error;
  lock.unlock();
  const std::uint64_t one = 1;
  ENSURE(::write(ready_, &one, sizeof one) == static_cast<ssize_t>(sizeof one));
}

// False if there was none. The lock is held at both ends, not meanwhile.
Result<bool> StateFile::commit_next(std::unique_lock<std::mutex>& lock) {
  if (queue_.empty()) return false;
  const Commit commit = std::move(queue_.front());
  queue_.pop_front();
  lock.unlock();
  const Result<void> committed = image_.commit(commit);
  if (committed) report();
  lock.lock();
  if (!committed) return committed.error();
  return true;
}

Result<DurableImage::Work> StateFile::work(std::unique_lock<std::mutex>& lock, bool drain) {
  lock.unlock();
  const Result<DurableImage::Work> work = image_.work(drain);
  if (work) report();
  lock.lock();
  return work;
}

// Commits first; what time is left goes to backfill.
void StateFile::run() {
  constexpr milliseconds leave_within(2000);
  Patience patience;
  Clock::time_point next_work = Clock::now();
  std::optional<Clock::time_point> leave_at;
  std::unique_lock<std::mutex> lock(mutex_);
  const auto called = [this, &leave_at] { return !queue_.empty() || (stopping_ && !leave_at); };
  while (true) {
    const Result<bool> committed = commit_next(lock);
    if (!committed) return fail(committed.error(), lock);
    if (*committed) continue;
    if (stopping_ && !leave_at) leave_at = Clock::now() + leave_within;
    if (!leave_at && wake_.wait_until(lock, next_work, called)) continue;

    const std::uint64_t backfilled = progress_.backfilled;
    const Result<DurableImage::Work> done = work(lock, patience.drain());
    if (!done) return fail(done.error(), lock);
    if (leave_at && (*done != DurableImage::Work::more || Clock::now() > *leave_at)) return;
    switch (*done) {
      case DurableImage::Work::more:
        patience.reset();
        next_work = Clock::now();
        if (progress_.backfilled != backfilled) next_work += backfill_interval_;
        break;
      case DurableImage::Work::idle:
        next_work = Clock::now() + backfill_interval_;
        wake_.wait(lock, called);
        break;
      case DurableImage::Work::blocked: next_work = Clock::now() + patience.pause(); break;
    }
  }
}

}  // namespace prytany::vfs
