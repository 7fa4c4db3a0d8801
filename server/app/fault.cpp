#include "server/app/fault.h"

#include <cstdlib>
#include <string>

#include "server/base/log.h"

namespace prytany::app {

void stop_on_fault(std::string_view what) {
  log::error("local fault: " + std::string(what) +
             "; stopping, because an answer from here could differ from the other replicas'");
  std::_Exit(70);
}

}  // namespace prytany::app
