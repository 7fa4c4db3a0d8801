// A database image that survives crashes, in files that plain SQLite tools understand at every
// instant.
//
//   state.db          the database, exactly as long as it has pages
//   state.db-redo     commits not yet in state.db, as frames (frame_file.h): syncing it is the
//   commit point state.db-wal      what the redo is called while it is copied into state.db
//   (backfill) state.db-redo.new a redo being rewritten shorter; worthless until renamed
//
// Nobody reads state.db-redo but us, so a commit waits for nobody. Backfill needs state.db to
// itself: it starts only when no other program reads, and holds SQLite's lock against them until it
// is done. Should we die in between, the name -wal makes SQLite itself redo the pages when a tool
// opens the file. docs/decisions/0001 argues all this.
//
// One caller at a time. Any Error is a local fault after which only destruction is allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/result.h"
#include "vfs/files.h"
#include "vfs/frame_file.h"
#include "vfs/state_disk.h"

namespace prytany::vfs {

struct DurableImageOptions {
  /// A redo that backfill cannot empty is rewritten without superseded pages once it has more than
  /// twice as many frames as distinct pages, plus this. So it stays below twice the database plus
  /// 16 MiB, plus one commit.
  std::uint32_t superseded_frames_min = 4096;
};

class DurableImage {
 public:
  explicit DurableImage(Files& files, DurableImageOptions options = {});
  ~DurableImage();

  /// First. Creates state.db where there is none. False while another program is writing it: ask
  /// again.
  Result<bool> lock();
  /// Second. Never waits for a reader.
  Result<void> load(ImageSink& sink);

  /// Durable when it returns. Requires: number above all before.
  Result<void> commit(const Commit& commit);

  enum class Work {
    idle,     // state.db holds everything
    blocked,  // other programs are reading state.db: ask again later
    more,     // something was done; ask again
  };
  /// One bounded piece of background work: copying towards state.db, or shortening the redo.
  /// Commits may come between pieces. With `drain` new readers are kept out until the next call, so
  /// that a stream of short reads ends.
  Result<Work> work(bool drain = false);

  [[nodiscard]] DiskProgress progress() const { return {committed_, backfilled_}; }

 private:
  using Frames = std::vector<std::pair<PageIndex, FrameFile::FrameIndex>>;
  struct Backfill {
    Frames frames;
    std::size_t next;
    std::size_t unsynced;
  };
  struct Compaction {
    FrameFile target;
    Frames frames;
    std::size_t next;
    PageIndex page_count;           // of the image that `frames` are
    FrameFile::FrameIndex through;  // of the old redo: how far the new one has everything
  };

  Result<PageIndex> pages_of_file();
  Result<void> recover_frames();
  Result<void> pass_file(ImageSink& sink, PageIndex pages);
  Result<void> pass_frames(ImageSink& sink, const FrameFile& file, PageIndex page_count);
  Result<void> append(const Commit& commit);
  Result<void> begin_backfill();
  Result<void> create_placeholder();
  Result<Work> continue_backfill();
  Result<void> copy_run(std::size_t count);
  Result<void> finish_backfill();
  Result<void> begin_compaction();
  Result<Work> continue_compaction();

  Files& files_;
  DurableImageOptions options_;
  std::optional<Files::Handle> database_;
  bool draining_ = false;
  PageIndex page_count_ = 0;       // of the last commit
  std::optional<FrameFile> redo_;  // has at least one commit
  std::optional<FrameFile> wal_;   // being backfilled, or found at load
  std::uint64_t committed_ = 0;
  std::uint64_t backfilled_ = 0;
  std::uint64_t wal_number_ = 0;  // the last commit in wal_
  std::optional<Backfill> backfill_;
  std::optional<Compaction> compaction_;
};

}  // namespace prytany::vfs
