// Castro & Liskov, TOCS 2002, section 4.4 and figure 4: what a new view must propose, as the pure
// function plan_new_view() (docs/design.md section 4).
#include "server/pbft/new_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "server/pbft/view_change.h"
#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

constexpr Group four{4, 1};
constexpr std::uint64_t window = 8;

wire::PreparedEntry entry(std::uint64_t seq, const std::string& d, std::uint64_t view) {
  return {Seq{seq}, digest_of(d), View{view}};
}

/// r's VIEW-CHANGE to view 9; its stable checkpoint is the genesis unless told otherwise.
wire::SignedViewChange from(unsigned r, std::vector<wire::PreparedEntry> p = {},
                            std::vector<wire::PreparedEntry> q = {}, std::uint64_t stable = 0) {
  wire::ViewChange m{View{9}, {}, {std::move(p)}, {std::move(q)}};
  if (stable > 0)
    m.stable = wire::CheckpointProof{{Seq{stable}, digest_of("s" + std::to_string(stable))}, {}};
  return {ReplicaId{static_cast<std::uint16_t>(r)}, {std::move(m), {}}};
}
wire::PreparedEntry sorted_first(wire::PreparedEntry a, wire::PreparedEntry b) {
  return a.digest < b.digest ? a : b;
}
wire::PreparedEntry sorted_last(wire::PreparedEntry a, wire::PreparedEntry b) {
  return a.digest < b.digest ? b : a;
}

Result<NewViewPlan, Undecided> plan(const std::vector<wire::SignedViewChange>& messages) {
  return plan_new_view(four, window, messages);
}
std::optional<Digest> chosen(const NewViewPlan& plan, std::uint64_t seq) {
  for (const wire::Choice& choice : plan.choices)
    if (choice.seq == Seq{seq}) return choice.digest;
  return std::nullopt;
}

// "2f + 1 VIEW-CHANGE messages": fewer decide nothing.
TEST(NewView, fewer_than_a_quorum_decide_nothing_4_4) {
  const auto undecided = plan({from(0), from(1)});
  ASSERT_FALSE(undecided.ok());
  EXPECT_EQ(undecided.error(), Undecided{});
}

TEST(NewView, when_nothing_was_prepared_the_view_starts_empty_4_4) {
  const auto p = plan({from(0), from(1), from(2)});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->start, (wire::Checkpoint{Seq{0}, {}}));
  EXPECT_TRUE(p->choices.empty());
}

// Condition A: prepared somewhere, contradicted by no quorum, and sent PREPARE for by
// weak_quorum().
TEST(NewView, chooses_what_was_prepared_4_4_A) {
  const auto p = plan(
      {from(0, {entry(1, "a", 0)}, {entry(1, "a", 0)}), from(1, {}, {entry(1, "a", 0)}), from(2)});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(chosen(*p, 1), digest_of("a"));
}

// A2: "f + 1 messages ... (n, d, v') in Q with v' >= v": one liar's P is not enough.
TEST(NewView, waits_when_nobody_else_voted_for_what_one_claims_was_prepared_4_4_A2) {
  const std::vector<wire::SignedViewChange> three = {
      from(0, {entry(1, "lie", 5)}, {entry(1, "lie", 5)}), from(1), from(2)};
  const auto undecided = plan(three);
  ASSERT_FALSE(undecided.ok());
  EXPECT_EQ(undecided.error().seq, Seq{1});
  // The fourth message shows that a quorum knows nothing of n1: null.
  auto all = three;
  all.push_back(from(3));
  const auto p = plan(all);
  ASSERT_TRUE(p.ok());
  EXPECT_TRUE(p->choices.empty());
}

TEST(NewView, a_vote_in_an_older_view_does_not_support_a_later_preparation_4_4_A2) {
  const auto undecided = plan(
      {from(0, {entry(1, "a", 5)}, {entry(1, "a", 5)}), from(1, {}, {entry(1, "a", 4)}), from(2)});
  EXPECT_FALSE(undecided.ok());
}

// A1: what was prepared in a later view wins over what was in an earlier one.
TEST(NewView, the_latest_view_wins_4_4_A1) {
  const auto p = plan({from(0, {entry(1, "old", 1)}, {entry(1, "old", 1)}),
                       from(1, {entry(1, "new", 3)},
                            {sorted_first(entry(1, "new", 3), entry(1, "old", 1)),
                             sorted_last(entry(1, "new", 3), entry(1, "old", 1))}),
                       from(2, {}, {entry(1, "new", 3)})});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(chosen(*p, 1), digest_of("new"));
}

