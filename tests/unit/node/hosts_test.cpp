#include "server/node/hosts.h"

#include <gtest/gtest.h>

namespace prytany::node {
namespace {

TEST(Hosts, all_addresses_of_an_ipv6_network_are_one_host) {
  EXPECT_EQ(host_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(host_of("2001:db8:1:2::1"), "2001:db8:1:2::/64");
  EXPECT_EQ(host_of("2001:db8:1:2:ffff::"), "2001:db8:1:2::/64");
  EXPECT_EQ(host_of("2001:db8::6"), "2001:db8:0:0::/64");
  EXPECT_EQ(host_of("2001:db8::3:4:5:6"), "2001:db8:0:0::/64");
  EXPECT_EQ(host_of("::1"), "0:0:0:0::/64");
  EXPECT_NE(host_of("2001:db8:1:3::1"), host_of("2001:db8:1:2::1"));
}

TEST(Hosts, an_ipv4_address_is_one) {
  EXPECT_EQ(host_of("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(host_of(""), "");
}

TEST(Hosts, text_that_is_no_address_does_no_harm) {
  for (const char* text : {":", "::", ":::", "::::::::::", "1:2", "a:b:c:d:e:f:g:h:i:j"})
    EXPECT_FALSE(host_of(text).empty()) << text;
}

TEST(Hosts, are_numbered_alike_everywhere) {
  EXPECT_EQ(number_of_host("10.0.0.1"), number_of_host("10.0.0.1"));
  EXPECT_NE(number_of_host("10.0.0.1"), number_of_host("10.0.0.2"));
}

}  // namespace
}  // namespace prytany::node
