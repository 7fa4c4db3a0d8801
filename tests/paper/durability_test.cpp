// docs/design.md section 4: with `durability: none` a restart counts as loss of the disk, and who
// lost it must not come back under its key. Why: the negative control.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

/// What a lying primary needs to have `request` ordered as n1 by those who hear it.
void lie(Group& group, const std::vector<unsigned>& to, const wire::ClientRequest& request) {
  const wire::PrePrepare proposal{View{0}, Seq{1}, {{{request}}}, {AgreedTime{epoch_us}, {}}};
  const Digest digest = wire::batch_digest(proposal.batch, proposal.agreed);
  group.mangle = nullptr;
  for (const unsigned id : to) {
    group.forge(0, id, proposal);
    group.forge(0, id, wire::Prepare{View{0}, Seq{1}, digest});
    group.forge(0, id, wire::Commit{View{0}, Seq{1}, digest});
  }
  group.mangle = [](unsigned, unsigned, wire::PeerMessage) {
    return std::optional<wire::PeerMessage>();
  };
  group.advance(60);
}

/// r0 lies, which is f. r2 loses its disk after it voted, which is one more, if it comes back.
Seq executed_by_the_other(bool comes_back) {
  Group group(small_config(4, 1));
  group.set_faulty(0);
  group.mangle = [](unsigned, unsigned, wire::PeerMessage) {
    return std::optional<wire::PeerMessage>();
  };
  const auto one = request_of(1, 1);
  const auto other = request_of(2, 1);
  group.submit(0, one);
  group.submit(0, other);
  group.cut(1, 3);
  group.cut(2, 3);
  lie(group, {1, 2}, one);
  EXPECT_EQ(group.host(1).executed(), Seq{1});
  group.cut(1, 2);
  group.kill(2);
  group.disk(2) = {};
  if (comes_back) {
    group.restart(2);
    group.cut(1, 2);
    group.connect(2, 3);
  }
  lie(group, {2, 3}, other);
  return group.host(3).executed();
}

TEST(WithoutDurability, who_stays_away_after_a_restart_leaves_the_others_safe) {
  EXPECT_EQ(executed_by_the_other(false), Seq{0});
}

TEST(WithoutDurability, who_comes_back_contradicts_its_votes_and_the_checks_fire) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH((void)executed_by_the_other(true), "");
}

}  // namespace
}  // namespace prytany::play
