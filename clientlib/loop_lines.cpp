// The loop's connections: one for each session and replica.
#include <sys/epoll.h>

#include "clientlib/loop.h"

namespace prytany::client {

void Loop::begin_line(Seat seat, Sitting& sitting, ReplicaId replica, Effects& more) {
  const Result<WebSocketUrl>& url = urls_[replica.value];
  const auto give_up = [&](const std::string& why) {
    if (sitting.hooks.note)
      sitting.hooks.note("replica " + std::to_string(replica.value) + ": " + why);
    sitting.session.disconnected(now_, replica, more, why);
  };
  if (!url) return give_up(url.error().message);
  if (url->secure && trust_ == nullptr) return give_up("there is nothing to check TLS with");
  const LineId id = ++last_line_;
  lines_.emplace(id, Line{seat, replica, nullptr});
  sitting.lines[replica] = id;
  if (const auto address = numeric_address(url->host, url->port)) return connect_line(id, *address);
  resolve_elsewhere(url->host, url->port, [this, id, mailbox = mailbox_](Resolved resolved) {
    // If the mailbox is closed, `this` is gone and the task never runs.
    post(*mailbox, [this, id, resolved = std::move(resolved)] {
      if (!lines_.contains(id)) return;
      if (resolved) return connect_line(id, *resolved);
      line_failed(id, resolved.error().message);
    });
  });
}

void Loop::connect_line(LineId id, const WebSocketConnection::Address& address) {
  Line& line = lines_.at(id);
  line.socket = std::make_unique<WebSocketConnection>(*urls_[line.replica.value], address, trust_);
  const auto fd = line.socket->start();
  if (!fd) {
    // Not from here: whoever asked is still at work on the session.
    local_.push_back([this, id, why = fd.error().message] { line_failed(id, why); });
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u64 = id;
  line.polls_write = true;
  ENSURE(::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, *fd, &event) == 0);
}

void Loop::watch(LineId id, Line& line) {
  const bool wants = line.socket->wants_write();
  if (wants == line.polls_write) return;
  line.polls_write = wants;
  epoll_event event{};
  event.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = id;
  ENSURE(::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, line.socket->fd(), &event) == 0);
}

void Loop::on_event(LineId id, bool readable, bool writable) {
  const auto found = lines_.find(id);
  if (found == lines_.end() || found->second.socket == nullptr) return;
  Line& line = found->second;
  const Seat seat = line.seat;
  const ReplicaId replica = line.replica;
  auto heard = line.socket->ready(readable, writable);
  if (!heard) return line_failed(id, heard.error().message);
  watch(id, line);
  Sitting* sitting = find(seat);
  if (sitting == nullptr || (!heard->opened && heard->texts.empty())) return;
  Effects effects;
  if (heard->opened) sitting->session.connected(now_, replica, effects);
  for (const std::string& text : heard->texts) sitting->session.text(now_, replica, text, effects);
  perform(seat, *sitting, std::move(effects));
}

void Loop::end_line(LineId id) {
  const auto found = lines_.find(id);
  if (found == lines_.end()) return;
  if (Sitting* sitting = find(found->second.seat)) sitting->lines.erase(found->second.replica);
  lines_.erase(found);  // closing the descriptor takes it out of epoll
}

void Loop::line_failed(LineId id, const std::string& why) {
  const auto found = lines_.find(id);
  if (found == lines_.end()) return;
  const Seat seat = found->second.seat;
  const ReplicaId replica = found->second.replica;
  end_line(id);
  Sitting* sitting = find(seat);
  if (sitting == nullptr) return;
  if (sitting->hooks.note)
    sitting->hooks.note("replica " + std::to_string(replica.value) + ": " + why);
  Effects effects;
  sitting->session.disconnected(now_, replica, effects, why);
  perform(seat, *sitting, std::move(effects));
}

}  // namespace prytany::client
