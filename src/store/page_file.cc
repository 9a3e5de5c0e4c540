// page_file.cc - the layout of LMDB's mdb.c, data version 1, on a machine of 64 bits.
#include "sidefridge/store/page_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "sidefridge/store/file_check.h"

namespace sidefridge::store {
namespace {

constexpr std::uint16_t branch_page = 0x01;
constexpr std::uint16_t leaf_page = 0x02;
constexpr std::uint16_t overflow_page = 0x04;
constexpr std::uint16_t meta_page = 0x08;

constexpr std::uint16_t value_on_other_pages = 0x01;
constexpr std::uint16_t value_is_a_tree = 0x02;

// What of a tree's flags says how its keys and values lie; the rest are those of mdb_env_open().
constexpr std::uint16_t layout_flags = 0x7f;
constexpr std::uint16_t integer_keys = 0x08;

constexpr std::uint32_t lmdb_magic = 0xBEEFC0DE;
constexpr std::uint32_t data_version = 1;
constexpr std::uint32_t smallest_page_bytes = 512;
constexpr std::uint32_t largest_page_bytes = 64 * 1024;
// SIDEFRIDGE_STORE_LIMIT is no more than that.
constexpr std::uint64_t largest_map_bytes = std::uint64_t{1} << 40;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr std::uint64_t first_page = 2;  // behind the meta pages
constexpr unsigned most_levels = 32;
constexpr std::size_t longest_key = 511;

// A commit takes the disk's time, so no reader is overtaken by two of them a hundred times.
constexpr int most_reads = 100;

// MDB_db.
struct Tree {
  std::uint32_t page_bytes;  // in the first of a meta page
  std::uint16_t flags;
  std::uint16_t depth;
  std::uint64_t branch_pages;
  std::uint64_t leaf_pages;
  std::uint64_t overflow_pages;
  std::uint64_t entries;
  std::uint64_t root;
};

// MDB_page.
struct PageHeader {
  std::uint64_t number;
  std::uint16_t unused;
  std::uint16_t flags;
  std::uint16_t lower;  // where the node pointers end
  std::uint16_t upper;  // where the nodes begin. Both are one number on an overflow page: how many pages there are

