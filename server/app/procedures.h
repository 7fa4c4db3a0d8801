// All procedures of an application on one handle, each prepared when it is first needed, together
// with those that it calls.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/app/procedure.h"

namespace prytany::app {

/// How deep procedures call each other, the first one counted.
inline constexpr std::size_t call_depth_max = 8;
inline constexpr const char* calls_too_deep = "at most 8 procedures may call each other in a row";

class Procedures {
 public:
  /// `sources` outlive it.
  explicit Procedures(const std::map<std::string, ProcedureSource>& sources) : sources_(&sources) {}

  /// All are prepared anew. Call before their handle is closed.
  void forget() { prepared_.clear(); }

  /// Why the procedure that is being prepared may not call `name`: there is none
  /// ("unknown_procedure"), it calls itself that way ("recursive_call"), or too many call each
  /// other ("calls_too_deep"). Nothing if it may.
  [[nodiscard]] std::optional<Failure> refuse_call(const std::string& name) const;

  /// Requires: it is one of `sources`, and while another is prepared, refuse_call() says nothing.
  Result<Procedure*, wire::ErrorReply> find(Engine& engine, const std::string& name);

 private:
  const std::map<std::string, ProcedureSource>* sources_;
  std::map<std::string, Procedure> prepared_;
  std::vector<std::string> preparing_;  // each called by the one before it
};

}  // namespace prytany::app
