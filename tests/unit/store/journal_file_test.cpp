// The journal on a disk that tears, loses and damages what was written. What is at stake: a replica
// that forgets a vote it sent may contradict it (design.md section 4).
#include "server/store/journal_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/store/memory_disk.h"

namespace prytany::store {
namespace {

using testing::HasSubstr;
using Records = std::vector<pbft::JournalRecord>;

pbft::JournalRecord vote(std::uint64_t seq) {
  Digest digest;
  digest.bytes.fill(static_cast<std::uint8_t>(seq));
  return pbft::PreparedVote{{View{0}, Seq{seq}, digest}};
}
pbft::JournalRecord genesis() { return pbft::StableRecord{View{0}, std::nullopt}; }
pbft::JournalRecord stable(std::uint64_t seq) {
  wire::CheckpointProof proof;
  proof.checkpoint.seq = Seq{seq};
  return pbft::StableRecord{View{0}, proof};
}

JournalFile::Random counting_random() {
  return [n = std::uint8_t{0}](std::span<std::uint8_t> out) mutable {
    for (std::uint8_t& byte : out) byte = n++;
  };
}

struct Opened {
  Result<std::unique_ptr<JournalFile>> journal;
  Records records;
};
Opened open_on(Platter& platter, const Digest& owner = {}) {
  Records records;
  auto journal = JournalFile::open(
      std::make_unique<MemoryDisk>(platter), counting_random(),
      [&](pbft::JournalRecord record) { records.push_back(std::move(record)); }, owner, 512);
  return {std::move(journal), std::move(records)};
}

/// Each group is synced.
void write(Platter& platter, const std::vector<Records>& groups) {
  Opened opened = open_on(platter);
  ASSERT_TRUE(opened.journal.ok()) << opened.journal.error().message;
  for (const Records& group : groups) {
    for (const auto& record : group) (*opened.journal)->append(record);
    ASSERT_TRUE((*opened.journal)->sync().ok());
  }
}

Records joined(const std::vector<Records>& groups) {
  Records all;
  for (const Records& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}
bool is_prefix(const Records& shorter, const Records& longer) {
  return shorter.size() <= longer.size() &&
         std::equal(shorter.begin(), shorter.end(), longer.begin());
}

TEST(JournalFile, gives_back_every_synced_record_in_order) {
  Platter platter;
  const std::vector<Records> groups = {
      {genesis(), vote(1)}, {vote(2), vote(3)}, {stable(2)}, {vote(4)}};
  write(platter, groups);
  EXPECT_EQ(open_on(platter).records, joined(groups));
  // And after starts that wrote nothing, and one that went on.
  EXPECT_EQ(open_on(platter).records, joined(groups));
  write(platter, {{vote(5)}});
  Records all = joined(groups);
  all.push_back(vote(5));
  EXPECT_EQ(open_on(platter).records, all);
}

TEST(JournalFile, is_empty_on_first_boot) {
  Platter platter;
  EXPECT_TRUE(open_on(platter).records.empty());
  EXPECT_TRUE(platter.files.empty());
}

TEST(JournalFile, starts_a_segment_with_every_stable_record) {
  Platter platter;
  write(platter, {{genesis(), vote(1), stable(1), vote(2)}, {stable(2)}});
  EXPECT_EQ(platter.files.size(), 3U);
  EXPECT_TRUE(platter.files.contains("00000003.log"));
  EXPECT_EQ(open_on(platter).records, (Records{genesis(), vote(1), stable(1), vote(2), stable(2)}));
}

TEST(JournalFile, keeps_a_batch_larger_than_what_is_filled_ahead) {
  Platter platter;
  wire::PrePrepare large;
  large.seq = Seq{1};
  wire::ClientRequest request;
  request.body.operation.bytes.assign(1'000'000, 7);
  large.batch.requests.items.push_back(request);
  const Records records = {genesis(), pbft::PrePreparedRecord{large}, vote(2)};
  write(platter, {records, {vote(3)}});
  EXPECT_EQ(open_on(platter).records, (Records{records[0], records[1], records[2], vote(3)}));
}

// ---- Damage -------------------------------------------------------------------------------------

TEST(JournalFile, cuts_a_tail_torn_at_any_byte_and_goes_on_from_there) {
  Platter whole;
  const std::vector<Records> groups = {{genesis(), vote(1)}, {vote(2)}, {vote(3), vote(4)}};
  write(whole, groups);
  const Bytes file = whole.files.at("00000001.log")->seen;
  for (std::size_t length = 0; length < file.size(); ++length) {
    Platter torn;
    torn.files["00000001.log"] = std::make_shared<Platter::File>();
    torn.files["00000001.log"]->seen.assign(file.begin(),
                                            file.begin() + static_cast<std::ptrdiff_t>(length));
    const Opened opened = open_on(torn);
    ASSERT_TRUE(opened.journal.ok()) << length << ": " << opened.journal.error().message;
    ASSERT_TRUE(is_prefix(opened.records, joined(groups))) << length;
    write(torn, {{vote(9)}});
    Records then = opened.records;
    then.push_back(vote(9));
    ASSERT_EQ(open_on(torn).records, then) << length;
  }
}

TEST(JournalFile, answers_every_flipped_bit_with_a_cut_tail_or_a_refusal_never_with_other_records) {
  Platter whole;
  const std::vector<Records> groups = {
      {genesis(), vote(1)}, {vote(2)}, {stable(2), vote(3)}, {vote(4)}, {vote(5)}};
  write(whole, groups);
  int refused = 0;
  int cut = 0;
  for (const std::string name : {"00000001.log", "00000002.log"}) {
    const Bytes file = whole.files.at(name)->seen;
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
      Platter damaged;
      for (const auto& [other, content] : whole.files)
        damaged.files[other] = std::make_shared<Platter::File>(*content);
      damaged.files[name]->seen[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      const Opened opened = open_on(damaged);
      ASSERT_TRUE(is_prefix(opened.records, joined(groups))) << name << " bit " << bit;
      if (!opened.journal.ok()) {
        ++refused;
        EXPECT_THAT(opened.journal.error().message, HasSubstr("Disk loss"));
      } else if (opened.records.size() < joined(groups).size()) {
        ++cut;
        // Only the last group may be taken for one that was never synced.
        ASSERT_EQ(opened.records.size(), joined(groups).size() - 1) << name << " bit " << bit;
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(cut, 100);
}

TEST(JournalFile, refuses_when_a_segment_is_missing) {
  Platter platter;
  write(platter, {{genesis(), vote(1)}, {stable(1)}, {stable(2)}});
  platter.files.erase("00000002.log");
  const Opened opened = open_on(platter);
  ASSERT_FALSE(opened.journal.ok());
  EXPECT_THAT(opened.journal.error().message, HasSubstr("00000002.log: this segment is missing"));
}

TEST(JournalFile, refuses_when_its_oldest_segments_are_missing_and_were_not_discarded) {
  const auto lose = [](const Platter& platter, std::initializer_list<const char*> names) {
    Platter less = platter;
    for (const char* name : names) less.files.erase(name);
    return open_on(less).journal.ok();
  };
  Platter platter;
  write(platter, {{genesis(), vote(1)}, {stable(64), vote(130)}, {stable(128)}});
  EXPECT_FALSE(lose(platter, {"00000001.log"}));
  // A vote above the checkpoint for which older segments may go.
  write(platter, {{pbft::DiscardedRecord{Seq{128}}}});
  EXPECT_TRUE(lose(platter, {"00000001.log"})) << "nothing was needed of it";
  EXPECT_FALSE(lose(platter, {"00000001.log", "00000002.log"}));
  write(platter, {{stable(192)}, {vote(193)}});
  EXPECT_FALSE(lose(platter, {"00000001.log", "00000002.log"}));
  EXPECT_FALSE(lose(platter, {"00000001.log", "00000002.log", "00000003.log"}));
  write(platter, {{pbft::DiscardedRecord{Seq{192}}}});
  EXPECT_TRUE(lose(platter, {"00000001.log", "00000002.log", "00000003.log"}));
}

TEST(JournalFile, refuses_a_torn_segment_that_has_lost_all_before_it) {
  Platter platter;
  write(platter, {{genesis(), vote(1)}, {stable(1)}});
  platter.files.erase("00000001.log");
  platter.files.at("00000002.log")->seen.assign(30, 0);
  EXPECT_FALSE(open_on(platter).journal.ok());
}

TEST(JournalFile, refuses_the_journal_of_another_replica_and_calls_no_disk_lost) {
  Platter platter;
  write(platter, {{genesis(), vote(1)}});
  Digest other;
  other.bytes.fill(7);
  const Opened opened = open_on(platter, other);
  ASSERT_FALSE(opened.journal.ok());
  EXPECT_THAT(opened.journal.error().message, HasSubstr("of another replica"));
  EXPECT_FALSE(opened.journal.error().disk_loss);
  EXPECT_TRUE(open_on(platter).journal.ok());
}

TEST(JournalFile, does_not_mistake_a_clients_bytes_for_a_record) {
  // A request carries what looks like a later record of this very segment, but for the random bytes
  // that only the segment's header has. Then the record after it is torn.
  Bytes forged;
  put_record(forged, SegmentNonce{}, {4, 3}, vote(9));
  wire::PrePrepare carrier;
  carrier.seq = Seq{1};
  wire::ClientRequest request;
  request.body.operation.bytes = forged;
  carrier.batch.requests.items.push_back(request);
  Platter platter;
  write(platter, {{genesis()}, {pbft::PrePreparedRecord{carrier}}});
  Bytes& file = platter.files.at("00000001.log")->seen;
  const auto at = std::search(file.begin(), file.end(), forged.begin(), forged.end());
  ASSERT_NE(at, file.end());
  *(at - 1) ^= 1;
  const Opened opened = open_on(platter);
  ASSERT_TRUE(opened.journal.ok()) << opened.journal.error().message;
  EXPECT_EQ(opened.records, Records{genesis()});
}

TEST(JournalFile, survives_power_failures_with_all_that_was_synced) {
  std::mt19937 chance(42);
  for (int round = 0; round < 2000; ++round) {
    Platter platter;
    Records synced;
    Records written;
    for (int life = 0; life < 4; ++life) {
      Opened opened = open_on(platter);
      ASSERT_TRUE(opened.journal.ok()) << round << ": " << opened.journal.error().message;
      ASSERT_TRUE(is_prefix(synced, opened.records)) << round;
      ASSERT_TRUE(is_prefix(opened.records, written)) << round;
      written = synced = opened.records;  // what was read is acted upon
      const auto groups = chance() % 6;
      for (auto group = 0 * groups; group < groups; ++group) {
        for (auto n = chance() % 4; n > 0; --n) {
          written.push_back(chance() % 5 == 0 ? stable(written.size()) : vote(written.size()));
          (*opened.journal)->append(written.back());
        }
        // The power fails in the middle of a sync, or after it.
        if (group + 1 == groups && chance() % 2 == 0) {
          platter.fail_sync_at = platter.syncs + 1 + static_cast<int>(chance() % 3);
        }
        if (!(*opened.journal)->sync()) break;
        synced = written;
      }
      platter.fail_sync_at = 0;
      platter.crash(chance);
    }
  }
}

// ---- A disk that fails --------------------------------------------------------------------------

TEST(JournalFile, reports_a_failed_sync_and_never_tries_again) {
  Platter platter;
  Opened opened = open_on(platter);
  JournalFile& journal = **opened.journal;
  journal.append(genesis());
  ASSERT_TRUE(journal.sync().ok());
  journal.append(vote(1));
  platter.fail_sync_at = platter.syncs + 1;
  ASSERT_FALSE(journal.sync().ok());
  const int syncs = platter.syncs;
  journal.append(vote(2));
  const auto again = journal.sync();
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message, HasSubstr("Input/output error"));
  EXPECT_EQ(platter.syncs, syncs);
}

/// Groups are written until a change of the disk fails; how many were acknowledged.
std::size_t write_until_failure(Platter& platter, const std::vector<Records>& groups) {
  Opened opened = open_on(platter);
  if (!opened.journal) return 0;
  JournalFile& journal = **opened.journal;
  std::size_t acknowledged = 0;
  for (const Records& group : groups) {
    for (const auto& record : group) journal.append(record);
    if (!journal.sync()) break;
    ++acknowledged;
    if (acknowledged == 4) journal.discard(Seq{2});
  }
  if (acknowledged < groups.size()) {
    const int changes = platter.changes;
    EXPECT_FALSE(journal.sync().ok());
    journal.discard(Seq{9});
    EXPECT_EQ(platter.changes, changes) << "a disk that failed was asked again";
  }
  return acknowledged;
}

// Every write, sync, cut, creation and removal fails once, each in a run of its own; then the
// replica starts again, and then the power fails. What was acknowledged before the fault, and what
// the second start read and went on from, is there to the end.
TEST(JournalFile, forgets_nothing_it_acknowledged_or_read_whatever_fails_and_power_besides) {
  const std::vector<Records> groups = {{genesis(), vote(1)}, {vote(2)}, {vote(3), stable(2)},
                                       {vote(4), stable(4)}, {vote(5)}, {vote(6), vote(7)}};
  const Records all = joined(groups);
  int runs = 0;
  int unacknowledged = 0;
  for (bool failed = true; failed; ++runs) {
    Platter platter;
    platter.fail_change_at = runs + 1;
    const std::size_t acknowledged = write_until_failure(platter, groups);
    failed = platter.changes >= platter.fail_change_at;
    platter.fail_change_at = 0;
    const Records promised =
        joined({groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(acknowledged)});
    const Opened second = open_on(platter);
    ASSERT_TRUE(second.journal.ok()) << runs << ": " << second.journal.error().message;
    unacknowledged += second.records.size() > promised.size() ? 1 : 0;
    platter.files = platter.durable_names;
    for (auto& [name, file] : platter.files) file->seen = file->synced;
    const Opened third = open_on(platter);
    ASSERT_TRUE(third.journal.ok()) << runs;
    EXPECT_EQ(third.records, second.records) << "change " << runs + 1 << " failed";
    if (third.records.empty()) {
      EXPECT_TRUE(promised.empty()) << runs;
      continue;
    }
    // All of them, but for those that were discarded.
    const auto first = std::ranges::find(all, third.records.front());
    EXPECT_TRUE(is_prefix(third.records, {first, all.end()})) << runs;
    EXPECT_GE(static_cast<std::size_t>(first - all.begin()) + third.records.size(),
              promised.size());
    EXPECT_TRUE(first == all.begin() || acknowledged >= 4) << runs;
  }
  EXPECT_GT(runs, 25);
  EXPECT_GT(unacknowledged, 3);
}

TEST(JournalFile, reports_a_full_disk) {
  Platter platter;
  platter.bytes_left = 40'000;
  Opened opened = open_on(platter);
  JournalFile& journal = **opened.journal;
  journal.append(genesis());
  ASSERT_TRUE(journal.sync().ok());
  Result<void> done;
  for (std::uint64_t seq = 1; seq < 100'000 && done.ok(); ++seq) {
    journal.append(vote(seq));
    done = journal.sync();
  }
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().message, HasSubstr("No space left"));
}

// ---- Discarding ---------------------------------------------------------------------------------

TEST(JournalFile, discards_only_segments_whose_numbers_are_all_done_with) {
  Platter platter;
  Opened opened = open_on(platter);
  JournalFile& journal = **opened.journal;
  for (const auto& record : {genesis(), vote(1), vote(3), stable(2), vote(4), stable(4), vote(5)})
    journal.append(record);
  ASSERT_TRUE(journal.sync().ok());
  journal.discard(Seq{2});  // the first segment still has number 3
  EXPECT_EQ(platter.files.size(), 3U);
  journal.append(pbft::DiscardedRecord{Seq{4}});
  journal.discard(
      Seq{4});  // and the second holds the proof of 2, needed only until 4 is in state.db
  EXPECT_EQ(platter.files.size(), 1U);
  EXPECT_EQ(open_on(platter).records, (Records{stable(4), vote(5), pbft::DiscardedRecord{Seq{4}}}));
}

TEST(JournalFile, syncs_the_new_proof_before_it_discards_the_old) {
  Platter platter;
  Opened opened = open_on(platter);
  JournalFile& journal = **opened.journal;
  journal.append(genesis());
  ASSERT_TRUE(journal.sync().ok());
  journal.append(stable(2));  // not synced
  journal.append(pbft::DiscardedRecord{Seq{2}});
  journal.discard(Seq{2});
  platter.files = platter.durable_names;
  for (auto& [name, file] : platter.files) file->seen = file->synced;
  EXPECT_EQ(open_on(platter).records, (Records{stable(2), pbft::DiscardedRecord{Seq{2}}}));
}

// ---- The real disk ------------------------------------------------------------------------------

class JournalFolder : public testing::Test {
 protected:
  JournalFolder() {
    std::string pattern = testing::TempDir() + "prytany-journal-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~JournalFolder() override { std::filesystem::remove_all(path_); }

  Opened open() {
    Records records;
    auto folder = open_folder(path_ + "/journal");
    EXPECT_TRUE(folder.ok());
    auto journal = JournalFile::open(
        std::move(*folder), counting_random(),
        [&](pbft::JournalRecord record) { records.push_back(std::move(record)); });
    return {std::move(journal), std::move(records)};
  }

  std::string path_;
};

/// Votes 1, 2, 3, ... with a stable record now and then; says over the pipe how far it has synced,
/// until killed.
[[noreturn]] void write_until_killed(JournalFile& journal, std::uint64_t next, int pipe) {
  while (true) {
    journal.append(next % 50 == 0 ? stable(next) : vote(next));
    if (next % 3 == 0) {
      if (!journal.sync()) ::_exit(1);
      if (::write(pipe, &next, sizeof next) != sizeof next) ::_exit(1);
    }
    ++next;
  }
}

TEST_F(JournalFolder, loses_nothing_that_was_synced_however_often_the_process_is_killed) {
  std::mt19937 chance(7);
  std::uint64_t known = 0;
  for (int life = 0; life < 15; ++life) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Opened opened = open();
      if (!opened.journal.ok()) ::_exit(1);
      write_until_killed(**opened.journal, opened.records.size() + 1, pipe[1]);
    }
    ::close(pipe[1]);
    const auto reports = 1 + chance() % 40;
    for (auto i = 0 * reports; i < reports; ++i) {
      ASSERT_EQ(::read(pipe[0], &known, sizeof known), static_cast<ssize_t>(sizeof known));
    }
    ::kill(child, SIGKILL);
    // What it said before it died counts as well.
    while (::read(pipe[0], &known, sizeof known) == static_cast<ssize_t>(sizeof known)) {
    }
    ::close(pipe[0]);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const Opened opened = open();
    ASSERT_TRUE(opened.journal.ok()) << opened.journal.error().message;
    ASSERT_GE(opened.records.size(), known);
    for (std::size_t i = 0; i < opened.records.size(); ++i) {
      ASSERT_EQ(opened.records[i], (i + 1) % 50 == 0 ? stable(i + 1) : vote(i + 1));
    }
  }
}

TEST_F(JournalFolder, is_readable_by_its_owner_only) {
  Opened opened = open();
  (*opened.journal)->append(genesis());
  ASSERT_TRUE((*opened.journal)->sync().ok());
  using std::filesystem::perms;
  const auto others = perms::group_all | perms::others_all;
  for (const std::string name : {"/journal", "/journal/00000001.log"}) {
    EXPECT_EQ(std::filesystem::status(path_ + name).permissions() & others, perms::none) << name;
  }
}

TEST_F(JournalFolder, says_which_file_could_not_be_written) {
  Opened opened = open();
  (*opened.journal)->append(genesis());
  ASSERT_TRUE((*opened.journal)->sync().ok());
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {300'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<void> done;
  for (std::uint64_t seq = 1; seq < 10'000 && done.ok(); ++seq) {
    (*opened.journal)->append(vote(seq));
    if (seq % 100 == 0) done = (*opened.journal)->sync();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().message, HasSubstr("journal/00000001.log: File too large"));
}

TEST(JournalFile, is_not_kept_busy_by_a_request_that_looks_like_the_beginnings_of_many_records) {
  // All of it may lie in a torn tail, where every offset is looked at.
  wire::ClientRequest request;
  Bytes& operation = request.body.operation.bytes;
  while (operation.size() + 64 < limits::request_bytes_max) {
    wire::Writer w(std::move(operation));
    w.number(std::uint32_t{256 << 10});  // of a body
    w.number(std::uint64_t{2});          // an index to come
    w.number(std::uint64_t{1});
    operation = std::move(w).take();
  }
  wire::PrePrepare proposal{View{0}, Seq{1}, {}, {}};
  proposal.batch.requests.items.push_back(request);
  Platter platter;
  write(platter, {{genesis()}, {pbft::PrePreparedRecord{proposal}}});
  Bytes& bytes = platter.files.at("00000001.log")->seen;
  bytes[SegmentHeader::size + 3 * RecordHeader::size] ^= 1;  // early in the second record
  const auto began = std::chrono::steady_clock::now();
  const Opened opened = open_on(platter);
  EXPECT_TRUE(opened.journal.ok());
  EXPECT_EQ(opened.records, Records{genesis()});
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace
}  // namespace prytany::store
