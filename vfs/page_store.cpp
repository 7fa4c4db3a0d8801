#include "vfs/page_store.h"

#include <algorithm>
#include <cstring>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

PageIndex pages_for(std::uint64_t bytes) {
  return static_cast<PageIndex>((bytes + page_bytes - 1) / page_bytes);
}

}  // namespace

// Puts a loaded image into the region. Page store and disk know nothing of each other's insides.
class PageStore::Loader final : public ImageSink {
 public:
  explicit Loader(PageStore& store) : store_(store) {}

  Result<void> begin(PageIndex page_count, int descriptor, PageIndex mapped_pages) override {
    if (page_count > store_.region_.capacity())
      return Error{"the database is larger than the capacity this replica was given"};
    if (descriptor >= 0) {
      Result<void> mapped = store_.region_.map(descriptor, mapped_pages);
      if (!mapped) return mapped;
    }
    store_.page_count_ = page_count;
    store_.committed_page_count_ = page_count;
    store_.last_change_.assign(page_count, in_file);
    return {};
  }

  void page(PageIndex page, PageView content) override {
    ENSURE(page < store_.page_count_);
    std::memcpy(store_.region_.data() + byte_offset(page), content.data(), page_bytes);
    if (store_.last_change_[page] == in_file) ++store_.written_pages_;
    store_.last_change_[page] = 0;
  }

 private:
  PageStore& store_;
};

PageStore::PageStore(StateDisk& disk, Region region, PageStoreOptions options)
    : disk_(disk),
      options_(options),
      owned_region_(std::make_shared<Region>(std::move(region))),
      region_(*owned_region_) {}

Result<std::unique_ptr<PageStore>> PageStore::open(StateDisk& disk, PageStoreOptions options) {
  Result<Region> region = Region::reserve(options.capacity_bytes);
  if (!region) return region.error();
  std::unique_ptr<PageStore> store(new PageStore(disk, std::move(*region), options));
  Loader loader(*store);
  if (Result<void> loaded = disk.load(loader); !loaded) return loaded.error();
  std::vector<PageIndex> all(store->page_count_);
  for (PageIndex i = 0; i < store->page_count_; ++i) all[i] = i;
  store->tree_.update(store->region_.data(), store->page_count_, all);
  store->changed_bits_.resize(store->page_count_ / 64 + 1);
  return store;
}

// ---- the live image ----

bool PageStore::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  const std::uint64_t end = size();
  const std::uint64_t available = offset < end ? end - offset : 0;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(available, out.size()));
  if (count > 0) std::memcpy(out.data(), region_.data() + offset, count);
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(count), out.end(), std::uint8_t{0});
  return count == out.size();
}

bool PageStore::write(std::uint64_t offset, ByteView data) {
  const std::uint64_t capacity = byte_offset(region_.capacity());
  if (offset > capacity || data.size() > capacity - offset) return false;
  if (data.empty()) return true;
  grow(pages_for(offset + data.size()));
  while (!data.empty()) {
    const std::size_t within = offset % page_bytes;
    const std::size_t count = std::min(page_bytes - within, data.size());
    std::uint8_t* const at = region_.data() + offset;
    if (std::memcmp(at, data.data(), count) != 0) {
      touch(static_cast<PageIndex>(offset / page_bytes));
      std::memcpy(at, data.data(), count);
    }
    offset += count;
    data = data.subspan(count);
  }
  return true;
}

void PageStore::truncate(std::uint64_t size) {
  if (size >= this->size()) return;
  const PageIndex keep = pages_for(size);
  if (size % page_bytes != 0) {
    touch(keep - 1);
    std::memset(region_.data() + size, 0, byte_offset(keep) - size);
  }
  for (PageIndex page = keep; page < page_count_; ++page) {
    touch(page);
    std::memset(region_.data() + byte_offset(page), 0, page_bytes);
  }
  page_count_ = keep;
}

// Memory beyond the end is all zeros at all times, so growing only has to say so.
void PageStore::grow(PageIndex page_count) {
  if (page_count <= page_count_) return;
  if (last_change_.size() < page_count) last_change_.resize(page_count, in_file);
  if (changed_bits_.size() < page_count / 64 + 1) changed_bits_.resize(page_count / 64 + 1);
  const PageIndex first = page_count_;
  page_count_ = page_count;
  for (PageIndex page = first; page < page_count; ++page) touch(page);
}

