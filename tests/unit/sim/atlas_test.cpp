// The atlas: a fault at rest that must be noticed is one that the real journal refuses, and one
// that cannot be noticed is one that it takes for a crash.
#include "tests/sim/atlas.h"

#include <gtest/gtest.h>

#include <set>

#include "server/store/journal_file.h"
#include "tests/sim/sim_files.h"

namespace prytany::sim {
namespace {

/// A journal on a folder, by the real JournalFile.
class DiskOver final : public store::Disk {
 public:
  explicit DiskOver(Folder& folder) : folder_(folder) {}
  Result<std::vector<std::string>> list() override { return folder_.list(); }
  Result<Bytes> read(const std::string& name) override { return folder_.read(name); }
  Result<std::unique_ptr<store::DiskFile>> open(const std::string& name) override {
    return std::unique_ptr<store::DiskFile>(std::make_unique<File>(folder_.open(name)));
  }
  Result<std::unique_ptr<store::DiskFile>> create(const std::string& name) override {
    return std::unique_ptr<store::DiskFile>(std::make_unique<File>(folder_.create(name)));
  }
  Result<void> remove(const std::string& name) override {
    folder_.remove(name);
    return {};
  }
  Result<void> sync() override {
    folder_.sync_entries();
    return {};
  }

 private:
  class File final : public store::DiskFile {
   public:
    explicit File(Folder::Open file) : file_(std::move(file)) {}
    Result<void> write(std::uint64_t offset, ByteView bytes) override {
      Folder::write(*file_, offset, bytes);
      return {};
    }
    Result<void> truncate(std::uint64_t size) override {
      Folder::truncate(*file_, size);
      return {};
    }
    Result<void> sync() override {
      Folder::sync(*file_);
      return {};
    }

   private:
    Folder::Open file_;
  };
  Folder& folder_;
};

struct Atlas : testing::Test {
  Result<std::unique_ptr<store::JournalFile>> open() {
    read = 0;
    return store::JournalFile::open(
        std::make_unique<DiskOver>(folder), [this](std::span<std::uint8_t> out) { rng.fill(out); },
        [this](const pbft::JournalRecord&) { ++read; }, Digest{}, 4'096);
  }
  /// Three segments, each of a stable record and some votes.
  void write() {
    auto journal = open();
    ASSERT_TRUE(journal.ok());
    for (std::uint64_t i = 1; i <= 30; ++i) {
      if (i % 10 == 1) (*journal)->append(pbft::StableRecord{View{0}, std::nullopt});
      (*journal)->append(pbft::PreparedVote{{View{0}, Seq{i}, Digest{}}});
      ASSERT_TRUE((*journal)->sync());
    }
  }

  Folder folder;
  Rng rng{1};
  unsigned read = 0;
};

TEST_F(Atlas, a_damaged_record_before_the_tail_is_refused_wherever_and_however_it_is_damaged) {
  for (int i = 0; i < 300; ++i) {
    folder = {};
    write();
    const auto what = damage_record(folder, rng);
    ASSERT_TRUE(what);
    EXPECT_FALSE(open().ok()) << *what;
  }
}

TEST_F(Atlas, a_missing_segment_is_refused_also_the_first) {
  std::set<std::string> lost;
  for (int i = 0; i < 50; ++i) {
    folder = {};
    write();
    const auto what = lose_segment(folder, rng);
    ASSERT_TRUE(what);
    lost.insert(*what);
    EXPECT_FALSE(open().ok()) << *what;
  }
  EXPECT_EQ(lost.size(), 2U);
}

TEST_F(Atlas, a_first_segment_that_might_have_been_discarded_is_not_missed) {
  write();
  {
    auto journal = open();
    (*journal)->append(pbft::DiscardedRecord{Seq{10}});
    ASSERT_TRUE((*journal)->sync());
  }
  for (int i = 0; i < 20; ++i) {
    Folder less = folder;
    const auto what = lose_segment(less, rng);
    ASSERT_TRUE(what);
    EXPECT_EQ(what->find("00000001.log"), std::string::npos);
  }
}

TEST_F(Atlas, a_damaged_tail_looks_like_a_crash_and_forgets_the_last_record) {
  write();
  ASSERT_TRUE(damage_tail(folder, rng));
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(read, 32U);
}

TEST_F(Atlas, an_empty_journal_has_nothing_to_be_damaged) {
  EXPECT_FALSE(damage_record(folder, rng));
  EXPECT_FALSE(lose_segment(folder, rng));
  EXPECT_FALSE(damage_tail(folder, rng));
  EXPECT_FALSE(damage_state(folder, rng));
}

const Error lost_record{"journal/00000002.log: record 7 is damaged. What this replica ...", true};
const Error lost_state{"state.db has a digest that no certificate in the journal vouches for",
                       true};
const Error lost_votes{"2 replicas have seen votes of mine that my journal does not know (...)",
                       true};

TEST(Findings, are_told_by_what_a_replica_says_when_it_stops_for_good) {
  EXPECT_EQ(finding_in(lost_record), Finding::journal);
  EXPECT_EQ(finding_in(lost_state), Finding::state);
  EXPECT_EQ(finding_in(lost_votes), Finding::votes);
  EXPECT_EQ(finding_in({"the journal holds no proof of checkpoint 8, which ...", true}),
            Finding::state);
}

TEST(Findings, are_nothing_else_that_ends_a_process) {
  EXPECT_FALSE(finding_in({"cannot use the file: Input/output error"}));
  EXPECT_FALSE(finding_in({"the database is larger than the capacity this replica was given"}));
  EXPECT_FALSE(finding_in({"something else was lost", true}));
  // Whoever says so without calling it a loss would be started again by a supervisor.
  EXPECT_FALSE(finding_in({lost_state.message, false}));
}

TEST(Findings, of_a_fate_are_those_that_it_can_cause) {
  EXPECT_EQ(findings_of(Fate::damaged_record), std::set{Finding::journal});
  EXPECT_EQ(findings_of(Fate::lost_disk), std::set{Finding::votes});
  EXPECT_EQ(findings_of(Fate::damaged_state), std::set{Finding::state});
}

TEST(Findings, are_not_that_a_file_is_to_be_had_from_others) {
  const Error lost{
      "the file of configurations ends with number 0, and state.db is of number 1: ..."};
  EXPECT_TRUE(is_of_a_lost_chain(lost));
  EXPECT_FALSE(finding_in(lost));
  EXPECT_FALSE(is_of_a_lost_chain(lost_state));
}

TEST(Findings, are_not_what_a_failing_disk_says) {
  EXPECT_TRUE(is_of_a_failing_disk({"cannot read 00000001.log: Input/output error"}));
  EXPECT_TRUE(is_of_a_failing_disk({"cannot write: No space left on device"}));
  EXPECT_FALSE(is_of_a_failing_disk(lost_record));
  EXPECT_FALSE(is_of_a_failing_disk({"state.db was replaced or removed while in use"}));
}

}  // namespace
}  // namespace prytany::sim
