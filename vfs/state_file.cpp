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

std::unique_ptr<StateFile> StateFile::over(std::unique_ptr<Files> files,
                                           DurableImageOptions options) {
  const int ready = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ENSURE(ready >= 0);
  return std::unique_ptr<StateFile>(new StateFile(std::move(files), options, ready));
}

StateFile::StateFile(std::unique_ptr<Files> files, DurableImageOptions options, int ready)
    : files_(std::move(files)), image_(*files_, options), ready_(ready) {}

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

void StateFile::fail(const Error& error) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    error_ = error;
  }
  const std::uint64_t one = 1;
  ENSURE(::write(ready_, &one, sizeof one) == static_cast<ssize_t>(sizeof one));
}

std::optional<Commit> StateFile::next_commit(std::unique_lock<std::mutex>& lock) {
  ENSURE(lock.owns_lock());
  if (queue_.empty()) return std::nullopt;
  Commit commit = std::move(queue_.front());
  queue_.pop_front();
  return commit;
}

// Commits first; what time is left goes to backfill.
void StateFile::run() {
  Patience patience;
  bool leaving = false;
  std::chrono::steady_clock::time_point end;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    if (const std::optional<Commit> commit = next_commit(lock)) {
      lock.unlock();
      if (Result<void> committed = image_.commit(*commit); !committed)
        return fail(committed.error());
      report();
      lock.lock();
      continue;
    }
    if (stopping_ && !leaving) {
      leaving = true;
      end = std::chrono::steady_clock::now() + milliseconds(2000);
    }
    lock.unlock();
    const Result<DurableImage::Work> work = image_.work(patience.drain());
    if (!work) return fail(work.error());
    report();
    if (leaving && (*work != DurableImage::Work::more || std::chrono::steady_clock::now() > end))
      return;
    lock.lock();
    if (leaving) continue;
    const auto called = [this] { return stopping_ || !queue_.empty(); };
    switch (*work) {
      case DurableImage::Work::more: patience.reset(); break;
      case DurableImage::Work::idle: wake_.wait(lock, called); break;
      case DurableImage::Work::blocked: wake_.wait_for(lock, patience.pause(), called); break;
    }
  }
}

}  // namespace prytany::vfs
