#include "tests/sim/trace.h"

#include "server/wire/codec.h"

namespace prytany::sim {

void Trace::add(Time now, std::string_view who, std::string_view what, ByteView bytes) {
  // Lengths first: no two different events have the same hashed bytes.
  wire::Writer writer(std::move(unhashed_));
  writer.number(now.value);
  writer.number(static_cast<std::uint32_t>(who.size()));
  writer.number(static_cast<std::uint32_t>(what.size()));
  writer.number(static_cast<std::uint64_t>(bytes.size()));
  for (const ByteView part : {as_bytes(who), as_bytes(what), bytes}) writer.raw(part);
  unhashed_ = std::move(writer).take();
  if (unhashed_.size() >= unhashed_bytes) hash();
  say(now, who, what);
}

void Trace::hash() {
  hasher_.add(unhashed_);
  unhashed_.clear();
}

void Trace::say(Time now, std::string_view who, std::string_view what) {
  // The oldest line's memory becomes the newest's.
  std::string line;
  if (tail_.size() == tail_lines_max) {
    line = std::move(tail_.front());
    tail_.pop_front();
  }
  line.assign("[").append(std::to_string(now.value)).append("] ");
  line.append(who).append(" > ").append(what);
  if (lines_ != nullptr) *lines_ << line << '\n';
  tail_.push_back(std::move(line));
}

Digest Trace::finish() {
  hash();
  return hasher_.finish();
}

}  // namespace prytany::sim