  std::uint32_t pages() const noexcept { return std::uint32_t{upper} << 16 | lower; }
};

// MDB_node, without its key and value.
struct NodeHeader {
  std::uint16_t low;  // with high the value's size, or, with flags behind, the page below
  std::uint16_t high;
  std::uint16_t flags;
  std::uint16_t key_bytes;
};

// MDB_page and, behind its header, MDB_meta.
struct MetaPage {
  PageHeader header;
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t address;
  std::uint64_t map_bytes;
  Tree free_pages;
  Tree main;
  std::uint64_t last_page;
  std::uint64_t transaction;
};

static_assert(std::endian::native == std::endian::little && sizeof(std::size_t) == 8);

template <class Layout>
Layout laid_out(std::string_view bytes) {
  Layout layout{};
  std::memcpy(&layout, bytes.data(), sizeof layout);
  return layout;
}

Error damaged(const std::string& path, const std::string& why) {
  return Error{ErrorCode::invalid, path + " is damaged or not an LMDB file: " + why};
}

/// Owns: a descriptor of a file that is only read.
class File {
public:
  static Result<File> open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return Error{ErrorCode::unavailable, "there is no " + path};
    if (fd < 0) return system_error("cannot open " + path, errno);
    return File(fd);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const noexcept { return fd_; }

private:
  explicit File(int fd) noexcept : fd_(fd) {}
  int fd_;
};

std::optional<std::string> what_is_wrong(const MetaPage& page, std::uint64_t number) {
  if ((page.header.flags & meta_page) == 0 || page.magic != lmdb_magic) return "its header is not one of LMDB";
  if (page.version != data_version) return "its version is " + std::to_string(page.version);
  const std::uint32_t page_bytes = page.free_pages.page_bytes;
  if (!std::has_single_bit(page_bytes) || page_bytes < smallest_page_bytes || page_bytes > largest_page_bytes) {
    return "its pages have " + std::to_string(page_bytes) + " bytes";
  }
  if (page.map_bytes > largest_map_bytes) return "it claims a map of " + std::to_string(page.map_bytes) + " bytes";
  // The two meta pages are pages 0 and 1.
  if (page.last_page < 1 || page.last_page >= page.map_bytes / page_bytes) {
    return "its last page is number " + std::to_string(page.last_page) + " of a map of " +
           std::to_string(page.map_bytes) + " bytes";
  }
  // LMDB looks for what a transaction wrote by whether its number is odd.
  if (page.transaction != 0 && page.transaction % 2 != number) {
    return "its meta page " + std::to_string(number) + " is of transaction " + std::to_string(page.transaction);
  }
  return std::nullopt;
}

using MetaPages = std::array<MetaPage, 2>;

// Nothing of an empty file.
Result<std::optional<MetaPages>> read_meta_pages_once(int fd, const std::string& path) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return system_error("cannot look at " + path, errno);
  if (found.st_size == 0) return std::optional<MetaPages>();
  MetaPages pages{};
  off_t at = 0;
  for (std::uint64_t number = 0; number < pages.size(); ++number, at += pages[0].free_pages.page_bytes) {
    MetaPage& page = pages[number];
    const ssize_t got = ::pread(fd, &page, sizeof page, at);
    if (got < 0) return system_error("cannot read " + path, errno);
    if (got != ssize_t{sizeof page}) return damaged(path, "it is cut short");
    if (const auto wrong = what_is_wrong(page, number)) return damaged(path, *wrong);
    if (page.free_pages.page_bytes != pages[0].free_pages.page_bytes) {
      return damaged(path, "its meta pages disagree on the size of a page");
    }
  }
  return std::optional(pages);
}

std::uint64_t transactions_between(const MetaPages& pages) {
  return std::max(pages[0].transaction, pages[1].transaction) - std::min(pages[0].transaction, pages[1].transaction);
}

// They are written in turn, by one transaction after the other. Who finds them further apart has read them while others
// committed; that goes on for ever only where nobody does.
Result<std::optional<MetaPages>> read_meta_pages(int fd, const std::string& path) {
  std::optional<MetaPages> before;
  for (;;) {
    auto pages = read_meta_pages_once(fd, path);
    if (!pages || !*pages) return pages;
    const std::uint64_t apart = transactions_between(**pages);
    if (apart <= 1) return pages;
    const bool stands = before && (*before)[0].transaction == (**pages)[0].transaction &&
                        (*before)[1].transaction == (**pages)[1].transaction;
    if (stands) return damaged(path, "its meta pages are " + std::to_string(apart) + " transactions apart");
    before = **pages;
  }
}

std::size_t newest_of(const MetaPages& pages) {
  return pages[0].transaction < pages[1].transaction ? 1 : 0;
}

enum class TreeKind { free_pages, main, named };

/// One node of a page. The views are into the page.
struct Node {
  NodeHeader header;
  std::string_view key;
  std::string_view value;  // of a leaf, as it lies there

  std::uint64_t child() const noexcept {
    return std::uint64_t{header.flags} << 32 | std::uint64_t{header.high} << 16 | header.low;
  }
  std::uint32_t value_bytes() const noexcept { return std::uint32_t{header.high} << 16 | header.low; }
};

/// Walks the trees of one meta page and trusts nothing that it meets.
class Walker {
public:
  using Visit = std::function<Result<void>(const Node&)>;

  Walker(int fd, const std::string& path, const MetaPage& meta)
      : fd_(fd), path_(path), meta_(meta), page_bytes_(meta.free_pages.page_bytes), used_(meta.last_page + 1) {}

  /// Calls `visit` with each node of a leaf, by key.
  Result<void> walk(const Tree& tree, TreeKind kind, const Visit& visit) {
    const std::uint16_t wanted = kind == TreeKind::free_pages ? integer_keys : 0;
    if ((tree.flags & layout_flags) != wanted) return wrong("a tree has the flags " + std::to_string(tree.flags));
    if (tree.root == no_page && tree.depth == 0 && tree.entries == 0) return {};
    if (tree.depth == 0 || tree.depth > most_levels) {
      return wrong("a tree has " + std::to_string(tree.depth) + " levels");
    }
    Walk walk{tree, kind, visit, {}};
    if (auto walked = walk_page(walk, tree.root, 1, {}, std::nullopt); !walked) return walked;
    if (walk.found.entries != tree.entries) {
      return wrong("a tree has " + std::to_string(walk.found.entries) + " entries and not " +
                   std::to_string(tree.entries));
    }
    const bool counted = walk.found.branch_pages == tree.branch_pages && walk.found.leaf_pages == tree.leaf_pages &&
                         walk.found.overflow_pages == tree.overflow_pages;
    if (!counted) return wrong("a tree does not have the pages it claims");
    return {};
  }

