#include "bench/tcp_usage.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace prytany::bench {
namespace {

constexpr std::uint32_t established = 1;  // TCP_ESTABLISHED, which <linux/tcp.h> keeps to itself

struct Question {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

bool ask_for_tcp(int fd) {
  Question question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.request.sdiag_family = AF_INET;
  question.request.sdiag_protocol = IPPROTO_TCP;
  question.request.idiag_states = 1U << established;
  question.request.idiag_ext = 1U << (INET_DIAG_INFO - 1);
  return ::send(fd, &question, sizeof question, 0) == static_cast<ssize_t>(sizeof question);
}

/// Adds what one connection's end has sent. `message` is the whole answer, aligned or not.
void count_socket(const std::uint8_t* message, std::size_t length,
                  const std::set<std::uint16_t>& ports, TcpUsage& usage) {
  inet_diag_msg head{};
  if (length < sizeof head) return;
  std::memcpy(&head, message, sizeof head);
  if (!ports.contains(ntohs(head.id.idiag_sport)) && !ports.contains(ntohs(head.id.idiag_dport)))
    return;
  std::size_t at = NLMSG_ALIGN(sizeof head);
  while (at + sizeof(rtattr) <= length) {
    rtattr attribute{};
    std::memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > length) return;
    if (attribute.rta_type == INET_DIAG_INFO) {
      tcp_info info{};
      std::memcpy(&info, message + at + RTA_LENGTH(0),
                  std::min<std::size_t>(sizeof info, attribute.rta_len - RTA_LENGTH(0)));
      usage.bytes += info.tcpi_bytes_sent;
      usage.segments += info.tcpi_data_segs_out;
      const std::uint64_t name =
          std::uint64_t{head.id.idiag_cookie[1]} << 32 | head.id.idiag_cookie[0];
      usage.ends[name] = {info.tcpi_bytes_sent, info.tcpi_data_segs_out};
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
}

/// Reads one part of the kernel's list; true: that was the last.
Result<bool> count_part(int fd, const std::set<std::uint16_t>& ports, TcpUsage& usage) {
  std::array<std::uint8_t, 65'536> part{};
  const ssize_t got = ::recv(fd, part.data(), part.size(), 0);
  if (got < 0) return Error{"the kernel does not list connections"};
  std::size_t at = 0;
  const auto length = static_cast<std::size_t>(got);
  while (at + sizeof(nlmsghdr) <= length) {
    nlmsghdr header{};
    std::memcpy(&header, part.data() + at, sizeof header);
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_len < sizeof header ||
        at + header.nlmsg_len > length)
      return Error{"the kernel does not tell what connections carried"};
    count_socket(part.data() + at + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN, ports, usage);
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return false;
}

}  // namespace

std::optional<TcpUsage> since(const TcpUsage& before, const TcpUsage& after) {
  for (const auto& [name, counts] : before.ends)
    if (!after.ends.contains(name)) return std::nullopt;
  return TcpUsage{after.bytes - before.bytes, after.segments - before.segments};
}

Result<TcpUsage> tcp_usage(const std::set<std::uint16_t>& ports) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return Error{"no netlink"};
  TcpUsage usage;
  Result<bool> last = ask_for_tcp(fd) ? Result<bool>(false) : Result<bool>(Error{"no sock_diag"});
  while (last && !*last) last = count_part(fd, ports, usage);
  ::close(fd);
  if (!last) return last.error();
  return usage;
}

}  // namespace prytany::bench
