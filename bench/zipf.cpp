#include "bench/zipf.h"

#include <algorithm>
#include <cmath>

namespace prytany::bench {
namespace {

constexpr std::uint64_t ranks_of_ycsb = 10'000'000'000;
constexpr double zeta_of_ycsb = 26.46902820178302;  // of so many ranks, theta 0.99

double zeta(std::uint64_t items, double theta) {
  double sum = 0;
  for (std::uint64_t i = 1; i <= items; ++i) sum += 1 / std::pow(static_cast<double>(i), theta);
  return sum;
}

}  // namespace

Zipf::Zipf(std::uint64_t items, double theta) : Zipf(items, theta, zeta(items, theta)) {}

Zipf::Zipf(std::uint64_t items, double theta, double zeta)
    : items_(items),
      theta_(theta),
      zeta_(zeta),
      alpha_(1 / (1 - theta)),
      eta_((1 - std::pow(2.0 / static_cast<double>(items), 1 - theta)) /
           (1 - (1 + std::pow(0.5, theta)) / zeta)) {}

std::uint64_t Zipf::draw(Dice& dice) const {
  const double share = dice.share();
  const double scaled = share * zeta_;
  if (scaled < 1) return 0;
  if (scaled < 1 + std::pow(0.5, theta_)) return std::min<std::uint64_t>(1, items_ - 1);
  const double rank = static_cast<double>(items_) * std::pow(eta_ * share - eta_ + 1, alpha_);
  return std::min(static_cast<std::uint64_t>(rank), items_ - 1);
}

ScrambledZipf::ScrambledZipf(std::uint64_t records)
    : records_(records), ranks_(ranks_of_ycsb, Zipf::ycsb_theta, zeta_of_ycsb) {}

std::uint64_t ScrambledZipf::draw(Dice& dice) const { return fnv1a(ranks_.draw(dice)) % records_; }

std::uint64_t fnv1a(std::uint64_t value) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (int byte = 0; byte < 8; ++byte) {
    hash = (hash ^ (value & 0xff)) * 0x100000001b3U;
    value >>= 8;
  }
  return hash;
}

}  // namespace prytany::bench
