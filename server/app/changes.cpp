#include "server/app/changes.h"

#include <algorithm>

#include "server/app/fault.h"
#include "server/app/runner.h"
#include "server/base/ensure.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

/// Of a change besides its topic and value.
constexpr std::size_t change_overhead_bytes = 64;

std::size_t bytes_of(const wire::Change& change) {
  std::size_t bytes = change_overhead_bytes + change.topic.text.size();
  if (const auto* text = std::get_if<wire::TextValue>(&change.value)) bytes += text->text.size();
  if (const auto* blob = std::get_if<wire::BlobValue>(&change.value)) bytes += blob->bytes.size();
  return bytes;
}

std::int64_t as_signed(std::uint64_t position) { return static_cast<std::int64_t>(position); }

}  // namespace

void Changes::load() {
  kept_.clear();
  written_.clear();
  kept_bytes_ = 0;
  last_ = 0;
  Statement& rows = engine_.ours(
      "SELECT position, seq, agreed_us, topic, value FROM prytany_changes ORDER BY position");
  const Rewind rewind(rows);
  while (engine_.step_ours(rows)) {
    wire::Change change;
    change.position = static_cast<std::uint64_t>(rows.integer(0));
    change.seq = Seq{static_cast<std::uint64_t>(rows.integer(1))};
    change.agreed = AgreedTime{rows.integer(2)};
    change.topic.text = rows.text(3);
    change.value = any_column_value(rows, 4);
    if (!kept_.empty() && change.position != last_ + 1)
      stop_on_fault("prytany_changes has a gap before position " + std::to_string(change.position));
    last_ = change.position;
    kept_bytes_ += bytes_of(change);
    kept_.push_back(std::move(change));
  }
}

void Changes::write(const std::vector<Notice>& notices, Seq seq, AgreedTime agreed,
                    std::size_t kept_max) {
  ENSURE(written_.empty());
  Statement& insert = engine_.ours(
      "INSERT INTO prytany_changes(position, seq, agreed_us, topic, value) "
      "VALUES(?1, ?2, ?3, ?4, ?5)");
  std::size_t bytes = kept_bytes_;
  for (const Notice& notice : notices) {
    wire::Change& change = written_.emplace_back();
    change.position = last_ + written_.size();
    change.seq = seq;
    change.agreed = agreed;
    change.topic.text = notice.topic;
    change.value = notice.value;
    bytes += bytes_of(change);
    const Rewind rewind(insert);
    insert.bind(1, as_signed(change.position));
    insert.bind(2, as_signed(seq.value));
    insert.bind(3, agreed.value);
    insert.bind(4, std::string_view(change.topic.text));
    insert.bind(5, change.value);
    ENSURE(!engine_.step_ours(insert));
  }
  // The newest always stays: it has the position that the next one follows.
  const std::uint64_t first = kept_.empty() ? last_ + 1 : kept_.front().position;
  const std::size_t count = kept_.size() + written_.size();
  std::size_t dropped = 0;
  const auto at = [&](std::size_t i) -> const wire::Change& {
    return i < kept_.size() ? kept_[i] : written_[i - kept_.size()];
  };
  while (dropped + 1 < count &&
         (count - dropped > kept_max || bytes > limits::changes_kept_bytes_max))
    bytes -= bytes_of(at(dropped++));
  first_after_ = first + dropped;
  if (dropped == 0) return;
  Statement& erase = engine_.ours("DELETE FROM prytany_changes WHERE position < ?1");
  const Rewind rewind(erase);
  erase.bind(1, as_signed(first_after_));
  ENSURE(!engine_.step_ours(erase));
}

void Changes::settle(std::vector<wire::Change>& told) {
  for (wire::Change& change : written_) {
    told.push_back(change);
    kept_bytes_ += bytes_of(change);
    last_ = change.position;
    kept_.push_back(std::move(change));
  }
  written_.clear();
  while (!kept_.empty() && kept_.front().position < first_after_) {
    kept_bytes_ -= bytes_of(kept_.front());
    kept_.pop_front();
  }
}

ChangesPart Changes::part(std::uint64_t after, const std::vector<std::string>& topics) const {
  ENSURE(after <= last_);
  ChangesPart part;
  const std::uint64_t oldest = kept_.empty() ? last_ + 1 : kept_.front().position;
  part.from = part.upto = std::max(after, oldest - 1);
  std::size_t bytes = 0;
  for (std::size_t i = part.from + 1 - oldest; i < kept_.size(); ++i) {
    const wire::Change& change = kept_[i];
    if (std::ranges::find(topics, change.topic.text) != topics.end()) {
      bytes += bytes_of(change);
      const bool fits = part.items.empty() || bytes <= limits::changes_message_bytes_max;
      if (!fits || part.items.size() == limits::changes_per_message_max) break;
      part.items.push_back(change);
    }
    part.upto = change.position;
  }
  return part;
}

}  // namespace prytany::app
