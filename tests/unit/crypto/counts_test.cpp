#include "server/crypto/counts.h"

#include <gtest/gtest.h>

#include <thread>

#include "server/crypto/mac.h"
#include "server/crypto/sign.h"

namespace prytany::crypto {
namespace {

TEST(CryptoCounts, tell_what_is_made_from_what_is_checked) {
  const Mac mac(MacKey{});
  const Signer signer(Signer::Seed{});
  const Bytes message(10, 7);
  const Counts before = counted();
  const Tag16 tag = mac.tag(message);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(mac.check(message, tag));
  EXPECT_EQ(counted() - before, (Counts{1, 2, 0, 0}));
  Signature signature;
  for (int i = 0; i < 3; ++i) signature = signer.sign(message);
  EXPECT_TRUE(verify(signer.public_key(), message, signature));
  EXPECT_EQ(counted() - before, (Counts{1, 2, 3, 1}));
}

TEST(CryptoCounts, are_of_one_thread) {
  const Counts before = counted();
  Counts there;
  std::thread other([&] {
    (void)Mac(MacKey{}).tag({});
    there = counted();
  });
  other.join();
  EXPECT_EQ(there, (Counts{1, 0, 0, 0}));
  EXPECT_EQ(counted(), before);
}

}  // namespace
}  // namespace prytany::crypto
