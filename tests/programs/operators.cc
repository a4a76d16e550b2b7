// every operator new and delete; asserts what alloc_query says where the runtime is there, and prints what it lacks
#include <allocs.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

static int known, unknown;

static void *look(void *p, std::size_t size)
{
	alloc_info info = ALLOC_INFO_INIT;
	if (alloc_query && alloc_query(p, &info)) {
		known++;
		if (info.base != p || info.size != size || strcmp(info.allocator->family, "malloc")) std::abort();
	} else {
		unknown++;
	}
	memset(p, 1, size);
	return p;
}

static void gone(void *p)
{
	if (alloc_get_base && alloc_get_base(p) == p) std::abort();
}

struct alignas(128) wide {
	char c[256];
};

int main(int argc, char **)
{
	const std::align_val_t align{64};
	for (int i = 0; i < 3; i++) {
		void *p;
		::operator delete(p = look(::operator new(40), 40)), gone(p);
		::operator delete[](p = look(::operator new[](41), 41)), gone(p);
		::operator delete(p = look(::operator new(42, std::nothrow), 42), std::nothrow), gone(p);
		::operator delete[](p = look(::operator new[](43, std::nothrow), 43), std::nothrow), gone(p);
		::operator delete(p = look(::operator new(128, align), 128), align), gone(p);
		::operator delete[](p = look(::operator new[](192, align), 192), align), gone(p);
		::operator delete(p = look(::operator new(256, align, std::nothrow), 256), align, std::nothrow), gone(p);
		::operator delete[](p = look(::operator new[](320, align, std::nothrow), 320), align, std::nothrow), gone(p);
		::operator delete(p = look(::operator new(50), 50), 50), gone(p);
		::operator delete[](p = look(::operator new[](51), 51), 51), gone(p);
		::operator delete(p = look(::operator new(128, align), 128), 128, align), gone(p);
		::operator delete[](p = look(::operator new[](128, align), 128), 128, align), gone(p);
		delete new int(i);
		delete[] new wide[1];
	}
	::operator delete(nullptr);
	volatile std::size_t huge = PTRDIFF_MAX;
	if (::operator new(huge, std::nothrow)) std::abort();
	try {
		if (argc > 1) ::operator delete(::operator new(huge));
		if (argc > 1) std::abort();
	} catch (const std::bad_alloc &) {
	}
	std::vector<std::string> v(100, std::string(100, 'x'));
	v.resize(1000);
	std::printf("known %d unknown %d\n", known, unknown);
}
