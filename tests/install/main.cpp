// A stranger's program: includes only what is installed, and uses what links everything below it.
#include <prytany/client.h>

#include <chrono>
#include <iostream>
#include <string>

namespace {

bool holds(bool condition, const std::string& what) {
  std::cout << (condition ? "ok: " : "not ok: ") << what << "\n";
  return condition;
}

bool refuses_nonsense() {
  try {
    const prytany::Cluster cluster("{\"not\": \"genesis\"}");
  } catch (const prytany::Usage&) {
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  prytany::Cluster cluster(argv[1]);
  bool good = holds(cluster.replicas() == 4 && cluster.faults() == 1, "genesis is read");
  good &= holds(!cluster.fingerprint().empty(), "it has a fingerprint");
  good &= holds(refuses_nonsense(), "nonsense is refused");

  const auto status = cluster.status(std::chrono::milliseconds(200));
  bool silent = status.size() == 4;
  for (const auto& replica : status) silent &= !replica.reachable;
  good &= holds(silent, "four replicas are asked, and none that does not run answers");
  return good ? 0 : 1;
}
