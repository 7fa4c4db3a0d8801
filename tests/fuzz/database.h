// A group's executors, two of them: what is asked is executed by both, and must leave the same
// bytes and say the same. They differ in what may differ between replicas: addresses, what lies in
// freed memory, and unordered reads in between, which only one of them serves.
#pragma once

#include <memory>
#include <string>

#include "server/app/executor.h"
#include "tests/fuzz/input.h"
#include "vfs/state_disk.h"

namespace prytany::fuzz {

/// Holds one image from the start, and finds everything durable at once.
class ImageDisk final : public vfs::StateDisk {
 public:
  explicit ImageDisk(ByteView image) : image_(image) {}
  Result<void> load(vfs::ImageSink& sink) override;
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  ByteView image_;
  std::uint64_t last_ = 0;
};

class Database {
 public:
  /// `image` outlives this.
  explicit Database(ByteView image);

  [[nodiscard]] app::Executor& executor() { return *executor_; }
  [[nodiscard]] ByteView image() const { return {store_->data(), store_->size()}; }
  wire::Reply execute(const wire::ClientRequest& request);

 private:
  ImageDisk disk_;
  std::unique_ptr<vfs::PageStore> store_;
  std::unique_ptr<app::Executor> executor_;
  std::int64_t agreed_us_;
};

/// Small budgets, so that no input takes long.
app::ExecutorConfig database_config();
/// A genesis in which known_key(100), an administrator, has joined: as session administrator().
const Bytes& first_image();
SessionId administrator();
/// The request with that number in that session.
wire::ClientRequest ordered(std::uint64_t number, const wire::Operation& operation);

class TwoDatabases {
 public:
  TwoDatabases() : one_(first_image()), other_(first_image()) {}

  /// By both, alike.
  wire::Outcome ask(const wire::Operation& operation);
  /// By one of them alone, which changes nothing.
  void read(const wire::Call& call);
  /// Both states are the same.
  void compare() const;

 private:
  Database one_;
  Database other_;
  std::uint64_t number_ = 1;
};

}  // namespace prytany::fuzz
