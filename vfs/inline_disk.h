// A StateDisk without a thread: every commit is durable, and backfilled where nobody reads, when
// begin_commit returns. For the simulator, over files that it invents, and for tests.
#pragma once

#include <optional>

#include "vfs/durable_image.h"
#include "vfs/state_disk.h"

namespace prytany::vfs {

class InlineDisk final : public StateDisk {
 public:
  /// `files` outlives the disk.
  explicit InlineDisk(Files& files, DurableImageOptions options = {}) : image_(files, options) {}

  Result<void> load(ImageSink& sink) override {
    const Result<bool> locked = image_.lock();
    if (!locked) return locked.error();
    if (!*locked) return Error{"another program is writing state.db"};
    if (Result<void> loaded = image_.load(sink); !loaded) return loaded;
    return backfill();
  }

  void begin_commit(Commit commit) override {
    if (error_) return;
    Result<void> done = image_.commit(commit);
    if (done) done = backfill();
    if (!done) error_ = done.error();
  }

  Result<DiskProgress> progress() override {
    if (error_) return *error_;
    return image_.progress();
  }

 private:
  Result<void> backfill() {
    while (true) {
      const Result<DurableImage::Work> work = image_.work();
      if (!work) return work.error();
      if (*work != DurableImage::Work::more) return {};
    }
  }

  DurableImage image_;
  std::optional<Error> error_;
};

}  // namespace prytany::vfs
