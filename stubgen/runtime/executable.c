/* where the executable lies, which the runtime is a part of */
#include "rt.h"
#include <elf.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* by its program headers: a reference to _end would decide whether the program exports that */
int in_executable(const void *p)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)__ehdr_start;
	const Elf64_Phdr *h = (const Elf64_Phdr *)(__ehdr_start + e->e_phoff);
	uintptr_t low = UINTPTR_MAX, high = 0;
	for (int i = 0; i < e->e_phnum; i++) {
		if (h[i].p_type != PT_LOAD) continue;
		if (h[i].p_vaddr < low) low = h[i].p_vaddr;
		if (h[i].p_vaddr + h[i].p_memsz > high) high = h[i].p_vaddr + h[i].p_memsz;
	}
	return (uintptr_t)p - (uintptr_t)__ehdr_start < high - low;
}
