// What operators do, and what they get wrong: each mistake has a clear message and changes nothing.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include <nlohmann/json.hpp>

#include "server/cli/demo_checks.h"
#include "server/net/socket.h"
#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

void put_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}
void replace_in(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = text_of(path);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  put_text(path, text.replace(at, from.size(), to));
}

class Operator : public testing::Test {
 protected:
  Operator() {
    std::string pattern = (fs::temp_directory_path() / "prytany-operator-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    cluster_ = folder_ + "/c";
    base_port_ = cli::free_base_port(21000, 4);
  }
  ~Operator() override { fs::remove_all(folder_); }

  void init() {
    const Ran made = run({"init", cluster_, "--replicas", "4", "--faults", "1", "--base-port",
                          std::to_string(base_port_)});
    ASSERT_EQ(made.exit_code, 0) << made.errors;
    EXPECT_THAT(made.output, HasSubstr("for development only"));
  }
  fs::path replica(unsigned id) const { return cluster_ + "/replica-" + std::to_string(id); }
  Ran start(unsigned id, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"replica", replica(id).string(), "--log", "error"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  /// Starts the whole cluster, runs statements, and ends it without a word.
  void use_and_kill(const std::vector<std::string>& statements = {"CREATE TABLE t(a)",
                                                                  "INSERT INTO t VALUES(1)"}) {
    auto servers = cli::LocalCluster::open({cluster_, {}, "error", program()});
    ASSERT_TRUE(servers.ok());
    ASSERT_TRUE(servers->start_all().ok());
    ASSERT_TRUE(servers->wait_until_ready(60'000'000).ok());
    for (const std::string& sql : statements) {
      const Ran ran = run(
          {"sql", sql, "--cluster", cluster_ + "/genesis.json", "--key", cluster_ + "/admin.key"});
      ASSERT_EQ(ran.exit_code, 0) << ran.errors;
    }
    for (unsigned id = 0; id < 4; ++id) servers->signal(id, SIGKILL);
  }

  /// Starts the whole cluster, and stops it when all have a checkpoint in state.db.
  void use_and_stop() {
    auto servers = cli::LocalCluster::open({cluster_, {}, "error", program()});
    ASSERT_TRUE(servers.ok());
    ASSERT_TRUE(servers->start_all().ok());
    Cluster cluster(cluster_ + "/genesis.json");
    const Ran ran = run({"sql", "CREATE TABLE t(a)", "--cluster", cluster_ + "/genesis.json",
                         "--key", cluster_ + "/admin.key"});
    ASSERT_EQ(ran.exit_code, 0) << ran.errors;
    const auto common = cli::wait_for_common_checkpoint(cluster, 1, std::chrono::seconds(30));
    ASSERT_TRUE(common.ok()) << common.error().message;
  }

  std::string folder_;
  std::string cluster_;
  std::uint16_t base_port_ = 0;
};

// ---- Keys and genesis ---------------------------------------------------------------------------

TEST_F(Operator, init_lays_out_a_cluster_and_does_not_overwrite_one) {
  init();
  EXPECT_TRUE(fs::exists(cluster_ + "/admin.key"));
  for (unsigned id = 0; id < 4; ++id) EXPECT_TRUE(fs::exists(replica(id) / "replica.key"));
  const Ran again = run({"init", cluster_, "--replicas", "4", "--faults", "1"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.errors, HasSubstr("exists already"));
}

TEST_F(Operator, init_refuses_groups_and_ports_that_cannot_be) {
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"init", cluster_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  for (const auto& bad : std::vector<std::vector<std::string>>{
           {"--replicas", "0", "--faults", "0"},
           {"--replicas", "4", "--faults", "4"},
           {"--replicas", "101", "--faults", "1"},
           {"--replicas", "four", "--faults", "1"},
           {"--replicas", "4"},
           {"--replicas", "4", "--faults", "1", "--checkpoint-interval", "1000000000"},
           {"--replicas", "4", "--faults", "1", "--base-port", "65500"}}) {
    EXPECT_EQ(with(bad).exit_code, 2);
    EXPECT_FALSE(fs::exists(cluster_)) << "nothing half made is left";
  }
}

TEST_F(Operator, a_key_that_others_may_read_is_damaged_or_a_strangers_is_refused) {
  init();
  const fs::path key = replica(0) / "replica.key";
  fs::permissions(key, fs::perms::owner_read | fs::perms::group_read);
  EXPECT_THAT(start(0).errors, HasSubstr("chmod 600"));
  fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
  const std::string good = text_of(key);
  put_text(key, good.substr(0, good.size() / 2));
  const Ran damaged = start(0);
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.errors, HasSubstr("replica.key"));
  fs::remove(key);
  EXPECT_THAT(start(0).errors, HasSubstr("replica.key"));
  EXPECT_FALSE(fs::exists(replica(0) / "state.db"));
}

TEST_F(Operator, a_damaged_or_foreign_genesis_is_refused) {
  init();
  const fs::path genesis = cluster_ + "/genesis.json";
  const std::string good = text_of(genesis);
  put_text(genesis, good.substr(0, good.size() / 2));
  const Ran damaged = start(0, {"--json"});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.errors,
              AllOf(HasSubstr("{\"error\":{\"code\":\"genesis\""), HasSubstr("not JSON")));
  put_text(genesis, good);
  replace_in(genesis, "\"engine\": \"20", "\"engine\": \"19");
  EXPECT_THAT(start(0).errors, HasSubstr("must all run the same engine"));
  fs::remove(genesis);
  EXPECT_THAT(start(0).errors, HasSubstr("there is no file"));
}

TEST_F(Operator, organisations_make_a_cluster_in_which_nobody_holds_anothers_key) {
  std::vector<std::string> assemble = {"genesis", "assemble"};
  for (unsigned id = 0; id < 4; ++id) {
    const std::string place = folder_ + "/org" + std::to_string(id);
    const Ran made = run({"keygen", "--out", place, "--name", "organisation " + std::to_string(id),
                          "--peer", "127.0.0.1:" + std::to_string(base_port_ + 100U + id),
                          "--client-url", "ws://127.0.0.1:" + std::to_string(base_port_ + id)});
    ASSERT_EQ(made.exit_code, 0) << made.errors;
    assemble.push_back(place + "/member.json");
  }
  const std::string genesis = folder_ + "/genesis.json";
  assemble.insert(assemble.end(), {"--faults", "1", "--name", "four", "--out", genesis});
  ASSERT_EQ(run(assemble).exit_code, 0);
  EXPECT_EQ(run(assemble).exit_code, 2);  // does not overwrite

  const auto start = [&](unsigned id) {
    return std::vector<std::string>{
        "replica", folder_ + "/org" + std::to_string(id), "--genesis", genesis, "--log", "error"};
  };
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(run({"genesis", "verify", genesis}).exit_code, 1);
    EXPECT_THAT(run(start(0)).errors, HasSubstr("not signed by"));
    const std::string key = folder_ + "/org" + std::to_string(id) + "/replica.key";
    ASSERT_EQ(run({"genesis", "sign", "--key", key, genesis}).exit_code, 0);
  }
  const Ran verified = run({"genesis", "verify", genesis});
  EXPECT_EQ(verified.exit_code, 0) << verified.errors;
  EXPECT_THAT(verified.output, AllOf(HasSubstr("fingerprint"), HasSubstr("organisation 3"),
                                     HasSubstr("4 of 4, all good")));
  const auto shown = nlohmann::json::parse(run({"genesis", "verify", "--json", genesis}).output);
  EXPECT_EQ(shown["cluster"], "four");
  EXPECT_EQ(shown["members"][3]["name"], "organisation 3");
  EXPECT_EQ(shown["signatures"], 4);
  EXPECT_THAT(verified.output, HasSubstr(shown["fingerprint"].get<std::string>()));
  std::vector<std::unique_ptr<Background>> servers;
  for (unsigned id = 0; id < 4; ++id) servers.push_back(std::make_unique<Background>(start(id)));
  std::vector<ReplicaStatus> status;
  for (int i = 0; i < 200 && status.empty(); ++i) {
    status = Cluster(genesis).status(std::chrono::seconds(1));
    for (const ReplicaStatus& s : status) {
      if (s.connected_peers < 3) status.clear();
      if (status.empty()) break;
    }
  }
  EXPECT_EQ(status.size(), 4U);
  for (const auto& server : servers) EXPECT_EQ(server->end(SIGTERM), 0);

