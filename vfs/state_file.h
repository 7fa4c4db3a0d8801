// The state on a real disk: DurableImage (durable_image.h says which files) in a folder, worked by
// a helper thread, so that nobody waits for a sync but that thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "server/base/result.h"
#include "vfs/durable_image.h"
#include "vfs/files.h"
#include "vfs/state_disk.h"

namespace prytany::vfs {

struct StateFileOptions {
  DurableImageOptions image;
  /// The least time from the end of one backfill to the start of the next. Under load a few
  /// checkpoints then share the five syncs that a commit in a new redo, renamed, copied and
  /// removed, costs; a commit in between costs one.
  std::chrono::milliseconds backfill_interval{200};
};

class StateFile final : public StateDisk {
 public:
  /// Takes `folder` for this process, creating it where there is none.
  static Result<std::unique_ptr<StateFile>> open(const std::string& folder);
  /// The same over any files, taken over. They are used by one thread at a time.
  static std::unique_ptr<StateFile> over(std::unique_ptr<Files> files,
                                         StateFileOptions options = {});
  /// Finishes the commits that were begun, unless there was an error. Backfill is left off where it
  /// is.
  ~StateFile() override;
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  /// Waits up to two seconds for another program that is writing state.db; never for one that
  /// reads.
  Result<void> load(ImageSink& sink) override;
  void begin_commit(Commit commit) override;
  Result<DiskProgress> progress() override;
  [[nodiscard]] int ready_descriptor() const override { return ready_; }

 private:
  StateFile(std::unique_ptr<Files> files, const StateFileOptions& options, int ready);
  void run();
  Result<bool> commit_next(std::unique_lock<std::mutex>& lock);
  Result<DurableImage::Work> work(std::unique_lock<std::mutex>& lock, bool drain);
  void report();
  void fail(const Error& error, std::unique_lock<std::mutex>& lock);

  std::unique_ptr<Files> files_;
  DurableImage image_;  // the helper's alone once it runs
  const std::chrono::milliseconds backfill_interval_;
  const int ready_;  // an eventfd

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_:
  std::deque<Commit> queue_;
  DiskProgress progress_;
  std::optional<Error> error_;
  bool stopping_ = false;

  std::thread helper_;
};

}  // namespace prytany::vfs
