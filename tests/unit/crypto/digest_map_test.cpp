#include "server/crypto/digest_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace prytany::crypto {
namespace {

Digest nth_digest(int i) { return sha256("digest map", as_bytes(std::to_string(i))); }

template <class Table>
class TablesByDigest : public testing::Test {};
using BothTables = testing::Types<DigestMap<int>, DigestTable<int>>;
TYPED_TEST_SUITE(TablesByDigest, BothTables);

TYPED_TEST(TablesByDigest, hold_what_a_tree_would) {
  TypeParam map;
  std::map<Digest, int> model;
  for (int i = 0; i < 5000; ++i) {
    const Digest digest = nth_digest(i * i % 307);
    if (i % 3 == 0) {
      EXPECT_EQ(map.erase(digest), model.erase(digest) > 0);
    } else if (i % 3 == 1) {
      const bool mapped = map.emplace(digest, i);
      EXPECT_EQ(mapped, model.emplace(digest, i).second);
    } else {
      map[digest] += i;
      model[digest] += i;
    }
    ASSERT_EQ(map.size(), model.size());
  }
  for (int i = 0; i < 307; ++i) {
    const auto expected = model.find(nth_digest(i));
    ASSERT_EQ(map.contains(nth_digest(i)), expected != model.end());
    if (expected == model.end()) {
      EXPECT_EQ(map.find(nth_digest(i)), nullptr);
    } else {
      EXPECT_EQ(*map.find(nth_digest(i)), expected->second);
    }
  }
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_FALSE(map.contains(nth_digest(1)));
}

TYPED_TEST(TablesByDigest, grow_and_shrink_without_losing_anything) {
  TypeParam map;
  for (int i = 0; i < 20'000; ++i) map[nth_digest(i)] = i;
  for (int i = 0; i < 20'000; i += 2) ASSERT_TRUE(map.erase(nth_digest(i)));
  ASSERT_EQ(map.size(), 10'000U);
  for (int i = 0; i < 20'000; ++i) {
    const int* const found = map.find(nth_digest(i));
    ASSERT_EQ(found != nullptr, i % 2 == 1) << i;
    if (found != nullptr) ASSERT_EQ(*found, i);
  }
}

TYPED_TEST(TablesByDigest, list_their_digests_in_their_own_order) {
  TypeParam map;
  std::vector<Digest> expected;
  for (int i = 0; i < 200; ++i) {
    map.assign(nth_digest(i), i);
    expected.push_back(nth_digest(i));
  }
  EXPECT_EQ(map.sorted(), sorted(expected));
  EXPECT_TRUE(std::ranges::is_sorted(map.sorted()));
}

TEST(DigestSet, says_whether_a_digest_is_new) {
  DigestSet set;
  EXPECT_TRUE(set.insert(nth_digest(1)));
  EXPECT_FALSE(set.insert(nth_digest(1)));
  EXPECT_TRUE(set.contains(nth_digest(1)));
  EXPECT_TRUE(set.erase(nth_digest(1)));
  EXPECT_FALSE(set.erase(nth_digest(1)));
  EXPECT_EQ(set.size(), 0U);
}

/// Digests as an attacker can make them: with many bits alike, and different in few.
TEST(KeyedDigestHash, spreads_digests_that_are_nearly_alike) {
  std::set<std::size_t> hashes;
  std::set<std::size_t> buckets;
  for (unsigned i = 0; i < 4096; ++i) {
    Digest digest = nth_digest(0);
    digest.bytes[i % 16] = static_cast<std::uint8_t>(i / 16);
    hashes.insert(KeyedDigestHash()(digest));
    buckets.insert(KeyedDigestHash()(digest) % 4099);
  }
  // Each byte has one value that gives nth_digest(0) itself, 16 times: 4081 different digests.
  EXPECT_GT(hashes.size(), 4070U);
  // In so many buckets at random, 63 % of them would be taken.
  EXPECT_GT(buckets.size(), 2000U);
}

}  // namespace
}  // namespace prytany::crypto