  replace_in(genesis, "\"faults\": 1", "\"faults\": 0");
  EXPECT_THAT(run({"genesis", "verify", genesis}).errors, HasSubstr("changed after it was signed"));
}

TEST_F(Operator, a_group_that_is_safe_but_not_always_live_is_called_so) {
  ASSERT_EQ(run({"init", cluster_, "--replicas", "4", "--faults", "2"}).exit_code, 0);
  EXPECT_THAT(run({"genesis", "verify", cluster_ + "/genesis.json"}).output,
              HasSubstr("safe, but not always live"));
}

TEST_F(Operator, dev_refuses_a_folder_without_application_before_it_starts_anything) {
  const Ran ran = run({"dev", "--app", folder_, "--dir", cluster_});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.errors, HasSubstr("prytany.json"));
  EXPECT_FALSE(std::filesystem::exists(cluster_));
}

// ---- Starting -----------------------------------------------------------------------------------

TEST_F(Operator, a_port_in_use_is_named) {
  init();
  const auto taken = net::listen_on("127.0.0.1", static_cast<std::uint16_t>(base_port_ + 101));
  ASSERT_TRUE(taken.ok());
  const Ran ran = start(1);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, AllOf(HasSubstr(std::to_string(base_port_ + 101)),
                                HasSubstr("Another program uses this port")));
}

