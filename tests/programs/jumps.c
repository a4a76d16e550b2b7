/* bytes that only look like calls and jumps lead to no fault (jump.c) */
#include "../../stubgen/runtime/jump.c"
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "check.h"

int rt_is_readable(const void *p) { return syscall(SYS_rt_sigprocmask, -1, p, 0, 8) == 0 || errno != EFAULT; }

int main(void)
{
	static unsigned char code[64] __attribute__((aligned(16)));
	static uintptr_t target = 0x1234;
	uintptr_t back = (uintptr_t)code + 32;
	int32_t far = 0x7fffff00, near;

	code[27] = 0xe8; /* a call into nowhere */
	memcpy(code + 28, &far, 4);
	CHECK(code_called_by(back) == back + far);
	code[26] = 0xff, code[27] = 0x15; /* a call through what cannot be read, and through what can */
	CHECK(code_called_by(back) == 0);
	near = (int32_t)((uintptr_t)&target - back);
	memcpy(code + 28, &near, 4);
	CHECK(code_called_by(back) == 0x1234);

	static const unsigned char jump[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0xbb, 1, 0, 0, 0, 0xff, 0x25}; /* mold's */
	memcpy(code, jump, sizeof jump);
	near = (int32_t)((uintptr_t)&target - (uintptr_t)(code + sizeof jump + 4));
	memcpy(code + sizeof jump, &near, 4);
	CHECK(code_behind_jump((uintptr_t)code) == 0x1234);
	memcpy(code + sizeof jump, &far, 4);
	CHECK(code_behind_jump((uintptr_t)code) == (uintptr_t)code);
	CHECK(code_behind_jump(16) == 16);
	puts("all hold");
	return 0;
}
