// Page slots in a file of the real disk, which exists only while it holds something.
#pragma once

#include <string>

#include "vfs/page_slots.h"

namespace prytany::vfs {

class SlotFile final : public PageSlots {
 public:
  /// `folder/state.db-fetched`; the folder belongs to this process.
  explicit SlotFile(const std::string& folder) : path_(folder + "/state.db-fetched") {}
  ~SlotFile() override;
  SlotFile(const SlotFile&) = delete;
  SlotFile& operator=(const SlotFile&) = delete;

  Result<Slot> count() override;
  Result<void> write(Slot slot, PageView page) override;
  Result<void> read(Slot slot, PageBuffer out) override;
  Result<void> clear() override;

 private:
  Result<void> open(bool create);
  [[nodiscard]] Error failed(const char* doing) const;

  std::string path_;
  int file_ = -1;
};

}  // namespace prytany::vfs
