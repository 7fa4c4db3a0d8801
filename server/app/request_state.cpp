#include "server/app/request_state.h"

#include <algorithm>

namespace prytany::app {

void RandomStream::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == bytes_.size()) {
      std::array<std::uint8_t, Digest::size + 8> input{};
      std::copy(seed_.bytes.begin(), seed_.bytes.end(), input.begin());
      for (std::size_t i = 0; i < 8; ++i)
        input[Digest::size + i] = static_cast<std::uint8_t>(block_ >> (56 - 8 * i));
      ++block_;
      bytes_ = crypto::sha256("prytany sql random", input).bytes;
      used_ = 0;
    }
    const std::size_t n = std::min(out.size(), bytes_.size() - used_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(used_), n, out.begin());
    used_ += n;
    out = out.subspan(n);
  }
}

bool RequestState::spend(std::uint64_t units) {
  work += units;
  if (work <= work_max) return true;
  fail("budget_exceeded", "the request took more than " + std::to_string(work_max) +
                              " steps; split it, or add an index");
  return false;
}

}  // namespace prytany::app