  /// Notes pages as used. Errors: invalid when one is in use already, or there is none of that number.
  Result<void> claim(std::uint64_t page, std::uint64_t count) {
    if (page < first_page || page > meta_.last_page || count > meta_.last_page - page + 1) {
      return wrong("it has no page " + std::to_string(page));
    }
    for (std::uint64_t i = page; i < page + count; ++i) {
      if (used_[i]) return wrong("page " + std::to_string(i) + " is in use twice");
      used_[i] = true;
    }
    return {};
  }

  /// The tree that a leaf of the main one names.
  Result<Tree> tree_of(const Node& node) const {
    if (node.header.flags != value_is_a_tree || node.value.size() != sizeof(Tree)) {
      return wrong("its main tree holds something else than trees");
    }
    return laid_out<Tree>(node.value);
  }

  /// The value of a leaf's node, wherever it lies.
  Result<std::string> value_of(const Node& node) const {
    if (node.header.flags != value_on_other_pages) return std::string(node.value);
    std::string value(node.value_bytes(), '\0');
    const auto page = laid_out<std::uint64_t>(node.value);
    if (auto got = read(page * page_bytes_ + sizeof(PageHeader), value); !got) return std::move(got).error();
    return value;
  }

  Error wrong(const std::string& why) const { return damaged(path_, why); }

private:
  struct Walk {
    const Tree& tree;
    TreeKind kind;
    const Visit& visit;
    Tree found;
  };

  Result<void> read(std::uint64_t at, std::span<char> bytes) const {
    const ssize_t got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EIO) return wrong("the disk cannot read it");
    if (got < 0) return system_error("cannot read " + path_, errno);
    if (static_cast<std::size_t>(got) != bytes.size()) return wrong("it is cut short");
    return {};
  }

  static bool comes_before(TreeKind kind, std::string_view left, std::string_view right) {
    if (kind != TreeKind::free_pages) return left < right;
    return laid_out<std::uint64_t>(left) < laid_out<std::uint64_t>(right);
  }

  // Of a leaf: whether its value is there, and how large the node is with it.
  Result<std::size_t> node_bytes(Walk& walk, const Node& node) {
    const std::size_t head = sizeof(NodeHeader) + node.key.size();
    const bool on_other_pages = node.header.flags == value_on_other_pages;
    if (!on_other_pages && node.header.flags != (walk.kind == TreeKind::main ? value_is_a_tree : 0)) {
      return wrong("a node has the flags " + std::to_string(node.header.flags));
    }
    if (!on_other_pages) return head + node.value_bytes();
    if (walk.kind == TreeKind::main) return wrong("a tree lies on pages of its own");
    return head + sizeof(std::uint64_t);
  }

  Result<void> check_value(Walk& walk, const Node& node) {
    if (node.header.flags != value_on_other_pages) return {};
    const auto page = laid_out<std::uint64_t>(node.value);
    if (auto there = claim(page, 1); !there) return there;
    std::array<char, sizeof(PageHeader)> bytes;
    if (auto got = read(page * page_bytes_, bytes); !got) return got;
    const auto header = laid_out<PageHeader>({bytes.data(), bytes.size()});
    const std::uint64_t needed = (sizeof(PageHeader) - 1 + node.value_bytes()) / page_bytes_ + 1;
    if (header.number != page || header.flags != overflow_page || header.pages() < needed) {
      return wrong("page " + std::to_string(page) + " is not the first of a value");
    }
    if (header.pages() > 1) {
      if (auto there = claim(page + 1, header.pages() - 1); !there) return there;
    }
    walk.found.overflow_pages += header.pages();
    // That all of them are there, LMDB takes on trust, too.
    std::array<char, 1> last;
    return read((page + header.pages()) * page_bytes_ - 1, last);
  }

