// A network for real processes on one machine, with bad weather: each place is a network namespace
// whose only interface is a TUN device, and one thread here carries the packets between them, late,
// not at all or in one direction only, as told. Needs no rights but those of its namespaces, and
// nothing of the kernel but TUN: tc's netem is missing in many.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/net/socket.h"

namespace prytany::cluster_tests {

/// What happens to packets from one place to another.
struct Weather {
  std::chrono::microseconds delay{0};
  std::chrono::microseconds jitter{0};  // added, evenly distributed; packets keep their order
  double loss = 0;                      // of packets, 0 to 1
  bool cut = false;                     // nothing arrives
};

/// The process goes into a namespace of its own: once, in main(), before there are threads.
/// False, with the reason printed, where the system does not let us.
bool leave_the_machines_network();

class Lab {
 public:
  /// Places 0..replicas-1 are for replicas; one more, `clients()`, is where this process is.
  explicit Lab(unsigned replicas);
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  [[nodiscard]] unsigned clients() const { return size() - 1; }
  /// "10.77.0.3" for place 2.
  static std::string address(unsigned place);
  /// Runs `act` with this thread in that place: what it starts, and the sockets it opens, are
  /// there.
  void inside(unsigned place, const std::function<void()>& act) const;

  void weather(unsigned from, unsigned to, Weather weather);
  /// Between all places, both ways.
  void weather(Weather weather);
  /// Both ways, between this place and each of those.
  void cut(unsigned place, const std::vector<unsigned>& from);
  /// Nothing is cut any more; delay and loss stay.
  void heal();

  [[nodiscard]] std::uint64_t carried() const { return carried_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Place {
    net::Fd network;  // the namespace
    net::Fd device;   // its TUN
  };
  struct Way {
    Weather weather;
    Clock::time_point last_due;  // of the packets under way: they do not overtake
    std::size_t under_way = 0;
  };
  struct Packet {
    Clock::time_point due;
    std::uint64_t order;
    unsigned from, to;
    std::vector<char> bytes;
    bool operator>(const Packet& other) const {
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(places_.size()); }
  Way& way(unsigned from, unsigned to) { return ways_[from * size() + to]; }
  void carry();
  void take(unsigned from);
  void deliver_what_is_due();

  std::vector<Place> places_;
  std::mutex mutex_;  // of ways_
  std::vector<Way> ways_;
  std::priority_queue<Packet, std::vector<Packet>, std::greater<>> under_way_;
  std::mt19937_64 chance_{1};
  std::uint64_t packets_ = 0;
  std::atomic<std::uint64_t> carried_{0}, lost_{0};
  std::atomic<bool> stopping_{false};
  std::thread carrier_;
};

}  // namespace prytany::cluster_tests