// The one place where a page is about to change. TOCS 2002 section 6.2: copy on write.
void PageStore::touch(PageIndex page) {
  std::uint64_t& word = changed_bits_[page / 64];
  const std::uint64_t bit = std::uint64_t{1} << (page % 64);
  ENSURE(!lent_);
  if ((word & bit) != 0) return;
  installed_.reset();
  word |= bit;
  changed_.push_back(page);
  if (last_change_[page] == in_file) ++written_pages_;
  last_change_[page] = next_ordinal_;
  if (frozen_.empty() || page >= frozen_.back().page_count) return;
  std::unique_ptr<Page> copy;
  if (spare_pages_.empty()) {
    copy = std::make_unique_for_overwrite<Page>();
  } else {
    copy = std::move(spare_pages_.back());
    spare_pages_.pop_back();
  }
  std::memcpy(copy->bytes.data(), region_.data() + byte_offset(page), page_bytes);
  frozen_.back().pages.emplace(page, std::move(copy));
}

// ---- checkpoints ----

// Ascending, without pages that were cut off again; none is changed afterwards.
std::vector<PageIndex> PageStore::take_changed() {
  std::vector<PageIndex> changed = std::move(changed_);
  changed_.clear();
  for (const PageIndex page : changed)
    changed_bits_[page / 64] &= ~(std::uint64_t{1} << (page % 64));
  std::sort(changed.begin(), changed.end());
  changed.erase(std::lower_bound(changed.begin(), changed.end(), page_count_), changed.end());
  return changed;
}

Digest PageStore::checkpoint(Label label) {
  ENSURE(frozen_.empty() || frozen_.back().label < label);
  // The first checkpoint of an untouched image is the loaded one, which is durable by definition.
  const bool is_loaded_image =
      next_ordinal_ == 1 && changed_.empty() && page_count_ == committed_page_count_;
  std::vector<PageIndex> changed = take_changed();
  MerkleTree::Undo undo = tree_.update(region_.data(), page_count_, changed);
  if (!frozen_.empty()) frozen_.back().nodes = std::move(undo);
  const std::uint32_t ordinal = next_ordinal_++;
  frozen_.push_back({label, ordinal, page_count_, tree_.root(), {}, {}});
  due_.push_back({ordinal, std::move(changed)});
  if (is_loaded_image && page_count_ > 0) durable_ = label;
  return frozen_.back().root;
}

const PageStore::Frozen* PageStore::find(Label label) const {
  const auto at = std::lower_bound(frozen_.begin(), frozen_.end(), label,
                                   [](const Frozen& f, Label l) { return f.label < l; });
  return at != frozen_.end() && at->label == label ? &*at : nullptr;
}

std::size_t PageStore::position(Label label) const {
  const auto at = std::lower_bound(frozen_.begin(), frozen_.end(), label,
                                   [](const Frozen& f, Label l) { return f.label < l; });
  ENSURE(at != frozen_.end() && at->label == label);
  return static_cast<std::size_t>(at - frozen_.begin());
}

std::vector<Label> PageStore::retained() const {
  std::vector<Label> labels;
  labels.reserve(frozen_.size());
  for (const Frozen& frozen : frozen_) labels.push_back(frozen.label);
  return labels;
}

void PageStore::discard_below(Label label) {
  // As many spare pages are kept as one interval between checkpoints is likely to need.
  constexpr std::size_t spare_pages_max = 4096;
  while (!frozen_.empty() && frozen_.front().label < label) {
    for (auto& [page, content] : frozen_.front().pages) {
      if (spare_pages_.size() < spare_pages_max) spare_pages_.push_back(std::move(content));
    }
    frozen_.pop_front();
  }
}

Digest PageStore::root(Label label) const { return frozen_[position(label)].root; }

PageIndex PageStore::page_count(Label label) const { return frozen_[position(label)].page_count; }

PageView PageStore::read_page(Label label, PageIndex page) const {
  std::size_t i = position(label);
  ENSURE(page < frozen_[i].page_count);
  for (; i < frozen_.size(); ++i) {
    const auto saved = frozen_[i].pages.find(page);
    if (saved != frozen_[i].pages.end()) return saved->second->bytes;
  }
  return PageView(region_.data() + byte_offset(page), page_bytes);
}

Digest PageStore::node(Label label, unsigned level, PageIndex index) const {
  std::size_t i = position(label);
  ENSURE(index < TreeShape{frozen_[i].page_count}.width(level));
  for (; i + 1 < frozen_.size(); ++i) {
    if (const Digest* const saved = frozen_[i].nodes.find(level, index)) return *saved;
  }
  return tree_.node(level, index);
}

PageStore::Verification PageStore::verify(Label label, const Digest& root) const {
  const PageIndex pages = page_count(label);
  Verification result;
  std::vector<Digest> digests(pages);
  for (PageIndex page = 0; page < pages; ++page) {
    digests[page] = leaf_digest(read_page(label, page));
    if (digests[page] != node(label, 0, page)) result.damaged.push_back(page);
  }
  result.whole = root_of_leaves(std::move(digests)) == root;
  return result;
}

PageStore::Use PageStore::use() const {
  Use use;
  use.written_pages = written_pages_;
  for (const Frozen& frozen : frozen_) use.retained_pages += frozen.pages.size();
  return use;
}

}  // namespace prytany::vfs