  // The nodes of a page, in order. Errors: invalid when they do not fill the page as LMDB fills it.
  Result<std::vector<Node>> nodes_of(Walk& walk, std::string_view page, const PageHeader& header) {
    const bool is_branch = header.flags == branch_page;
    const std::string name = "page " + std::to_string(header.number);
    if (header.lower < sizeof header || header.lower % 2 != 0 || header.lower > header.upper ||
        header.upper > page.size()) {
      return wrong(name + " has no room for its nodes");
    }
    const std::size_t count = (header.lower - sizeof header) / 2;
    // LMDB asserts that a branch has two, but in the tree of free pages.
    const std::size_t least = is_branch && walk.kind != TreeKind::free_pages ? 2 : 1;
    if (count < least) return wrong(name + " has too few nodes");

    const std::size_t longest = (((page.size() - sizeof header) / 2) & ~std::size_t{1}) - sizeof(std::uint16_t);
    std::vector<Node> nodes;
    std::vector<std::pair<std::size_t, std::size_t>> places;  // where a node begins and ends
    nodes.reserve(count);
    places.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = laid_out<std::uint16_t>(page.substr(sizeof header + 2 * i, 2));
      if (at < header.upper || at % 2 != 0 || at + sizeof(NodeHeader) > page.size()) {
        return wrong(name + " points out of itself");
      }
      Node node{laid_out<NodeHeader>(page.substr(at, sizeof(NodeHeader))), {}, {}};
      const std::size_t key_at = at + sizeof(NodeHeader);
      const std::size_t key_bytes = node.header.key_bytes;
      if (key_bytes > longest_key || key_bytes > page.size() - key_at) return wrong(name + " has a key too long");
      if (key_bytes == 0 && (!is_branch || i > 0)) return wrong(name + " has a key without bytes");
      node.key = page.substr(key_at, key_bytes);
      std::size_t bytes = sizeof(NodeHeader) + key_bytes;
      if (!is_branch) {
        auto whole = node_bytes(walk, node);
        if (!whole) return std::move(whole).error();
        if (*whole > longest || *whole > page.size() - at) return wrong(name + " has a node too long");
        node.value = page.substr(at + bytes, *whole - bytes);
        bytes = *whole;
      }
      if (walk.kind == TreeKind::free_pages && (!is_branch || i > 0) && key_bytes != sizeof(std::uint64_t)) {
        return wrong(name + " has a key that is no number");
      }
      places.emplace_back(at, at + bytes + bytes % 2);
      nodes.push_back(node);
    }
    std::sort(places.begin(), places.end());
    std::size_t end = header.upper;
    for (const auto& [from, to] : places) {
      if (from != end) return wrong(name + " has nodes that overlap or leave gaps");
      end = to;
    }
    if (end != page.size()) return wrong(name + " has nodes that overlap or leave gaps");
    return nodes;
  }

  // Keys are not less than `from` and less than `below`.
  Result<void> walk_page(Walk& walk, std::uint64_t number, unsigned level, std::string_view from,
                         std::optional<std::string_view> below) {
    if (auto ours = claim(number, 1); !ours) return ours;
    std::vector<char> bytes(page_bytes_);
    if (auto got = read(number * page_bytes_, bytes); !got) return got;
    const std::string_view page(bytes.data(), bytes.size());
    const auto header = laid_out<PageHeader>(page);
    const bool is_branch = level < walk.tree.depth;
    if (header.number != number || header.flags != (is_branch ? branch_page : leaf_page)) {
      return wrong("page " + std::to_string(number) + " is not a " + (is_branch ? "branch" : "leaf") + " of its tree");
    }
    auto nodes = nodes_of(walk, page, header);
    if (!nodes) return std::move(nodes).error();

    // The first key of a branch means nothing: what is less than the second one is below it.
    if (is_branch) nodes->front().key = from;
    for (std::size_t i = 0; i < nodes->size(); ++i) {
      const std::string_view key = (*nodes)[i].key;
      const std::string_view least = i == 0 ? from : (*nodes)[i - 1].key;
      const bool in_order =
          least.empty() || (i == 0 ? !comes_before(walk.kind, key, least) : comes_before(walk.kind, least, key));
      if (!in_order || (below && !key.empty() && !comes_before(walk.kind, key, *below))) {
        return wrong("page " + std::to_string(number) + " has keys out of order");
      }
    }
    ++(is_branch ? walk.found.branch_pages : walk.found.leaf_pages);
    for (std::size_t i = 0; i < nodes->size(); ++i) {
      const Node& node = (*nodes)[i];
      if (is_branch) {
        const auto next = i + 1 < nodes->size() ? std::optional((*nodes)[i + 1].key) : below;
        if (auto walked = walk_page(walk, node.child(), level + 1, node.key, next); !walked) return walked;
        continue;
      }
      ++walk.found.entries;
      if (auto sound = check_value(walk, node); !sound) return sound;
      if (auto visited = walk.visit(node); !visited) return visited;
    }
    return {};
  }

  int fd_;
  const std::string& path_;
  const MetaPage& meta_;
  std::size_t page_bytes_;
  std::vector<bool> used_;  // by page
};

