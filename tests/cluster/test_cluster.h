// A real cluster for a test: processes of the `prytany` program beside this one, in a temporary
// folder, gone afterwards.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/cli/local_cluster.h"

namespace prytany::cluster_tests {

/// A file's content.
inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A temporary folder, gone afterwards.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Shape {
  unsigned replicas = 4;
  unsigned faults = 1;
  std::vector<std::string> settings = {};
  std::uint64_t checkpoint_interval = 0;                // 0: the default
  bool signed_requests = false;                         // "requests": "signed"
  std::vector<wire::StaticClient> static_clients = {};  // nobody joins
  std::string program = "prytany";  // what every replica runs, beside this program
  /// Where each replica is, if not all on the loopback: its address there, and what runs an act
  /// (the start of its process) in its place.
  std::function<std::string(unsigned replica)> address = {};
  std::function<void(unsigned replica, const std::function<void()>& act)> inside = {};
};

class TestCluster {
 public:
  explicit TestCluster(Shape shape = {});
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] std::string genesis() const { return folder() + "/genesis.json"; }
  [[nodiscard]] std::string admin_key() const { return folder() + "/admin.key"; }
  [[nodiscard]] std::uint16_t base_port() const { return base_port_; }
  [[nodiscard]] unsigned size() const { return servers_->size(); }

  void kill(unsigned replica);
  /// How it ended by itself: "exit code 70".
  [[nodiscard]] std::string wait_for_end(unsigned replica);
  /// Starts it again and waits until it serves.
  void restart(unsigned replica);
  void start_without_waiting(unsigned replica);
  /// From now on prytany-liar stands before this replica; `lies` are its options.
  void lie(unsigned replica, const std::vector<std::string>& lies);
  void tell_the_truth(unsigned replica);
  [[nodiscard]] std::string url(unsigned replica) const { return servers_->url(replica); }
  void signal(unsigned replica, int signal) { servers_->signal(replica, signal); }

  /// The administrator's options; `name` keeps sessions of one key apart.
  [[nodiscard]] Options admin(const std::string& name) const;
  /// Waits until all replicas have one digest at one stable checkpoint at or above `seq`.
  void expect_one_state(std::uint64_t seq) const;

 private:
  void give_addresses();

  TestFolder folder_;
  Shape shape_;
  std::uint16_t base_port_ = 0;
  std::unique_ptr<cli::LocalCluster> servers_;
};

/// The program under test: beside this one.
std::string program(const std::string& name = "prytany");

/// Runs it with these arguments.
struct Ran {
  int exit_code = -1;
  std::string output;
  std::string errors;
};
Ran run(const std::vector<std::string>& arguments, const std::string& input = "",
        const std::string& program_name = "prytany");

}  // namespace prytany::cluster_tests
