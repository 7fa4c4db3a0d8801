#include "vfs/frame_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

constexpr std::uint32_t magic = 0x377f0682;  // checksums over little-endian words
constexpr std::uint32_t magic_big_endian = 0x377f0683;
constexpr std::uint32_t version = 3007000;
constexpr std::size_t frame_header_bytes = FrameFile::frame_bytes - page_bytes;
constexpr std::size_t buffer_bytes_max = 1 << 20;

void put(std::uint8_t* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint32_t get(const std::uint8_t* at) {
  return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16) | (std::uint32_t{at[2]} << 8) |
         std::uint32_t{at[3]};
}

std::uint64_t frame_offset(FrameFile::FrameIndex frame) {
  return FrameFile::header_bytes + std::uint64_t{frame} * FrameFile::frame_bytes;
}

}  // namespace

// SQLite's: a Fletcher sum over pairs of 32-bit words.
void FrameFile::extend(Checksum& sum, ByteView bytes) {
  ENSURE(bytes.size() % 8 == 0);
  const auto word = [](const std::uint8_t* at) {
    return std::uint32_t{at[0]} | (std::uint32_t{at[1]} << 8) | (std::uint32_t{at[2]} << 16) |
           (std::uint32_t{at[3]} << 24);
  };
  std::uint32_t a = sum[0];
  std::uint32_t b = sum[1];
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    a += word(bytes.data() + i) + b;
    b += word(bytes.data() + i + 4) + a;
  }
  sum = {a, b};
}

Result<FrameFile> FrameFile::create(Files& files, std::string name) {
  if (Result<void> removed = files.remove(name); !removed) return removed.error();
  const Result<Files::Handle> handle = files.create(name);
  if (!handle) return handle.error();
  FrameFile file(files, *handle, std::move(name));
  const std::uint64_t salt = files.fresh_number();
  std::memcpy(file.content_.salt.data(), &salt, sizeof salt);
  file.buffer_.reserve(buffer_bytes_max + frame_bytes);
  file.buffer_.resize(header_bytes);
  std::uint8_t* const header = file.buffer_.data();
  put(header, magic);
  put(header + 4, version);
  put(header + 8, page_bytes);
  put(header + 12, 0);
  std::memcpy(header + 16, file.content_.salt.data(), file.content_.salt.size());
  extend(file.content_.sum, ByteView(file.buffer_).first(24));
  put(header + 24, file.content_.sum[0]);
  put(header + 28, file.content_.sum[1]);
  file.content_.committed_sum = file.content_.sum;
  return file;
}

Result<std::optional<FrameFile>> FrameFile::recover(Files& files, std::string name) {
  const Result<std::optional<Files::Handle>> handle = files.open(name);
  if (!handle) return handle.error();
  if (!handle->has_value()) return std::optional<FrameFile>();
  FrameFile file(files, **handle, std::move(name));
  Result<Content> content = scan(files, **handle, file.name_);
  if (!content) return content.error();
  file.content_ = std::move(*content);
  file.buffer_offset_ = frame_offset(file.content_.added_frames);
  return std::optional<FrameFile>(std::move(file));
}

// As SQLite reads it: anything not right ends the file there, silently.
Result<FrameFile::Content> FrameFile::scan(Files& files, Files::Handle handle,
                                           const std::string& name) {
  Content content;
  std::array<std::uint8_t, header_bytes> header;
  const Result<std::size_t> got = files.read(handle, 0, header);
  if (!got) return got.error();
  if (*got < header_bytes) return content;
  Checksum sum{};
  extend(sum, ByteView(header).first(24));
  if (get(header.data()) == magic_big_endian)
    return Error{name + " was written by a machine of another byte order"};
  if (get(header.data()) != magic || get(&header[4]) != version || get(&header[8]) != page_bytes ||
      get(&header[24]) != sum[0] || get(&header[28]) != sum[1])
    return content;
  std::copy(header.begin() + 16, header.begin() + 24, content.salt.begin());
  content.sum = content.committed_sum = sum;

  constexpr std::size_t frames_at_once = 64;
  Bytes buffer(frames_at_once * frame_bytes);
  for (bool more = true; more;) {
    const Result<std::size_t> count =
        files.read(handle, frame_offset(content.added_frames), buffer);
    if (!count) return count.error();
    more = *count == buffer.size();
    for (std::size_t at = 0; *count - at >= frame_bytes; at += frame_bytes) {
      const std::uint8_t* const frame = buffer.data() + at;
      sum = content.sum;
      extend(sum, ByteView(frame, 8));
      extend(sum, ByteView(frame + frame_header_bytes, page_bytes));
      const std::uint32_t page_number = get(frame);
      if (page_number == 0 || !std::equal(content.salt.begin(), content.salt.end(), frame + 8) ||
          get(frame + 16) != sum[0] || get(frame + 20) != sum[1])
        return content;
      content.sum = sum;
      content.note(page_number - 1, get(frame + 4));
    }
  }
  return content;
}