TEST_F(Operator, a_second_replica_on_the_same_folder_is_refused) {
  init();
  Background first({"replica", replica(0).string(), "--log", "error"});
  for (int i = 0; i < 500 && text_of(replica(0) / "pid").empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const std::string pid = text_of(replica(0) / "pid");
  const Ran second = start(0);
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.errors, AllOf(HasSubstr("running on this folder already"),
                                   HasSubstr(pid.substr(0, pid.size() - 1))));
  EXPECT_EQ(first.end(SIGTERM), 0);
  EXPECT_EQ(text_of(replica(0) / "pid"), "");
}

TEST_F(Operator, a_log_of_level_debug_shows_the_decisions_of_the_protocol) {
  init();
  std::deque<Background> others;
  for (unsigned id = 1; id < 4; ++id)
    others.emplace_back(
        std::vector<std::string>{"replica", replica(id).string(), "--log", "error"});
  // Ends by itself: a pipe's reader knows no pid.
  const std::string command =
      "timeout -s TERM 30 " + program() + " replica " + replica(0).string() + " --log debug 2>&1";
  std::FILE* const log = ::popen(command.c_str(), "r");
  ASSERT_NE(log, nullptr);
  std::array<char, 4096> line{};
  bool decided = false;
  while (!decided && std::fgets(line.data(), line.size(), log) != nullptr)
    decided =
        std::string_view(line.data()).find("just started -> ask the others") != std::string::npos;
  EXPECT_TRUE(decided);
  const std::string pid = text_of(replica(0) / "pid");
  ASSERT_NE(pid, "");
  ::kill(std::stoi(pid), SIGTERM);
  while (std::fgets(line.data(), line.size(), log) != nullptr) {
  }
  EXPECT_EQ(::pclose(log), 0);
  for (Background& other : others) EXPECT_EQ(other.end(SIGTERM), 0);
}

TEST_F(Operator, settings_are_checked) {
  init();
  for (const char* bad : {"batch_requests_max=0", "batch_requests_max=many", "no_such=1",
                          "nonsense", "durability=maybe"}) {
    const Ran ran = start(0, {"--set", bad});
    EXPECT_EQ(ran.exit_code, 2) << bad;
    EXPECT_THAT(ran.errors, HasSubstr("--set")) << bad;
  }
}

