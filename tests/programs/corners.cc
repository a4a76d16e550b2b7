// C++ in corners of malloc: thread_local objects, exceptions out of wrappers, static destructors, RTLD_NEXT's neighbours
#include <allocs.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#define CHECK(x) \
	do { \
		if (!(x)) { \
			dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			_exit(1); \
		} \
	} while (0)

static void known(const void *p, std::size_t size)
{
	CHECK(!alloc_get_base || (alloc_get_base(p) == p && alloc_get_size(p) == size));
}

struct owner {
	char *p = new char[70];
	std::vector<std::string> words{std::string(50, 'a'), std::string(500, 'b')};
	~owner()
	{
		known(p, 70);
		delete[] p;
		CHECK(!alloc_get_base || alloc_get_base(p) != p);
		free(malloc(33)); // at the end of a thread, and of the process
	}
};

static thread_local owner of_thread;
static owner of_process;

extern "C" __attribute__((noinline)) void *throwing_alloc(std::size_t n)
{
	if (n > 1000) throw std::length_error(std::string(200, 'x'));
	return malloc(n);
}

extern "C" __attribute__((noinline)) void *outer_alloc(std::size_t n)
{
	void *p = throwing_alloc(n);
	return p;
}

static void exceptions()
{
	for (int i = 0; i < 1000; i++) {
		try {
			outer_alloc(2000);
			CHECK(false);
		} catch (const std::length_error &e) {
			CHECK(strlen(e.what()) == 200);
		}
		void *p = malloc(20), *q = outer_alloc(30);
		known(p, 20), known(q, 30);
#ifdef WRAPPERS
		CHECK(!alloc_get_wrapper || (!alloc_get_wrapper(p) && !strcmp(alloc_get_wrapper(q)->name, "outer_alloc")));
		CHECK(!alloc_get_chain || (alloc_get_chain(q, nullptr, 0) == 2 && alloc_get_chain(p, nullptr, 0) == 0));
#endif
		free(p), free(q);
	}
}

int main()
{
	exceptions();
	for (int i = 0; i < 50; i++) {
		std::vector<std::thread> threads;
		for (int k = 0; k < 4; k++)
			threads.emplace_back([] {
				known(of_thread.p, 70);
				of_thread.words.emplace_back(300, 'c');
			});
		for (auto &t : threads) t.join();
	}
	known(of_process.p, 70);
	known(of_thread.p, 70);
	std::puts("holds");
}
