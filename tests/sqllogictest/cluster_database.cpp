#include "tests/sqllogictest/cluster_database.h"

#include <cstdlib>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "server/cli/demo_checks.h"
#include "server/cli/http_get.h"
#include "server/cli/init.h"
#include "server/cli/settings.h"
#include "server/wire/limits.h"

namespace prytany::slt {
namespace {

namespace fs = std::filesystem;

/// A request may take its whole budget on a machine that is busy with other things.
constexpr std::chrono::seconds answer_timeout{120};
constexpr std::chrono::seconds checkpoint_timeout{120};
constexpr std::uint64_t http_timeout_us = 5'000'000;

/// A folder that is gone afterwards.
std::string temporary_folder() {
  std::string pattern = (fs::temp_directory_path() / "prytany-sqllogictest-XXXXXX").string();
  return ::mkdtemp(pattern.data()) != nullptr ? pattern : std::string();
}

Error no_folder() { return Error{"there is no room for a temporary folder"}; }

/// Of genesis, and of every replica.
struct AllSettings {
  /// In the order in which they are asked: by MAC a request waits for what others say of it, and
  /// one that is asked later may be executed before it.
  std::vector<std::string> genesis = {"requests=signed"};
  std::vector<std::string> replica;
};

AllSettings settings_of(const ClusterOptions& options) {
  AllSettings all;
  // On a machine that is busy with other things too, a client's pause is no reason to fill up.
  all.replica = {"durability=" + options.durability, "idle_checkpoint_us=2000000"};
  for (const std::string& setting : options.settings)
    (cli::is_genesis_setting(setting) ? all.genesis : all.replica).push_back(setting);
  return all;
}

cli::InitOptions init_options(const ClusterOptions& options, const std::string& folder) {
  cli::InitOptions init;
  init.folder = folder;
  init.replicas = options.replicas;
  init.faults = options.faults;
  init.settings = settings_of(options).genesis;
  return init;
}

}  // namespace

Result<void> check(const ClusterOptions& options) {
  const std::string folder = temporary_folder();
  if (folder.empty()) return no_folder();
  auto made = cli::init_cluster(init_options(options, folder + "/cluster"));
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (!made) return made;
  node::NodeConfig config;
  config.pbft.group = {options.replicas, options.faults};
  if (auto good = cli::apply_settings(settings_of(options).replica, config); !good)
    return good.error();
  return {};
}

Outcome outcome_of(Expected<Answer> answer) {
  if (answer) return {{}, {}, answer->columns.size(), std::move(answer->rows), false, answer->seq};
  const ErrorInfo& error = answer.error();
  Outcome outcome;
  outcome.code = error.code;
  outcome.message = error.message;
  outcome.unanswered = error.kind != ErrorKind::application && error.kind != ErrorKind::usage;
  return outcome;
}

ClusterDatabase::ClusterDatabase() : folder_(temporary_folder()) {}

ClusterDatabase::~ClusterDatabase() {
  client_.reset();
  servers_.reset();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<std::unique_ptr<ClusterDatabase>> ClusterDatabase::start(const ClusterOptions& options,
                                                                std::uint16_t first_port) {
  std::unique_ptr<ClusterDatabase> made(new ClusterDatabase);
  if (made->folder_.empty()) return no_folder();
  cli::InitOptions init = init_options(options, made->folder_ + "/cluster");
  init.base_port = cli::free_base_port(first_port, options.replicas);
  if (auto done = cli::init_cluster(init); !done) return done.error();
  std::string program = options.program;
  if (program.empty()) program = fs::read_symlink("/proc/self/exe").parent_path() / "prytany";
  auto servers =
      cli::LocalCluster::open({init.folder, settings_of(options).replica, "error", program});
  if (!servers) return servers.error();
  made->servers_ = std::make_unique<cli::LocalCluster>(std::move(*servers));
  if (auto started = made->servers_->start_all(); !started) return started.error();
  return made;
}

Result<void> ClusterDatabase::open() {
  if (auto ready = servers_->wait_until_ready(cli::ready_timeout_us); !ready) return ready;
  Options options;
  options.genesis = servers_->folder() + "/genesis.json";
  options.credential = Credential::file(servers_->folder() + "/admin.key");
  options.timeout = answer_timeout;
  try {
    client_ = std::make_unique<Client>(options);
  } catch (const ClientError& error) {
    return Error{error.what()};
  }
  return {};
}

std::future<Outcome> ClusterDatabase::ask(const std::string& sql) {
  const auto promise = std::make_shared<std::promise<Outcome>>();
  if (sql.size() > limits::sql_bytes_max) {
    Outcome outcome;
    outcome.code = "too_large";
    outcome.message = "a statement has at most " + std::to_string(limits::sql_bytes_max) +
                      " bytes, this one " + std::to_string(sql.size());
    promise->set_value(std::move(outcome));
    return promise->get_future();
  }
  client_->execute_async({sql, {}, {}}, [promise](Expected<Answer> answer) {
    promise->set_value(outcome_of(std::move(answer)));
  });
  return promise->get_future();
}

/// A replica whose state differed from what the others certified fetches theirs, and has their
/// digest again: it says how often.
Result<void> ClusterDatabase::nobody_diverged() const {
  for (unsigned id = 0; id < servers_->size(); ++id) {
    const auto address =
        wire::client_address_from(servers_->genesis().members.items[id].client_url.text);
    ENSURE(address.has_value());
    const auto text = cli::http_get(*address, "/status", http_timeout_us);
    const std::string who = "replica " + std::to_string(id);
    if (!text) return Error{who + " does not tell its status: " + text.error().message};
    const auto status = nlohmann::json::parse(*text, nullptr, false);
    const auto diverged = status.is_object() ? status.find("divergences") : status.end();
    if (diverged == status.end()) return Error{who + " does not tell its divergences"};
    if (*diverged != 0) return Error{who + " had another state than was certified"};
  }
  return {};
}

Result<std::string> ClusterDatabase::close() {
  for (const auto& ended : servers_->ended())
    return Error{"replica " + std::to_string(ended.id) + " ended: " + ended.how};
  std::uint64_t executed = 0;
  Cluster cluster = client_->cluster();
  for (const ReplicaStatus& status : cluster.status())
    executed = std::max(executed, status.last_executed);
  // One number each, until there is a checkpoint beyond: sooner than by waiting for idleness.
  for (std::uint64_t i = 0; i < servers_->genesis().checkpoint_interval; ++i)
    if (ask("SELECT 1").get().unanswered) return Error{"the replicas do not answer any more"};
  const auto all = cli::wait_for_common_checkpoint(cluster, executed, checkpoint_timeout);
  if (!all) return all.error();
  if (auto good = nobody_diverged(); !good) return good.error();
  for (const ReplicaStanding& standing : client_->standings())
    if (standing.differed != 0) return Error{"a replica gave another result than the others"};
  std::string text = std::to_string(all->size()) + " replicas have one digest, " +
                     (*all)[0].state_digest.substr(0, 16) + ", at " +
                     std::to_string((*all)[0].stable_checkpoint);
  client_.reset();
  servers_->stop();
  return text;
}

}  // namespace prytany::slt
