// alloca.cc: alloca in C++: exceptions, templates, lambdas, namespaces, objects with destructors
#include "check.h"
#include <alloca.h>
#include <allocs.h>
#include <cstring>
#include <stdexcept>

static void *kept[8];

static bool known(const void *p, std::size_t size, const char *type)
{
	alloc_info i = ALLOC_INFO_INIT;
	if (!alloc_query(p, &i) || std::strcmp(i.allocator->name, "alloca")) return false;
	return i.base == p && i.size == size && (type ? i.type && !std::strcmp(i.type, type) : !i.type);
}

__attribute__((noinline)) static bool gone(const void *p)
{
	volatile char room[3000];
	room[5] = 0;
	return !alloc_get_allocator(p) || std::strcmp(alloc_get_allocator(p)->name, "alloca") || room[5];
}

namespace space {
struct thing {
	long v[3];
};
template <class T> __attribute__((noinline)) std::size_t filled(std::size_t n)
{
	T *p = static_cast<T *>(alloca(n * sizeof(T)));
	std::memset(static_cast<void *>(p), 0, n * sizeof(T));
	kept[0] = p;
	CHECK(alloc_get_size(p) == n * sizeof(T));
	return n;
}
} // namespace space

struct guard {
	int *count;
	~guard() { ++*count; }
};

__attribute__((noinline)) static void throws(int n, int *count)
{
	guard g{count};
	char *p = static_cast<char *>(alloca(n + 20));
	std::memset(p, 0, n + 20);
	kept[n] = p;
	CHECK(known(p, n + 20, "char"));
	if (n) throws(n - 1, count);
	throw std::runtime_error("out");
}

__attribute__((noinline)) static space::thing result(int n)
{
	auto made = [n] {
		auto *p = static_cast<space::thing *>(alloca(n * sizeof(space::thing)));
		std::memset(p, 0, n * sizeof *p);
		kept[1] = p;
		CHECK(known(p, n * sizeof *p, "space::thing"));
		p[0].v[1] = n;
		return p[0];
	};
	return made();
}

int main()
{
	CHECK(space::filled<space::thing>(4) == 4 && gone(kept[0]));
	CHECK(space::filled<int>(5) == 5 && gone(kept[0]));
	int count = 0;
	for (int i = 0; i < 50; i++) {
		try {
			throws(7, &count);
		} catch (const std::runtime_error &) {
			for (void *p : kept) CHECK(gone(p));
		}
		char *own = static_cast<char *>(alloca(30 + i)); // of this function, until the end
		std::memset(own, 0, 30 + i);
		CHECK(known(own, 30 + i, "char"));
	}
	CHECK(count == 400);
	CHECK(result(3).v[1] == 3 && gone(kept[1]));
}
