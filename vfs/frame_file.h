// A file of page images in the format of SQLite's write-ahead log (sqlite.org/fileformat2.html
// section 4), so that a plain SQLite can redo it once it is named `-wal`.
//
//   header  magic 377f0682 | version 3007000 | page size | 0 | salt (8) | checksum (8)
//   frame   page number from 1 | pages in the image if this frame commits, else 0 | salt (8) |
//   checksum (8) | page
//
// Integers are big-endian. The checksum runs on from frame to frame, so a frame counts only if all
// before it do; what follows the last committing frame never happened.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "server/base/result.h"
#include "vfs/files.h"
#include "vfs/page.h"

namespace prytany::vfs {

class FrameFile {
 public:
  /// Frames count from 0.
  using FrameIndex = std::uint32_t;
  static constexpr std::size_t header_bytes = 32;
  static constexpr std::size_t frame_bytes = 24 + page_bytes;

  /// Replaces a file of that name. Nothing is written before flush().
  static Result<FrameFile> create(Files& files, std::string name);
  /// What is valid in an existing file; nothing if there is none. A damaged or torn rest is not an
  /// error.
  static Result<std::optional<FrameFile>> recover(Files& files, std::string name);

  /// Appends a frame. `commits` is the page count of the image that it completes, or 0. Buffers up
  /// to 1 MiB.
  Result<void> add(PageIndex page, PageView content, PageIndex commits);
  Result<void> flush();
  /// Everything added is on disk afterwards.
  Result<void> sync();
  /// Cuts what follows the last commit, so that nothing stale can follow what is added next, and
  /// writes that commit again: it may be in the system's memory only, and called clean there, since
  /// its sync failed. All of it is on disk afterwards. Requires: a commit.
  Result<void> settle();

  /// Frames up to the last commit.
  [[nodiscard]] FrameIndex frames() const { return content_.committed_frames; }
  /// Of the image of the last commit; 0 if there is none.
  [[nodiscard]] PageIndex page_count() const { return content_.page_count; }
  /// The newest committed frame of each page, without those beyond page_count().
  [[nodiscard]] const std::map<PageIndex, FrameIndex>& newest() const { return content_.newest; }

  struct Frame {
    PageIndex page = 0;
    PageIndex commits = 0;
    Page content;
  };
  /// Requires: flushed.
  Result<void> read(FrameIndex index, Frame& out) const;
  /// Whether the file on disk still holds the same committed frames as when it was read.
  Result<bool> unchanged() const;

 private:
  using Checksum = std::array<std::uint32_t, 2>;

  // Closes the file when it goes.
  class Owner {
   public:
    Owner(Files& files, Files::Handle handle) : files_(&files), handle_(handle) {}
    Owner(Owner&& other) noexcept
        : files_(std::exchange(other.files_, nullptr)), handle_(other.handle_) {}
    Owner& operator=(Owner&& other) noexcept {
      std::swap(files_, other.files_);
      std::swap(handle_, other.handle_);
      return *this;
    }
    ~Owner() {
      if (files_ != nullptr) files_->close(handle_);
    }
    [[nodiscard]] Files& files() const { return *files_; }
    [[nodiscard]] Files::Handle handle() const { return handle_; }

   private:
    Files* files_;
    Files::Handle handle_;
  };
  // What the frames of a file say, however it is read.
  struct Content {
    std::array<std::uint8_t, 8> salt{};
    Checksum sum{};            // over header and all frames added
    Checksum committed_sum{};  // the same, up to the last commit
    FrameIndex added_frames = 0;
    FrameIndex committed_frames = 0;
    FrameIndex last_commit = 0;  // the first frame of the last commit
    PageIndex page_count = 0;
    std::map<PageIndex, FrameIndex> newest;
    std::map<PageIndex, FrameIndex> uncommitted;

    void note(PageIndex page, PageIndex commits);
  };

  FrameFile(Files& files, Files::Handle handle, std::string name)
      : file_(files, handle), name_(std::move(name)) {}
  static Result<Content> scan(Files& files, Files::Handle handle, const std::string& name);
  static void extend(Checksum& sum, ByteView bytes);

  Owner file_;
  std::string name_;
  Content content_;
  Bytes buffer_;                     // added, not yet written
  std::uint64_t buffer_offset_ = 0;  // where it goes
};

}  // namespace prytany::vfs