void FrameFile::Content::note(PageIndex page, PageIndex commits) {
  uncommitted.insert_or_assign(page, added_frames);
  ++added_frames;
  if (commits == 0) return;
  for (const auto& [index, frame] : uncommitted) newest.insert_or_assign(index, frame);
  uncommitted.clear();
  newest.erase(newest.lower_bound(commits), newest.end());
  last_commit = committed_frames;
  committed_frames = added_frames;
  committed_sum = sum;
  page_count = commits;
}

Result<void> FrameFile::add(PageIndex page, PageView content, PageIndex commits) {
  const std::size_t at = buffer_.size();
  buffer_.resize(at + frame_header_bytes);
  std::uint8_t* const header = buffer_.data() + at;
  put(header, page + 1);
  put(header + 4, commits);
  std::memcpy(header + 8, content_.salt.data(), content_.salt.size());
  extend(content_.sum, ByteView(header, 8));
  extend(content_.sum, content);
  put(header + 16, content_.sum[0]);
  put(header + 20, content_.sum[1]);
  buffer_.insert(buffer_.end(), content.begin(), content.end());
  content_.note(page, commits);
  if (buffer_.size() >= buffer_bytes_max) return flush();
  return {};
}

Result<void> FrameFile::flush() {
  if (buffer_.empty()) return {};
  Result<void> written = file_.files().write(file_.handle(), buffer_offset_, buffer_);
  buffer_offset_ += buffer_.size();
  buffer_.clear();
  return written;
}

Result<void> FrameFile::sync() {
  if (Result<void> flushed = flush(); !flushed) return flushed;
  return file_.files().sync(file_.handle());
}

Result<void> FrameFile::settle() {
  ENSURE(buffer_.empty() && content_.committed_frames > 0);
  content_.uncommitted.clear();
  content_.added_frames = content_.committed_frames;
  content_.sum = content_.committed_sum;
  buffer_offset_ = frame_offset(content_.added_frames);
  Files& files = file_.files();
  if (Result<void> cut = files.resize(file_.handle(), buffer_offset_); !cut) return cut;
  // Only the last commit can be unsynced: the next one is not begun before.
  std::uint64_t at = content_.last_commit == 0 ? 0 : frame_offset(content_.last_commit);
  Bytes piece;
  while (at < buffer_offset_) {
    piece.resize(std::min<std::uint64_t>(buffer_offset_ - at, buffer_bytes_max));
    const Result<std::size_t> got = files.read(file_.handle(), at, piece);
    if (!got) return got.error();
    if (*got < piece.size()) return Error{name_ + " was cut by another program"};
    if (Result<void> written = files.write(file_.handle(), at, piece); !written) return written;
    at += piece.size();
  }
  return files.sync(file_.handle());
}

Result<void> FrameFile::read(FrameIndex index, Frame& out) const {
  ENSURE(buffer_.empty() && index < content_.added_frames);
  std::array<std::uint8_t, frame_bytes> bytes;
  const Result<std::size_t> got = file_.files().read(file_.handle(), frame_offset(index), bytes);
  if (!got) return got.error();
  if (*got < bytes.size()) return Error{name_ + " was cut by another program"};
  out.page = get(bytes.data()) - 1;
  out.commits = get(&bytes[4]);
  std::copy(bytes.begin() + frame_header_bytes, bytes.end(), out.content.bytes.begin());
  return {};
}

Result<bool> FrameFile::unchanged() const {
  const Result<Content> now = scan(file_.files(), file_.handle(), name_);
  if (!now) return now.error();
  return now->committed_frames == content_.committed_frames &&
         now->committed_sum == content_.committed_sum && now->salt == content_.salt;
}

}  // namespace prytany::vfs
