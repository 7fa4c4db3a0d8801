// A group of one executor, as tests see it: requests go in, replies come out, and the image can be
// taken away to start another executor from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/app/executor.h"
#include "server/crypto/sign.h"
#include "vfs/state_disk.h"

namespace prytany::app {

/// A disk that holds one image from the start, and finds everything durable at once.
class ImageDisk final : public vfs::StateDisk {
 public:
  explicit ImageDisk(Bytes image = {}) : image_(std::move(image)) {}
  Result<void> load(vfs::ImageSink& sink) override;
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  Bytes image_;
  std::uint64_t last_ = 0;
};

/// A key that everybody can compute.
crypto::Signer test_key(std::uint8_t number);

struct Client {
  crypto::Signer key;
  SessionId session;
  std::uint64_t next_number = 1;
};

class Replica {
 public:
  static constexpr std::uint64_t checkpoint_interval = 8;
  /// Genesis, or what `image` holds. Four replicas, weak quorum 2, development, test_key(100) an
  /// administrator.
  explicit Replica(Application* application = nullptr, Bytes image = {},
                   void (*change)(ExecutorConfig&) = nullptr);

  [[nodiscard]] Executor& executor() { return *executor_; }
  [[nodiscard]] vfs::PageStore& store() { return *store_; }
  [[nodiscard]] const vfs::PageStore& store() const { return *store_; }
  [[nodiscard]] const ExecutorConfig& config() const { return config_; }
  [[nodiscard]] Bytes image() const;

  /// Executes one batch, and takes a checkpoint where one is due.
  Executed execute(const wire::Batch& batch, std::int64_t step_us = 1000);
  /// The same as the only request of its batch.
  wire::Reply execute(const wire::ClientRequest& request);
  [[nodiscard]] Digest last_root() const { return last_root_; }
  /// The agreed time of the last batch that was proposed here.
  [[nodiscard]] AgreedTime now() const { return AgreedTime{agreed_us_}; }

  /// Makes this one's state what `other` has at its last checkpoint, as a replica that fetches the
  /// pages that differ. Requires: `other` has taken one.
  void recover(const Replica& other);

  /// A client of this key whose credential is the same key. Requires: it is not refused.
  Client join(const crypto::Signer& credential, const std::string& name = {},
              std::uint8_t session_key = 0);
  wire::Outcome ask(Client& client, const wire::Operation& operation);
  wire::Outcome sql(Client& client, const std::string& statement);
  wire::Outcome call(Client& client, const std::string& procedure,
                     std::vector<wire::Argument> arguments = {});

 private:
  ExecutorConfig config_;
  std::unique_ptr<ImageDisk> disk_;
  std::unique_ptr<vfs::PageStore> store_;
  std::unique_ptr<Executor> executor_;
  std::int64_t agreed_us_ = 1'700'000'000'000'000;
  Digest last_root_;
};

/// The request that asks `operation` (not signed: signatures are checked before execution).
wire::ClientRequest request_of(const Client& client, std::uint64_t number,
                               const wire::Operation& operation);
/// A join with tokens of the first weak_quorum replicas, which expire `life_us` after `now`.
wire::ClientRequest join_request(const ExecutorConfig& config, const crypto::Signer& session_key,
                                 const crypto::Signer& credential, const std::string& name,
                                 AgreedTime now, std::int64_t life_us = 60'000'000);
wire::Execute execute_of(const std::string& sql);
wire::Argument argument(const std::string& name, wire::Value value);

/// "" for a result, else the error's code.
std::string code_of(const wire::Outcome& outcome);
std::string message_of(const wire::Outcome& outcome);
/// Rows as text, values by '|', rows by newline; NULL is "NULL", blobs are hex.
std::string rows_of(const wire::Outcome& outcome);
inline wire::Value text(std::string value) { return wire::TextValue{std::move(value)}; }
inline wire::Value integer(std::int64_t value) { return value; }

}  // namespace prytany::app