TEST(NewView, two_digests_of_one_view_need_more_messages_4_4_A1) {
  const std::vector<wire::SignedViewChange> three = {
      from(0, {entry(1, "a", 3)}, {entry(1, "a", 3)}),
      from(1, {entry(1, "b", 3)}, {entry(1, "b", 3)}), from(2, {}, {entry(1, "a", 3)})};
  EXPECT_FALSE(plan(three).ok()) << "one of them lies; which, is not known yet";
  auto all = three;
  all.push_back(from(3, {}, {}));
  const auto p = plan(all);
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(chosen(*p, 1), digest_of("a"));
}

// Condition B: null where a quorum knows nothing; what is above still has its number.
TEST(NewView, fills_gaps_with_null_4_4_B) {
  const auto p = plan(
      {from(0, {entry(3, "c", 0)}, {entry(3, "c", 0)}), from(1, {}, {entry(3, "c", 0)}), from(2)});
  ASSERT_TRUE(p.ok());
  ASSERT_EQ(p->choices.size(), 3U);
  EXPECT_EQ(p->choices[0], (wire::Choice{Seq{1}, std::nullopt}));
  EXPECT_EQ(p->choices[1], (wire::Choice{Seq{2}, std::nullopt}));
  EXPECT_EQ(p->choices[2], (wire::Choice{Seq{3}, digest_of("c")}));
}

// The paper chooses "the checkpoint with the highest number h such that" f + 1 vouch for it and 2f
// + 1 have not gone beyond it. Here each message proves its own: the highest of them is both.
TEST(NewView, starts_at_the_highest_checkpoint_that_is_proven_4_4) {
  const auto p = plan({from(0, {}, {}, 4), from(1, {}, {}, 8), from(2)});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->start, (wire::Checkpoint{Seq{8}, digest_of("s8")}));
}

TEST(NewView, chooses_nothing_at_or_below_its_start_4_4) {
  const auto p = plan({from(0, {entry(3, "a", 0)}, {entry(3, "a", 0)}),
                       from(1, {}, {entry(3, "a", 0)}), from(2, {}, {}, 4)});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->start.seq, Seq{4});
  EXPECT_TRUE(p->choices.empty());
}

TEST(NewView, does_not_depend_on_the_order_of_messages) {
  std::vector<wire::SignedViewChange> messages = {
      from(0, {entry(1, "a", 1), entry(2, "b", 0)}, {entry(1, "a", 1), entry(2, "b", 0)}),
      from(1, {entry(1, "a", 1)}, {entry(1, "a", 1), entry(2, "b", 0)}),
      from(2, {entry(2, "b", 0)}, {entry(1, "a", 1), entry(2, "b", 0)}), from(3)};
  const auto first = plan(messages);
  ASSERT_TRUE(first.ok());
  std::sort(messages.begin(), messages.end(),
            [](const auto& a, const auto& b) { return a.sender > b.sender; });
  const auto second = plan(messages);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*first, *second);
}

TEST(NewView, says_which_chosen_batches_are_not_at_hand_4_4_A3) {
  const auto p = plan(
      {from(0, {entry(2, "b", 0)}, {entry(2, "b", 0)}), from(1, {}, {entry(2, "b", 0)}), from(2)});
  ASSERT_TRUE(p.ok());
  EXPECT_TRUE(missing_batches(*p, [](Seq, const Digest&) { return true; }).empty());
  const auto missing = missing_batches(*p, [](Seq, const Digest&) { return false; });
  ASSERT_EQ(missing.size(), 1U) << "null needs no batch";
  EXPECT_EQ(missing[0].digest, digest_of("b"));
}

struct Checking : testing::Test {
  Checking() {
    message.view = View{9};
    message.view_changes.items = {from(0, {entry(1, "a", 0)}, {entry(1, "a", 0)}),
                                  from(1, {}, {entry(1, "a", 0)}), from(2)};
    const auto p = plan(message.view_changes.items);
    message.start = p->start;
    message.choices.items = p->choices;
  }
  Config config = play::small_config(4, 1, 4, window);
  wire::NewView message;
};