TEST_F(Operator, without_durability_a_folder_serves_one_start) {
  init();
  {
    Background first(
        {"replica", replica(0).string(), "--log", "error", "--set", "durability=none"});
    for (int i = 0; i < 500 && !fs::exists(replica(0) / "state.db"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(first.end(SIGTERM), 0);
  }
  EXPECT_THAT(start(0).errors, HasSubstr("loss of the disk"));
  EXPECT_THAT(start(0, {"--set", "durability=none"}).errors, HasSubstr("loss of the disk"));
}

// ---- Damage -------------------------------------------------------------------------------------

TEST_F(Operator, a_journal_damaged_before_its_tail_is_disk_loss) {
  init();
  use_and_kill();
  const fs::path segment = *fs::directory_iterator(replica(1) / "journal");
  std::string bytes = text_of(segment);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  put_text(segment, bytes);
  const Ran ran = start(1);
  EXPECT_EQ(ran.exit_code, 71);
  EXPECT_THAT(ran.errors, AllOf(HasSubstr(segment.filename().string()), HasSubstr("is damaged"),
                                HasSubstr("Disk loss")));
}

TEST_F(Operator, a_folder_with_another_members_key_is_refused_and_not_lost) {
  init();
  use_and_stop();
  const fs::path mine = replica(1) / "replica.key";
  const std::string key = text_of(mine);
  put_text(mine, text_of(replica(2) / "replica.key"));
  const Ran ran = start(1);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("of another replica"));
  put_text(mine, key);
  Background again({"replica", replica(1).string(), "--log", "error"});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(again.end(SIGTERM), 0);
}

TEST_F(Operator, a_missing_journal_is_disk_loss) {
  init();
  use_and_kill();
  fs::remove_all(replica(1) / "journal");
  EXPECT_THAT(start(1).errors, HasSubstr("Disk loss"));
}

TEST_F(Operator, a_state_db_that_was_cut_changed_or_emptied_is_disk_loss) {
  init();
  use_and_stop();
  const fs::path file = replica(1) / "state.db";
  const std::string whole = text_of(file);
  ASSERT_GT(whole.size(), 8192U) << "a checkpoint was made";
  std::string changed = whole;
  changed[5000] = static_cast<char>(changed[5000] ^ 1);
  for (const std::string& wrong :
       {whole.substr(0, 8192), changed, std::string("no database"), std::string()}) {
    put_text(file, wrong);
    const Ran ran = start(1);
    EXPECT_EQ(ran.exit_code, 71);
    EXPECT_THAT(ran.errors, AllOf(HasSubstr("state.db"), HasSubstr("loss of the disk")));
  }
}

TEST_F(Operator, a_torn_tail_is_not) {
  init();
  use_and_kill();
  const fs::path segment = *fs::directory_iterator(replica(1) / "journal");
  std::string bytes = text_of(segment);
  bytes.resize(bytes.find_last_not_of('\0') + 1 - 5);
  put_text(segment, bytes);
  auto servers = cli::LocalCluster::open({cluster_, {}, "error", program()});
  ASSERT_TRUE(servers.ok());
  ASSERT_TRUE(servers->start_all().ok());
  Cluster cluster(cluster_ + "/genesis.json");
  const auto common = cli::wait_for_common_checkpoint(cluster, 2, std::chrono::seconds(30));
  EXPECT_TRUE(common.ok()) << common.error().message;
}

// ---- dev ----------------------------------------------------------------------------------------

class Dev : public Operator {
 protected:
  std::vector<std::string> dev() const {
    return {"dev", "--dir", cluster_, "--base-port", std::to_string(base_port_), "--log", "error"};
  }
  std::vector<pid_t> replica_processes() const {
    std::vector<pid_t> processes;
    for (unsigned id = 0; id < 4; ++id) {
      const std::string pid = text_of(replica(id) / "pid");
      if (!pid.empty()) processes.push_back(std::stoi(pid));
    }
    return processes;
  }
  static bool all_gone(const std::vector<pid_t>& processes) {
    for (int i = 0; i < 1000; ++i) {
      const bool gone =
          std::ranges::all_of(processes, [](pid_t process) { return ::kill(process, 0) != 0; });
      if (gone) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

TEST_F(Dev, says_ready_when_all_answer_and_stops_all_at_the_end) {
  Background server(dev());
  EXPECT_THAT(
      server.line_with("READY"),
      testing::StartsWith("READY http://127.0.0.1:" + std::to_string(base_port_ + 199) + "/?dev="));
  const std::vector<pid_t> processes = replica_processes();
  EXPECT_EQ(processes.size(), 4U);
  EXPECT_EQ(server.end(SIGINT), 0);
  EXPECT_TRUE(all_gone(processes));
  // The folder is kept, and serves again.
  Background again(dev());
  EXPECT_NE(again.line_with("READY"), "");
  EXPECT_EQ(again.end(SIGTERM), 0);
}

TEST_F(Dev, is_not_ready_when_another_cluster_has_its_ports) {
  Background other(dev());
  ASSERT_NE(other.line_with("READY"), "");
  const Ran ran = run({"dev", "--base-port", std::to_string(base_port_), "--log", "error"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.output, Not(HasSubstr("READY")));
  EXPECT_THAT(ran.errors, HasSubstr(std::to_string(base_port_)));
  EXPECT_EQ(other.end(SIGTERM), 0);
}

TEST_F(Dev, leaves_no_orphan_when_it_is_killed) {
  Background server(dev());
  ASSERT_NE(server.line_with("READY"), "");
  const std::vector<pid_t> processes = replica_processes();
  EXPECT_EQ(server.end(SIGKILL), -SIGKILL);
  EXPECT_TRUE(all_gone(processes));
}

TEST_F(Dev, goes_on_with_one_replica_less_and_says_how_to_start_it) {
  Background server(dev());
  ASSERT_NE(server.line_with("READY"), "");
  ::kill(std::stoi(text_of(replica(3) / "pid")), SIGKILL);
  const Ran ran = run({"sql", "SELECT 1", "--cluster", cluster_ + "/genesis.json", "--key",
                       cluster_ + "/admin.key"});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_EQ(server.end(SIGTERM), 0);
}

TEST_F(Dev, ends_with_a_message_and_no_process_left_when_the_application_is_missing) {
  std::vector<std::string> arguments = dev();
  arguments.insert(arguments.end(), {"--app", folder_ + "/nothing"});
  const Ran ran = run(arguments);
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_THAT(ran.errors, HasSubstr("nothing"));
  EXPECT_TRUE(replica_processes().empty());
}

TEST_F(Dev, names_the_port_that_is_in_use) {
  const auto taken = net::listen_on("127.0.0.1", static_cast<std::uint16_t>(base_port_ + 2));
  ASSERT_TRUE(taken.ok());
  const Ran ran = run(dev());
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr(std::to_string(base_port_ + 2)));
}

}  // namespace
}  // namespace prytany::cluster_tests