// One record of free pages: how many, and their numbers, greatest first.
Result<void> claim_free(Walker& walker, const MetaPage& meta, const Node& node) {
  if (laid_out<std::uint64_t>(node.key) > meta.transaction) return walker.wrong("pages were freed in the future");
  auto list = walker.value_of(node);
  if (!list) return std::move(list).error();
  constexpr std::size_t word = sizeof(std::uint64_t);
  const std::string_view bytes = *list;
  if (bytes.size() < word || bytes.size() % word != 0) return walker.wrong("a list of free pages is no list");
  const auto count = laid_out<std::uint64_t>(bytes);
  if (count > bytes.size() / word - 1) return walker.wrong("a list of free pages is cut short");
  std::uint64_t before = no_page;
  for (std::size_t i = 1; i <= count; ++i) {
    const auto page = laid_out<std::uint64_t>(bytes.substr(i * word, word));
    if (page >= before) return walker.wrong("a list of free pages is out of order");
    if (auto ours = walker.claim(page, 1); !ours) return ours;
    before = page;
  }
  return {};
}

Result<std::vector<std::vector<Item>>> read_at(int fd, const std::string& path, const MetaPage& meta,
                                               std::span<const std::string> names) {
  std::vector<std::vector<Item>> databases(names.size());
  Walker walker(fd, path, meta);
  auto walked = walker.walk(meta.main, TreeKind::main, [&](const Node& name) -> Result<void> {
    const auto wanted = std::find(names.begin(), names.end(), name.key);
    if (wanted == names.end()) return {};
    auto& items = databases[static_cast<std::size_t>(wanted - names.begin())];
    auto tree = walker.tree_of(name);
    if (!tree) return std::move(tree).error();
    return walker.walk(*tree, TreeKind::named, [&](const Node& node) -> Result<void> {
      auto value = walker.value_of(node);
      if (!value) return std::move(value).error();
      items.push_back(Item{std::string(node.key), std::move(*value)});
      return {};
    });
  });
  if (!walked) return std::move(walked).error();
  return databases;
}

// Whether two commits have come since: the second one may have overwritten what the first one had freed.
bool overtaken(const MetaPage& before, std::size_t number, const Result<std::optional<MetaPages>>& now) {
  return !now || !*now || std::memcmp(&before, &(**now)[number], sizeof before) != 0;
}

}  // namespace

Result<void> check_meta_pages(const std::string& path) {
  auto file = File::open(path);
  if (!file && file.error().code == ErrorCode::unavailable) return {};
  if (!file) return std::move(file).error();
  auto pages = read_meta_pages(file->fd(), path);
  if (!pages) return std::move(pages).error();
  return {};
}

Result<void> check_meta_pages(int fd, const std::string& path) {
  auto pages = read_meta_pages(fd, path);
  if (!pages) return std::move(pages).error();
  if (!*pages) return damaged(path, "it is empty");
  return {};
}

Result<void> check_pages(int fd, const std::string& path) {
  auto pages = read_meta_pages(fd, path);
  if (!pages) return std::move(pages).error();
  if (!*pages) return damaged(path, "it is empty");
  const MetaPage& meta = (**pages)[newest_of(**pages)];
  Walker walker(fd, path, meta);
  auto free = walker.walk(meta.free_pages, TreeKind::free_pages,
                          [&](const Node& node) { return claim_free(walker, meta, node); });
  if (!free) return free;
  return walker.walk(meta.main, TreeKind::main, [&](const Node& node) -> Result<void> {
    auto tree = walker.tree_of(node);
    if (!tree) return std::move(tree).error();
    return walker.walk(*tree, TreeKind::named, [](const Node&) { return Result<void>(); });
  });
}

Result<std::vector<std::vector<Item>>> read_databases(const std::string& path, std::span<const std::string> names) {
  if (auto regular = check_regular(path); !regular) return std::move(regular).error();
  auto file = File::open(path);
  if (!file) return std::move(file).error();
  for (int attempt = 1;; ++attempt) {
    const auto pages = read_meta_pages(file->fd(), path);
    const bool last_attempt = attempt == most_reads;
    if (!pages && last_attempt) return pages.error();
    if (!pages) continue;
    if (!*pages) return std::vector<std::vector<Item>>(names.size());
    const std::size_t newest = newest_of(**pages);
    const MetaPage& meta = (**pages)[newest];
    auto databases = read_at(file->fd(), path, meta, names);
    if (!overtaken(meta, newest, read_meta_pages(file->fd(), path))) return databases;
    if (last_attempt) return Error{ErrorCode::busy, path + " changes too fast to be read"};
  }
}

}  // namespace sidefridge::store
