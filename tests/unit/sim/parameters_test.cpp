// What seeds may ask of a group: never more than it promises to bear, unless that is said before
// the run.
#include "tests/sim/parameters.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/sim/coverage.h"

namespace prytany::sim {
namespace {

Parameters drawn(std::uint64_t seed, unsigned n, unsigned f, const char* profile) {
  Options options;
  options.seed = seed;
  options.replicas = n;
  options.faults = f;
  options.profile = profile_named(profile);
  return draw_parameters(options);
}

TEST(Parameters, plan_at_most_f_faulty_replicas_or_excuse_the_seed) {
  unsigned excused = 0;
  unsigned planned = 0;
  for (const Profile& profile : profiles()) {
    for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
      const unsigned f = seed % 3 == 0 ? 2 : 1;
      const Parameters p = drawn(seed, 3 * f + 1, f, std::string(profile.name).c_str());
      std::set<ReplicaId> faulty;
      bool may_forget = false;
      for (const PlannedFault& fault : p.plan) {
        EXPECT_TRUE(faulty.insert(fault.replica).second) << "one fate for each";
        may_forget = may_forget || forgetful(fault.fate);
      }
      if (p.liar) {
        EXPECT_TRUE(faulty.insert(*p.liar).second);
      }
      for (const Liar& liar : p.liars) {
        EXPECT_TRUE(faulty.insert(liar.replica).second);
        EXPECT_FALSE(liar.lies.empty());
      }
      if (p.astray) {
        EXPECT_TRUE(faulty.insert(*p.astray).second);
      }
      for (const ReplicaId twin : p.twins) EXPECT_TRUE(faulty.insert(twin).second);
      planned += !faulty.empty();
      excused += p.excused();
      if (faulty.size() > f) {
        EXPECT_TRUE(p.excused());
        EXPECT_FALSE(may_forget) << "more than f that may contradict themselves prove nothing";
      } else {
        EXPECT_FALSE(p.excused());
      }
      if (p.gentle) {
        EXPECT_EQ(faulty.size(), p.liars.size());
        EXPECT_FALSE(p.lies(ReplicaId{0})) << "its primary is a correct one";
      }
    }
  }
  EXPECT_GT(planned, 1'000U);
  EXPECT_GT(excused, 0U);
  EXPECT_LT(excused * 50, 1'000U * profiles().size());
}

TEST(Parameters, are_found_by_the_names_that_help_lists) {
  for (const Profile& profile : profiles()) EXPECT_EQ(profile_named(profile.name), &profile);
  EXPECT_EQ(profile_named("no such"), nullptr);
}

TEST(Coverage, says_what_was_never_hit) {
  Coverage coverage;
  coverage.hit(Fault::split, During::view_change);
  coverage.hit(Fault::split, During::view_change);
  Coverage sum = Coverage::from_flat(coverage.flat());
  sum.add(coverage);
  EXPECT_EQ(sum.hits(Fault::split, During::view_change), 4U);
  EXPECT_EQ(sum.hits(Fault::split, During::normal), 0U);
  const std::string table = sum.table();
  EXPECT_NE(table.find("split"), std::string::npos);
  const std::size_t cells = faults_count * phases_count;
  EXPECT_NE(table.find(std::to_string(cells - 1) + " of " + std::to_string(cells) +
                       " cells were never hit"),
            std::string::npos)
      << table;
}

}  // namespace
}  // namespace prytany::sim
