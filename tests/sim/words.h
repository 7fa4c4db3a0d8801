// What was asked and answered, for people who read why a seed failed.
#pragma once

#include <string>

#include "server/wire/operations.h"
#include "server/wire/values.h"

namespace prytany::sim {

std::string words_of(const wire::Operation& operation);
/// Clipped.
std::string words_of(const wire::Outcome& outcome);

}  // namespace prytany::sim
