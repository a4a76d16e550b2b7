/* where calls and jumps lead, by their instructions: calls through a PLT, and functions that are not on the stack */
#include "code.h"
#include <string.h>

/* what stands at a place; bytes that only look like an instruction may lead anywhere */
static int read_word(uintptr_t at, uintptr_t *word)
{
	if (!rt_is_readable((const void *)at)) return 0;
	memcpy(word, (const void *)at, sizeof *word);
	return 1;
}

/* the psABIs, "Procedure Linkage Table", with or without a landing mark */
uintptr_t code_behind_jump(uintptr_t code)
{
	uintptr_t there;
	if (!rt_is_readable((const void *)code) || !rt_is_readable((const void *)(code + 16))) return code;
#ifdef __x86_64__
	const uint8_t *p = (const uint8_t *)code;
	int32_t distance;
	if (!memcmp(p, "\xf3\x0f\x1e\xfa", 4)) p += 4; /* endbr64 */
	if (p[0] == 0x41 && p[1] == 0xbb) p += 6;       /* mov $number,%r11d: mold's */
	if (p[0] == 0xf2) p++;                           /* bnd */
	if (p[0] != 0xff || p[1] != 0x25) return code;   /* jmp *there(%rip) */
	memcpy(&distance, p + 2, 4);
	return read_word((uintptr_t)p + 6 + distance, &there) ? there : code;
#elif defined __aarch64__ /* [bti c;] adrp x16, page; ldr x17, [x16, #offset] */
	const uint32_t *p = (const uint32_t *)code;
	if (*p == 0xd503245f) p++;
	if ((p[0] & 0x9f00001f) != 0x90000010 || (p[1] & 0xffc003ff) != 0xf9400211) return code;
	int64_t pages = (int64_t)((uint64_t)((p[0] >> 5 & 0x7ffff) << 2 | (p[0] >> 29 & 3)) << 43) >> 43;
	uintptr_t page = ((uintptr_t)p & ~(uintptr_t)4095) + pages * 4096;
	return read_word(page + (p[1] >> 10 & 0xfff) * 8, &there) ? there : code;
#else
	(void)there;
	return code;
#endif
}

uintptr_t code_called_by(uintptr_t back)
{
#ifdef __x86_64__
	const uint8_t *p = (const uint8_t *)back;
	uintptr_t there;
	int32_t offset;
	memcpy(&offset, p - 4, 4);
	if (p[-5] == 0xe8) return code_behind_jump(back + offset);
	if (p[-6] == 0xff && p[-5] == 0x15) return read_word(back + offset, &there) ? there : 0;
#elif defined __aarch64__ /* bl */
	uint32_t word = ((const uint32_t *)back)[-1];
	if (word >> 26 == 0x25) return code_behind_jump(back - 4 + ((int32_t)(word << 6) >> 4));
#else
	(void)back;
#endif
	return 0;
}

uintptr_t code_called_at(uintptr_t at)
{
#ifdef __x86_64__
	const uint8_t *p = (const uint8_t *)at;
	int32_t offset;
	if (p[0] != 0xe8 && p[0] != 0xe9) return 0;
	memcpy(&offset, p + 1, 4);
	return at + 5 + offset;
#elif defined __aarch64__ /* b, bl */
	if (at & 3) return 0;
	uint32_t word = *(const uint32_t *)at;
	return (word & 0x7c000000) == 0x14000000 ? at + ((int32_t)(word << 6) >> 4) : 0;
#else
	(void)at;
	return 0;
#endif
}
