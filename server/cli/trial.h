// An application installed in a fresh executor of this process, for `prytany test`: the real
// executor, SQLite and VFS over memory, a group of one, without network, disk or clock. What comes
// out depends on what was asked and on nothing else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/app/executor.h"
#include "server/cli/command.h"
#include "server/crypto/sign.h"
#include "vfs/page_store.h"

namespace prytany::cli {

/// The administrator of every trial, who installs the application and may do anything.
inline constexpr std::string_view trial_admin = "admin";
/// When the application is there and a trial begins, in agreed time: 2026-01-01T00:00:00Z.
inline constexpr std::int64_t trial_begin_us = 1'767'225'600'000'000;

/// The key that the client of this name joins with, in every trial.
crypto::Signer trial_key(std::string_view client);

/// Before there is a Trial, which needs it: whether this process may have the addresses that a
/// database reserves. The Failure says what to do if not.
Status room_for_trial();

/// Requires: room_for_trial().
class Trial {
 public:
  Trial();
  ~Trial();

  /// As the administrator.
  wire::Outcome install(const wire::Install& application);
  /// A session for `client`, with its trial_key() and its name. An older one ends.
  wire::Outcome join(const std::string& client);
  /// What `client` is found to have proven, beyond its key, whenever it joins from now on: the
  /// replica here vouches for it unseen. `kind`, issuer, subject and claims are of importance.
  /// `judged`: but for whom the application believes, which it is asked as a replica asks it;
  /// then of an ID token for `audience` those claims count that the application names.
  void vouch_for(const std::string& client, wire::Identity identity, bool judged = false,
                 std::string audience = {});
  /// What is vouched for of `client`; nothing: it has a key alone.
  [[nodiscard]] std::optional<wire::Identity> identity_of(const std::string& client) const;
  /// Who `client` is, if it has a session that lives.
  [[nodiscard]] std::optional<app::SessionView> session(const std::string& client);
  /// The number of the session that `client` has or had; 0: it never joined.
  [[nodiscard]] SessionId session_id(const std::string& client) const;
  /// Orders `operation` as `client`'s, in a batch of its own. Requires: session(client).
  wire::Outcome ask(const std::string& client, const wire::Operation& operation);
  /// A public procedure, asked by somebody without a session.
  wire::Outcome read(const wire::Call& call) { return executor_->public_read(call); }
  /// One statement that only reads, as the administrator, at the time of the last batch; not
  /// ordered, so that asking changes nothing.
  wire::Outcome look(const std::string& sql);

  /// The state, for those who only look at it.
  [[nodiscard]] vfs::PageStore& store() { return *store_; }
  /// The agreed time of the last batch.
  [[nodiscard]] AgreedTime now() const { return executor_->agreed(); }
  /// Executes an empty batch at this time, so that what is idle for too long by then is over, and
  /// before it one whenever a procedure is to run by itself, as an idle cluster does: a thousand at
  /// most, then what was missed is one. Each batch after it comes a microsecond after the one
  /// before. Requires: it is after now().
  void set_clock(AgreedTime time);
  /// Likewise, but as a cluster would that stood still until then: nothing runs on the way.
  void leap(AgreedTime time) { execute({}, time); }

 private:
  struct Client {
    crypto::Signer key;
    SessionId session;
    std::uint64_t next_number = 1;
  };
  class NoDisk;

  struct Vouched {
    wire::Identity identity;
    bool judged = false;
    std::string audience;
  };
  /// As the application believes it; refused before anything is ordered.
  Result<wire::Identity, wire::ErrorReply> found_in(const Vouched& shown);
  Result<wire::Identity, wire::ErrorReply> found_in_token(const Vouched& shown);

  wire::Outcome order(const wire::RequestBody& body);
  app::Executed execute(const wire::Batch& batch, AgreedTime time);

  std::unique_ptr<NoDisk> disk_;
  std::unique_ptr<vfs::PageStore> store_;
  app::ExecutorConfig config_;
  std::unique_ptr<app::Executor> executor_;
  std::map<std::string, Client> clients_;
  std::map<std::string, Vouched> identities_;  // of those that have one
};

}  // namespace prytany::cli
