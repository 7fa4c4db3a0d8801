#include "server/app/procedures.h"

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::app {

std::optional<Failure> Procedures::refuse_call(const std::string& name) const {
  if (!sources_->contains(name) || is_for_joining(name))
    return Failure{"unknown_procedure",
                   "there is no procedure '" + clipped(name, 100) + "' that can be called"};
  if (std::ranges::find(preparing_, name) != preparing_.end())
    return Failure{"recursive_call", name + " would call itself; WITH RECURSIVE does in one " +
                                         "statement what a procedure does again and again"};
  if (!prepared_.contains(name) && preparing_.size() >= call_depth_max)
    return Failure{"calls_too_deep", calls_too_deep};
  return std::nullopt;
}

Result<Procedure*, wire::ErrorReply> Procedures::find(Engine& engine, const std::string& name) {
  if (const auto found = prepared_.find(name); found != prepared_.end()) return &found->second;
  const auto source = sources_->find(name);
  ENSURE(source != sources_->end());
  preparing_.push_back(name);
  auto prepared = Procedure::prepare(engine, source->second, *this);
  preparing_.pop_back();
  if (!prepared) return prepared.error();
  return &prepared_.emplace(name, std::move(prepared).value()).first->second;
}

}  // namespace prytany::app
