// The port between a page store and the disk under it: load one image, then make later ones
// durable.
#pragma once

#include <cstdint>

#include "server/base/result.h"
#include "vfs/page.h"

namespace prytany::vfs {

/// Where load() puts the image. Calls come in this order: begin once, then page any number of
/// times.
class ImageSink {
 public:
  /// The image has `page_count` pages. Pages below `mapped_pages` are those of the open file
  /// `descriptor`, which the sink may map privately: nobody shortens the file below `mapped_pages`,
  /// or changes a page of it except after begin_commit of an image in which that page differs.
  /// `descriptor` may be -1; then `mapped_pages` is 0.
  virtual Result<void> begin(PageIndex page_count, int descriptor, PageIndex mapped_pages) = 0;
  /// Replaces what the file says of this page. Requires: page < page_count.
  virtual void page(PageIndex page, PageView content) = 0;

 protected:
  ~ImageSink() = default;
};

/// An image to make durable: what differs from the image before it (the loaded one is number 0).
struct Commit {
  std::uint64_t number = 0;  // 1, 2, 3 ...
  PageIndex page_count = 0;
  PageBatch pages;  // ascending, all below page_count
};

/// Numbers of commits; neither ever decreases.
struct DiskProgress {
  std::uint64_t committed = 0;   // survives any crash from now on
  std::uint64_t backfilled = 0;  // is what the database file itself holds
};

class StateDisk {
 public:
  virtual ~StateDisk() = default;

  /// Once, first. The image of the last commit that is durable. Never waits for a reader of the
  /// file.
  virtual Result<void> load(ImageSink& sink) = 0;
  /// Commits become durable in the order they are begun. Does not wait for the disk.
  virtual void begin_commit(Commit commit) = 0;
  /// An Error is a local fault: nothing more becomes durable, and the process must stop.
  virtual Result<DiskProgress> progress() = 0;
  /// Readable when progress() has news, for epoll; progress() makes it unreadable. -1: there is
  /// none, ask.
  [[nodiscard]] virtual int ready_descriptor() const { return -1; }
};

}  // namespace prytany::vfs
