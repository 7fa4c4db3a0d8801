// Disks that fill up, and power that fails everywhere at once: a replica stops rather than send
// what it could forget, and nothing acknowledged is lost.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "server/cli/init.h"
#include "tests/cluster/inserters.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr unsigned victim = 2;

/// A file system of a few MiB in the place of a folder, with what the folder held, seen by this
/// process and its children only.
class SmallDisk {
 public:
  SmallDisk(fs::path folder, unsigned mebibytes) : folder_(std::move(folder)) {
    if (::unshare(CLONE_NEWNS) != 0) return;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
    const fs::path copy = folder_.string() + ".copy";
    fs::copy(folder_, copy, fs::copy_options::recursive);
    const std::string size = "mode=0700,size=" + std::to_string(mebibytes) + "m";
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, size.c_str()) == 0;
    if (mounted_) fs::copy(copy, folder_, fs::copy_options::recursive);
    fs::remove_all(copy);
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  /// Leaves so many bytes; somebody else's file takes the rest.
  void leave(std::uintmax_t bytes) const {
    const std::uintmax_t room = fs::space(folder_).available;
    std::ofstream ballast(folder_ / "ballast", std::ios::binary);
    const std::string kibibyte(1024, 'x');
    for (std::uintmax_t left = room > bytes ? room - bytes : 0; left >= 1024; left -= 1024)
      ballast << kibibyte;
  }
  void make_room() const { fs::remove(folder_ / "ballast"); }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

void expect_all_acknowledged(Client& admin, const Inserters& inserters) {
  EXPECT_EQ(inserters.failure(), "");
  const auto rows = admin.query<int, int>(
      "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT inserter, n FROM work)) FROM work");
  EXPECT_EQ(rows.one(), std::make_tuple(inserters.acknowledged(), inserters.acknowledged()));
}

// With different room left, the journal, its next segment, or the checkpoint beside state.db is
// what finds the disk full.
TEST(FullDisk, stops_the_replica_cleanly_the_others_go_on_and_with_room_it_is_one_of_them_again) {
  TestCluster cluster;
  const std::string folder = cli::replica_folder(cluster.folder(), victim);
  cluster.kill(victim);
  const SmallDisk disk(folder, 8);
  ASSERT_TRUE(disk.mounted()) << "a small file system cannot be mounted here (run as root): "
                              << std::strerror(errno);
  cluster.restart(victim);
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  Inserters inserters(cluster, 8);
  for (const std::uintmax_t room : {0U, 60'000U, 300'000U}) {
    inserters.wait_for_more(50);
    disk.leave(room);
    EXPECT_EQ(cluster.wait_for_end(victim), "exit code 70") << room << " bytes left";
    inserters.wait_for_more(50);
    // Started again while nothing has changed, it stops again.
    const Ran again = run({"replica", folder, "--log", "error", "--json"});
    EXPECT_EQ(again.exit_code, 70);
    EXPECT_THAT(again.errors, AllOf(HasSubstr("\"code\":\"local_fault\""), HasSubstr(folder),
                                    HasSubstr("No space left on device"), HasSubstr("Make room")));
    disk.make_room();
    cluster.restart(victim);
    inserters.wait_for_more(50);
  }
  inserters.stop();
  expect_all_acknowledged(admin, inserters);
  cluster.expect_one_state(inserters.last_seq());
}

// What the disk cannot give any more arrives as a signal, in the middle of a request.
TEST(FailingDisk, whose_pages_cannot_be_read_stops_the_replica_with_the_same_code) {
  TestCluster cluster;
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE big(b BLOB)");
  for (int i = 0; i < 4; ++i) admin.execute("INSERT INTO big VALUES(zeroblob(400000))");
  const Answer last = admin.execute("SELECT count(*) FROM big");
  cluster.expect_one_state(last.seq);
  cluster.signal(victim, SIGTERM);
  cluster.restart(victim);
  const fs::path file = fs::path(cli::replica_folder(cluster.folder(), victim)) / "state.db";
  ASSERT_GT(fs::file_size(file), 1'000'000U);
  fs::resize_file(file, 64 << 10);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(admin.execute("SELECT sum(length(hex(b))) FROM big").value<int>(), 4 * 800'000);
  }
  EXPECT_EQ(cluster.wait_for_end(victim), "exit code 70");
}

// Nothing on such a disk says that it is old. The others remember what this replica voted since.
TEST(ForgetfulDisk, that_was_emptied_or_put_back_to_an_older_copy_does_not_vote_again) {
  TestCluster cluster;
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  const fs::path folder = cli::replica_folder(cluster.folder(), victim);
  const fs::path copy = folder.string() + ".copy";
  {
    Inserters inserters(cluster, 4);
    inserters.wait_for_more(50);
    cluster.kill(victim);
    fs::copy(folder, copy, fs::copy_options::recursive);
    cluster.restart(victim);
    inserters.wait_for_more(300);
    cluster.kill(victim);
    fs::rename(folder, folder.string() + ".newest");
    fs::rename(copy, folder);
    const Ran older = run({"replica", folder, "--log", "error", "--json"});
    EXPECT_EQ(older.exit_code, 71);
    EXPECT_THAT(older.errors, AllOf(HasSubstr("\"code\":\"disk_loss\""),
                                    HasSubstr("must not vote again under its key")));
    fs::remove_all(folder / "journal");
    for (const char* name : {"state.db", "state.db-redo", "state.db-wal"})
      fs::remove(folder / name);
    const Ran emptied = run({"replica", folder, "--log", "error"});
    EXPECT_EQ(emptied.exit_code, 71);
    EXPECT_THAT(emptied.errors, HasSubstr("operate.md"));
    inserters.wait_for_more(50);
    inserters.stop();
    expect_all_acknowledged(admin, inserters);
  }
  // The newest folder forgot nothing.
  fs::remove_all(folder);
  fs::rename(folder.string() + ".newest", folder);
  cluster.restart(victim);
  const Answer last = admin.execute("INSERT INTO work VALUES(99, 99)");
  cluster.expect_one_state(last.seq);
}

void kill_all_again_and_again(int rounds) {
  TestCluster cluster;
  Client admin(cluster.admin("admin"));
  admin.execute("CREATE TABLE work(inserter INTEGER, n INTEGER)");
  Inserters inserters(cluster, 8);
  for (int round = 0; round < rounds; ++round) {
    inserters.wait_for_more(30 + 17 * (round % 5));
    for (unsigned id = 0; id < cluster.size(); ++id) cluster.signal(id, SIGSTOP);  // at one instant
    for (unsigned id = 0; id < cluster.size(); ++id) cluster.kill(id);
    // What was answered before has reached the clients by then.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto begun = std::chrono::steady_clock::now();
    for (unsigned id = 0; id < cluster.size(); ++id) cluster.start_without_waiting(id);
    inserters.wait_for_more(1);
    std::cout << "[ MEASURED ] first answer "
              << std::chrono::duration_cast<std::chrono::milliseconds>(
                     std::chrono::steady_clock::now() - begun)
                     .count()
              << " ms after the start of all, which were killed at once" << std::endl;
  }
  inserters.stop();
  expect_all_acknowledged(admin, inserters);
  cluster.expect_one_state(inserters.last_seq());
}

TEST(KillAll, under_load_loses_nothing_that_was_acknowledged) { kill_all_again_and_again(3); }
TEST(LongKillAll, under_load_forty_times_loses_nothing_that_was_acknowledged) {
  kill_all_again_and_again(40);
}

}  // namespace
}  // namespace prytany::cluster_tests
