#include "tests/cluster/network/lab.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "server/base/ensure.h"

namespace prytany::cluster_tests {
namespace {

constexpr int packet_bytes_max = 1500;
constexpr std::size_t under_way_max = 4096;  // of one way; a router's queue is finite, too
constexpr const char* network = "10.77.0.";
constexpr std::size_t destination_at = 16;  // of an IPv4 header
constexpr std::size_t header_bytes_min = 20;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void must(int result, const char* what) {
  if (result < 0) fail(what);
}

net::Fd this_network() {
  net::Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) fail("open this thread's network namespace");
  return fd;
}

sockaddr address_of(const std::string& text) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  ::inet_pton(AF_INET, text.c_str(), &in.sin_addr);
  sockaddr out{};
  static_assert(sizeof in == sizeof out);
  std::memcpy(&out, &in, sizeof out);
  return out;
}

ifreq named(const char* name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}

void up(int socket, const char* name) {
  ifreq request = named(name);
  must(::ioctl(socket, SIOCGIFFLAGS, &request), "read an interface's flags");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
  must(::ioctl(socket, SIOCSIFFLAGS, &request), "bring an interface up");
}

/// This thread's namespace gets its device, and its loopback.
net::Fd make_device(const std::string& address) {
  net::Fd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!device) fail("open /dev/net/tun");
  ifreq request = named("lab");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  must(::ioctl(device.get(), TUNSETIFF, &request), "make a TUN device");
  const net::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  request = named("lab");
  request.ifr_addr = address_of(address);
  must(::ioctl(socket.get(), SIOCSIFADDR, &request), "give the device its address");
  request = named("lab");
  request.ifr_netmask = address_of("255.255.255.0");
  must(::ioctl(socket.get(), SIOCSIFNETMASK, &request), "give the device its network");
  up(socket.get(), "lab");
  up(socket.get(), "lo");
  return device;
}

}  // namespace

bool leave_the_machines_network() {
  const uid_t user = ::getuid();
  const gid_t group = ::getgid();
  if (::unshare(CLONE_NEWNET) == 0) return true;
  // Without rights: as root of a user namespace, where the system lets us have one.
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    std::perror("a network namespace, which these tests need, cannot be made");
    return false;
  }
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  return true;
}

std::string Lab::address(unsigned place) { return network + std::to_string(place + 1); }

Lab::Lab(unsigned replicas) {
  for (unsigned id = 0; id < replicas; ++id) {
    Place place;
    std::string trouble;
    std::thread maker([&] {
      try {
        must(::unshare(CLONE_NEWNET), "make a network namespace");
        place.device = make_device(address(id));
        place.network = this_network();
      } catch (const std::exception& error) {
        trouble = error.what();
      }
    });
    maker.join();
    if (!trouble.empty()) throw std::runtime_error(trouble);
    places_.push_back(std::move(place));
  }
  Place here;
  here.device = make_device(address(replicas));
  here.network = this_network();
  places_.push_back(std::move(here));
  ways_.resize(places_.size() * places_.size());
  carrier_ = std::thread([this] { carry(); });
}

Lab::~Lab() {
  stopping_ = true;
  carrier_.join();
}

void Lab::inside(unsigned place, const std::function<void()>& act) const {
  struct Home {
    net::Fd network = this_network();
    // What throws in another place is caught here.
    ~Home() { ENSURE(::setns(network.get(), CLONE_NEWNET) == 0); }
  };
  const Home home;
  must(::setns(places_[place].network.get(), CLONE_NEWNET), "enter a network namespace");
  act();
}

void Lab::weather(unsigned from, unsigned to, Weather weather) {
  const std::lock_guard lock(mutex_);
  way(from, to).weather = weather;
}

void Lab::weather(Weather weather) {
  const std::lock_guard lock(mutex_);
  for (Way& each : ways_) each.weather = weather;
}

void Lab::cut(unsigned place, const std::vector<unsigned>& from) {
  const std::lock_guard lock(mutex_);
  for (const unsigned other : from)
    way(place, other).weather.cut = way(other, place).weather.cut = true;
}

void Lab::heal() {
  const std::lock_guard lock(mutex_);
  for (Way& each : ways_) each.weather.cut = false;
}

// ---- the carrier --------------------------------------------------------------------------------

void Lab::carry() {
  std::vector<pollfd> devices;
  for (const Place& place : places_) devices.push_back({place.device.get(), POLLIN, 0});
  while (!stopping_) {
    using std::chrono::duration_cast, std::chrono::nanoseconds;
    nanoseconds wait = std::chrono::milliseconds(20);  // to see that we are to stop
    if (!under_way_.empty())
      wait = std::clamp(duration_cast<nanoseconds>(under_way_.top().due - Clock::now()),
                        nanoseconds(0), wait);
    const timespec timeout{0, static_cast<long>(wait.count())};
    if (::ppoll(devices.data(), devices.size(), &timeout, nullptr) > 0)
      for (unsigned from = 0; from < size(); ++from)
        if (devices[from].revents != 0) take(from);
    deliver_what_is_due();
  }
}

/// All that waits in one place's device.
void Lab::take(unsigned from) {
  std::array<char, packet_bytes_max> bytes;
  while (true) {
    const ssize_t n = ::read(places_[from].device.get(), bytes.data(), bytes.size());
    if (n <= 0) return;
    // IPv6's own chatter, and what is for nobody here, goes nowhere.
    if (static_cast<std::size_t>(n) < header_bytes_min || (bytes[0] >> 4) != 4) continue;
    const unsigned to = static_cast<unsigned char>(bytes[destination_at + 3]) - 1U;
    if (to >= size() || to == from) continue;
    Packet packet{Clock::now(), ++packets_, from, to, {bytes.begin(), bytes.begin() + n}};
    const std::lock_guard lock(mutex_);
    Way& path = way(from, to);
    const Weather& weather = path.weather;
    const bool dropped = weather.cut || path.under_way >= under_way_max ||
                         std::uniform_real_distribution<>(0, 1)(chance_) < weather.loss;
    if (dropped) {
      ++lost_;
      continue;
    }
    auto jitter = std::uniform_int_distribution<std::int64_t>(0, weather.jitter.count());
    packet.due += weather.delay + std::chrono::microseconds(jitter(chance_));
    path.last_due = packet.due = std::max(packet.due, path.last_due);
    ++path.under_way;
    under_way_.push(std::move(packet));
  }
}

void Lab::deliver_what_is_due() {
  const auto now = Clock::now();
  while (!under_way_.empty() && under_way_.top().due <= now) {
    const Packet& packet = under_way_.top();
    bool cut = false;
    {
      const std::lock_guard lock(mutex_);
      Way& path = way(packet.from, packet.to);
      --path.under_way;
      cut = path.weather.cut;  // what was under way when it was cut is lost with it
    }
    if (cut) {
      ++lost_;
    } else {
      // A full device drops, as a real one does.
      const ssize_t n =
          ::write(places_[packet.to].device.get(), packet.bytes.data(), packet.bytes.size());
      ++(n < 0 ? lost_ : carried_);
    }
    under_way_.pop();
  }
}

}  // namespace prytany::cluster_tests
