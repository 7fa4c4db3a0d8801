// prytany-bench-delay: makes the connections of some ports of this machine slow, as if their ends
// were far from each other.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/delay.h"
#include "server/arguments/arguments.h"

int main(int argc, char** argv) {
  prytany::arguments::Program app(
      "Passes on what arrives at LISTEN to TARGET so many microseconds later, both ways",
      "prytany-bench-delay");
  std::vector<std::string> words;
  bool with_parent = false;
  app.add_option("route", words, "LISTEN:PORT=TARGET:PORT@MICROSECONDS").required();
  app.add_flag("--with-parent", with_parent, "End when the process ends that started this one");
  if (const auto ended = app.parse(argc, argv)) return print(*ended);
  if (with_parent) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::vector<prytany::bench::DelayRoute> routes;
  for (const std::string& word : words) {
    auto route = prytany::bench::delay_route_from(word);
    if (!route) {
      std::fprintf(stderr, "prytany-bench-delay: %s\n", route.error().message.c_str());
      return 2;
    }
    routes.push_back(std::move(*route));
  }
  auto proxy = prytany::bench::DelayProxy::open(routes);
  if (!proxy) {
    std::fprintf(stderr, "prytany-bench-delay: %s\n", proxy.error().message.c_str());
    return 1;
  }
  constexpr std::uint64_t a_second_us = 1'000'000;
  for (;;) (*proxy)->step(a_second_us);
}
