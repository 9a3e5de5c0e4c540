// dl_find_object.c - glibc's _dl_find_object(), which Debian's libgcc_eh.a (gcc 12 and later) looks up unwind tables
// with and musl does not have.
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>

// As <dlfcn.h> of glibc has it on machines without DLFO_STRUCT_HAS_EH_DBASE.
struct dl_find_object {
  unsigned long long flags;
  void* map_start;
  void* map_end;
  struct link_map* link_map;
  void* eh_frame;
  unsigned long long reserved[7];
};

struct search {
  uintptr_t pc;
  struct dl_find_object* found;
};

static int look_at(struct dl_phdr_info* object, size_t size, void* data) {
  struct search* search = data;
  void* eh_frame = NULL;
  uintptr_t begin = 0;
  uintptr_t end = 0;
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)* header = &object->dlpi_phdr[i];
    const uintptr_t address = object->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_GNU_EH_FRAME) eh_frame = (void*)address;
    if (header->p_type == PT_LOAD && search->pc >= address && search->pc - address < header->p_memsz) {
      begin = address;
      end = address + header->p_memsz;
    }
  }
  if (end == 0 || eh_frame == NULL) return 0;
  *search->found = (struct dl_find_object){.map_start = (void*)begin, .map_end = (void*)end, .eh_frame = eh_frame};
  return 1;
}

// Returns: 0, or -1 when no object holds `pc`.
int _dl_find_object(void* pc, struct dl_find_object* found) {
  struct search search = {(uintptr_t)pc, found};
  return dl_iterate_phdr(look_at, &search) == 1 ? 0 : -1;
}
