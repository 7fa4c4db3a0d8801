// The tests of this folder run in namespaces of their own.
#include <gtest/gtest.h>

#include "tests/cluster/network/lab.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  if (!prytany::cluster_tests::leave_the_machines_network()) return 1;
  return RUN_ALL_TESTS();
}
