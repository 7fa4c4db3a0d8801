// What prytany pages decides, apart from asking.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/base/result.h"

namespace prytany::cli {

/// A page as f+1 replicas list it.
struct ListedPage {
  std::string path;    // below the root of the pages, without a leading '/'
  std::string sha256;  // hex
};

/// From the answer of prytany_pages, without those that a replica never serves because something of
/// its own has the name. Refuses what is no such listing, and paths that would lead out of the
/// folder into which they are written. Throws Usage for values of other types.
Result<std::vector<ListedPage>> listed_pages(const Answer& listing);

/// What one replica gave over HTTP when it was asked for one page.
using Served = Result<std::string>;

/// One page, as all replicas serve it. By id of the replica.
struct JudgedPage {
  ListedPage page;
  std::optional<std::string> content;  // the one that is listed; nothing if nobody served it
  std::vector<unsigned> agreed;
  std::vector<unsigned> differed;
  std::vector<unsigned> silent;
};
JudgedPage judge(const ListedPage& page, const std::vector<Served>& served);

/// Of all pages together: how many each replica served otherwise.
std::map<unsigned, std::size_t> contradicted(const std::vector<JudgedPage>& pages);

}  // namespace prytany::cli
