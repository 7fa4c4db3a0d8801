// Files that commands write, and the lock that keeps two processes off one folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/init.h"
#include "server/cli/pid_file.h"

namespace prytany::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string pattern = testing::TempDir() + "prytany-cli-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FolderTest() override { fs::remove_all(folder_); }
  std::string in(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

// ---- Files --------------------------------------------------------------------------------------

TEST_F(FolderTest, a_new_file_is_never_written_over_an_old_one) {
  ASSERT_TRUE(write_new_file(in("a"), "one", 0600).ok());
  const auto again = write_new_file(in("a"), "two", 0600);
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message, HasSubstr("File exists"));
  EXPECT_EQ(*read_file(in("a")), "one");
}

TEST_F(FolderTest, a_file_is_replaced_whole_and_leaves_no_draft) {
  ASSERT_TRUE(write_new_file(in("a"), "one", 0644).ok());
  ASSERT_TRUE(write_new_file(in("a.new"), "what an earlier attempt left", 0644).ok());
  ASSERT_TRUE(replace_file(in("a"), "two").ok());
  EXPECT_EQ(*read_file(in("a")), "two");
  EXPECT_FALSE(fs::exists(in("a.new")));
}

TEST_F(FolderTest, reading_says_what_is_there_instead_of_a_file) {
  EXPECT_THAT(read_file(in("nothing")).error().message, HasSubstr("there is no file"));
  EXPECT_THAT(read_file(folder_).error().message, HasSubstr("is not a file"));
}

// ---- The lock -----------------------------------------------------------------------------------

TEST_F(FolderTest, a_second_process_is_kept_out_and_told_of_the_first) {
  const auto first = PidFile::take(in("pid"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*read_file(in("pid")), std::to_string(::getpid()) + "\n");
  const auto second = PidFile::take(in("pid"));
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
}

TEST_F(FolderTest, the_lock_goes_with_its_process_however_that_ends) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto taken = PidFile::take(in("pid"));
    ::_exit(taken.ok() ? 0 : 1);  // as a killed process would, without a last word
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(*read_file(in("pid")), std::to_string(child) + "\n");
  EXPECT_TRUE(PidFile::take(in("pid")).ok());
  EXPECT_EQ(*read_file(in("pid")), "");
}

// ---- init ---------------------------------------------------------------------------------------

TEST_F(FolderTest, a_development_cluster_has_ports_by_replica_and_keys_for_their_owner_only) {
  InitOptions options;
  options.folder = in("cluster");
  options.replicas = 4;
  options.faults = 1;
  options.base_port = 9000;
  ASSERT_TRUE(init_cluster(options).ok());
  const auto file = read_genesis(in("cluster/genesis.json"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  const wire::Genesis& genesis = file->genesis;
  EXPECT_TRUE(genesis.development);
  EXPECT_EQ(genesis.engine.text, engine());
  ASSERT_EQ(genesis.members.size(), 4U);
  EXPECT_EQ(genesis.members.items[3].peer_port, 9103);
  EXPECT_EQ(genesis.members.items[3].client_url.text, "ws://127.0.0.1:9003");
  for (const char* key : {"cluster/admin.key", "cluster/replica-0/replica.key"}) {
    EXPECT_EQ(fs::status(in(key)).permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << key;
  }
}

TEST_F(FolderTest, a_genesis_decides_what_every_room_is_told) {
  InitOptions options;
  options.folder = in("cluster");
  options.replicas = 7;
  options.faults = 2;
  options.checkpoint_interval = 16;
  ASSERT_TRUE(init_cluster(options).ok());
  const auto file = read_genesis(in("cluster/genesis.json"));
  ASSERT_TRUE(file.ok());
  const pbft::Config config = config_of(file->genesis, ReplicaId{3});
  EXPECT_EQ(config.refuse(), std::nullopt);
  EXPECT_EQ(config.group, (pbft::Group{7, 2}));
  EXPECT_EQ(config.checkpoint_interval, 16U);
  EXPECT_EQ(config.window, 32U);
  EXPECT_EQ(membership_of(file->genesis).quorum, 5U);
  EXPECT_EQ(membership_of(file->genesis).cluster, wire::genesis_digest(file->genesis));
  EXPECT_EQ(executor_config_of(file->genesis).weak_quorum, 3U);
  EXPECT_EQ(executor_config_of(file->genesis).administrators, file->genesis.administrators.items);
}

TEST(Describe, warns_when_a_group_is_not_always_live) {
  EXPECT_EQ(describe({4, 1}), "4 replicas, up to 1 faulty, quorum 3");
  EXPECT_THAT(describe({4, 2}), HasSubstr("at most 0 replicas are faulty"));
  EXPECT_THAT(describe({6, 2}), HasSubstr("safe, but not always live"));
}

}  // namespace
}  // namespace prytany::cli