// "A backup accepts a NEW-VIEW ... if it ... is able to verify its contents ... by performing a
// computation similar to the one used by the primary"
TEST_F(Checking, a_new_view_that_follows_from_its_messages_is_good_4_4) {
  EXPECT_EQ(refuse_new_view(config, message), std::nullopt);
}
TEST_F(Checking, one_that_leaves_out_or_changes_a_choice_is_refused_4_4) {
  auto omitted = message;
  omitted.choices.items.clear();
  EXPECT_EQ(refuse_new_view(config, omitted), Refusal::new_view_wrong);
  auto changed = message;
  changed.choices.items[0].digest = digest_of("z");
  EXPECT_EQ(refuse_new_view(config, changed), Refusal::new_view_wrong);
  auto nulled = message;
  nulled.choices.items[0].digest.reset();
  EXPECT_EQ(refuse_new_view(config, nulled), Refusal::new_view_wrong);
  auto elsewhere = message;
  elsewhere.start.state = digest_of("z");
  EXPECT_EQ(refuse_new_view(config, elsewhere), Refusal::new_view_wrong);
}
TEST_F(Checking, one_without_a_quorum_of_distinct_good_messages_is_refused_4_4) {
  auto few = message;
  few.view_changes.items.pop_back();
  EXPECT_EQ(refuse_new_view(config, few), Refusal::new_view_unfounded);
  auto twice = message;
  twice.view_changes.items[2].sender = ReplicaId{1};
  EXPECT_EQ(refuse_new_view(config, twice), Refusal::new_view_unfounded);
  auto mixed = message;
  mixed.view_changes.items[2].content.message.view = View{8};
  EXPECT_EQ(refuse_new_view(config, mixed), Refusal::new_view_unfounded);
  auto stranger = message;
  stranger.view_changes.items[2].sender = ReplicaId{4};
  EXPECT_EQ(refuse_new_view(config, stranger), Refusal::new_view_unfounded);
}

/// A random past of one number, as four replicas may have lived it: in each view at most one digest
/// is sent PREPARE for by a correct replica, and it prepares only where a quorum voted (the liar
/// votes for everything).
struct Past {
  struct Replica {
    std::vector<wire::PreparedEntry> p, q;
  };
  std::array<Replica, 4> replicas;  // r3 lies
  std::optional<Digest> committed;
};

Past live(std::mt19937& random) {
  const auto percent = [&](unsigned p) { return random() % 100 < p; };
  Past past;
  for (std::uint64_t view = 0; view < 4; ++view) {
    // A correct primary re-proposes what is committed; a view change has chosen so. Here: it is
    // forced to.
    const std::string name(1, static_cast<char>('a' + random() % 3));
    const Digest d = past.committed.value_or(digest_of(name));
    std::vector<unsigned> voters;
    for (unsigned r = 0; r < 3; ++r) {
      if (!percent(70)) continue;
      voters.push_back(r);
      auto& q = past.replicas[r].q;
      std::erase_if(q, [&](const auto& e) { return e.digest == d; });
      q.push_back({Seq{1}, d, View{view}});
      std::sort(q.begin(), q.end(), [](auto& a, auto& b) { return a.digest < b.digest; });
    }
    if (voters.size() < 2) continue;  // with the liar's vote: a quorum of three
    unsigned prepared = 0;
    for (const unsigned r : voters) {
      if (!percent(70)) continue;
      past.replicas[r].p = {{Seq{1}, d, View{view}}};
      ++prepared;
    }
    // With the liar's COMMIT a quorum is reached by two.
    if (prepared >= 2 && percent(50)) past.committed = d;
  }
  return past;
}

// The safety of section 4.4: whatever one liar says, what was committed is chosen again, or nothing
// is decided yet.
TEST(NewView, what_was_committed_is_never_replaced_whatever_f_liars_say_4_4) {
  std::mt19937 random(42);
  unsigned committed = 0, decided = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Past past = live(random);
    if (!past.committed) continue;
    ++committed;
    std::vector<wire::SignedViewChange> messages;
    const auto absent = random() % 5;  // 4: nobody
    for (unsigned r = 0; r < 3; ++r)
      if (r != absent) messages.push_back(from(r, past.replicas[r].p, past.replicas[r].q));
    std::vector<wire::PreparedEntry> p, q;
    if (random() % 2 == 0)
      p.push_back(entry(1, std::string(1, static_cast<char>('a' + random() % 4)), random() % 9));
    for (char c = 'a'; c < 'e'; ++c)
      if (random() % 2 == 0) q.push_back(entry(1, std::string(1, c), random() % 9));
    std::sort(q.begin(), q.end(), [](auto& a, auto& b) { return a.digest < b.digest; });
    if (absent != 3) messages.push_back(from(3, p, q));
    const auto outcome = plan(messages);
    if (!outcome.ok()) continue;
    ++decided;
    ASSERT_EQ(chosen(*outcome, 1), past.committed) << i;
  }
  EXPECT_GT(committed, 1'000U);
  EXPECT_GT(decided, 500U);
}

// Liveness: when all correct replicas have sent theirs, everything is decided, whatever f liars
// say.
TEST(NewView, with_all_correct_messages_everything_is_decided_4_4) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Past past = live(random);
    std::vector<wire::SignedViewChange> messages;
    for (unsigned r = 0; r < 3; ++r)
      messages.push_back(from(r, past.replicas[r].p, past.replicas[r].q));
    ASSERT_TRUE(plan(messages).ok()) << i;
  }
}

}  // namespace
}  // namespace prytany::pbft
