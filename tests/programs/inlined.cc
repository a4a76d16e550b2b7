// Allocations by the C++ library on a user's behalf. A line that causes one says in a comment which type it is of
// (the element's; several: separated by |); "-" for one whose type nothing tells.
#include <any>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

struct node {
	int key;
	double weights[3];
	explicit node(int k = 0) : key(k), weights() {}
};

struct big {
	char bytes[64];
};

namespace shop {
template <class T, int N> struct cart {
	T items[N];
};
} // namespace shop

namespace {
struct hidden {
	long a, b;
};
} // namespace

// what the compiler cannot look into
__attribute__((noinline)) void keep(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

__attribute__((noinline)) int opaque(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

// vector
__attribute__((noinline)) void vector_reserve(int n)
{
	std::vector<node> v;
	v.reserve(n); // type: node
	keep(v.data());
}

__attribute__((noinline)) void vector_sized(int n)
{
	std::vector<big> v(n); // type: big
	keep(v.data());
}

__attribute__((noinline)) void vector_list(int n)
{
	std::vector<long> v = {n, n + 1, n + 2}; // type: long
	keep(v.data());
}

__attribute__((noinline)) void vector_resize(int n)
{
	std::vector<unsigned short> v;
	v.resize(n); // type: unsigned short
	keep(v.data());
}

__attribute__((noinline)) void vector_push(int n)
{
	std::vector<node> v;
	v.push_back(node(n)); // type: node
	v.emplace_back(n); // type: node
	keep(v.data());
}

__attribute__((noinline)) void vector_copy(const std::vector<node *> &from)
{
	std::vector<node *> v(from); // type: node *
	keep(v.data());
}

__attribute__((noinline)) void vector_of_vectors(int n)
{
	std::vector<std::vector<int>> v(n); // type: std::vector<int>
	keep(v.data());
}

__attribute__((noinline)) void vector_of_hidden(int n)
{
	std::vector<hidden> v;
	v.reserve(n); // type: (anonymous namespace)::hidden
	keep(v.data());
}

__attribute__((noinline)) void vector_of_local(int n)
{
	struct local {
		int x[5];
	};
	std::vector<local> v;
	v.reserve(n); // type: local
	keep(v.data());
}

// string: a long one, so that it does not fit inside
__attribute__((noinline)) void string_made(int n)
{
	std::string s(n + 100, 'x'); // type: char
	keep(&s);
}

__attribute__((noinline)) void string_grown(std::string &s, int n)
{
	s.reserve(n + 200); // type: char
	keep(&s);
}

__attribute__((noinline)) void wide_string(int n)
{
	std::wstring s(n + 100, L'x'); // type: wchar_t
	keep(&s);
}

// containers of nodes
__attribute__((noinline)) void map_index(std::map<int, big> &m, int n)
{
	m[n].bytes[0] = 1; // type: std::pair<const int, big>
}

__attribute__((noinline)) void map_emplace(std::map<std::string, int> &m, int n)
{
	m.emplace("key", n); // type: std::pair<const std::basic_string<char>, int>
}

__attribute__((noinline)) void set_insert(std::set<long> &s, int n)
{
	s.insert(n); // type: long
}

__attribute__((noinline)) void hash_index(std::unordered_map<int, node> &m, int n)
{
	m[n].key = n; // type: std::pair<const int, node>|std::__detail::_Hash_node_base *
}

__attribute__((noinline)) void list_push(std::list<node> &l, int n)
{
	l.push_back(node(n)); // type: node
}

__attribute__((noinline)) void forward_push(std::forward_list<big> &l)
{
	l.emplace_front(); // type: big
}

__attribute__((noinline)) void deque_made(int n)
{
	std::deque<node> d(n); // type: node|node *
	keep(&d);
}

__attribute__((noinline)) void deque_push(std::deque<big> &d)
{
	d.emplace_back(); // type: big|big *
}

// pointers
__attribute__((noinline)) void unique(int n)
{
	auto p = std::make_unique<node>(n); // type: node
	keep(p.get());
	auto q = std::make_unique<big[]>(n); // type: big
	keep(q.get());
	auto r = std::make_unique<hidden>(); // type: (anonymous namespace)::hidden
	keep(r.get());
	auto s = std::make_unique<shop::cart<char, 7>>(); // type: shop::cart<char, 7>
	keep(s.get());
}

__attribute__((noinline)) std::shared_ptr<node> shared(int n)
{
	return std::make_shared<node>(n); // type: node
}

__attribute__((noinline)) std::shared_ptr<big> shared_from_pointer(big *p)
{
	return std::shared_ptr<big>(p); // type: ~_Sp_counted_ptr<big *
}

__attribute__((noinline)) std::shared_ptr<hidden> shared_hidden()
{
	return std::make_shared<hidden>(); // type: (anonymous namespace)::hidden
}

// functors
struct adder {
	long numbers[6];
	int operator()(int x) const { return static_cast<int>(numbers[0]) + x; }
};

__attribute__((noinline)) void function_of_struct(std::function<int(int)> &f, int n)
{
	f = adder{{n}}; // type: adder
}

__attribute__((noinline)) void function_of_lambda(std::function<int(int)> &f, int n)
{
	long a = n, b = n + 1, c = n + 2;
	f = [a, b, c](int x) { return static_cast<int>(a + b + c) + x; }; // type: <lambda in function_of_lambda>|<lambda at inlined.cc:216>
}

__attribute__((noinline)) void any_of_struct(std::any &a)
{
	a = big(); // type: big
}

// functions of the user's own between the library and the function that the code ends up in
static inline void add(std::vector<big> &v, int n)
{
	v.reserve(n); // type: big
}

static inline void add_twice(std::vector<big> &v, int n)
{
	add(v, n);
	add(v, 2 * n);
}

__attribute__((noinline)) void through_users(int n)
{
	std::vector<big> v;
	add_twice(v, n);
	keep(v.data());
}

template <class T> static inline T *fresh(int n)
{
	std::unique_ptr<T[]> p = std::make_unique<T[]>(n); // type: node|long
	keep(p.get());
	return p.release();
}

__attribute__((noinline)) void through_templates(int n)
{
	delete[] fresh<node>(n);
	delete[] fresh<long>(n);
}

// a class of the user's that the library constructs: its own allocation is its own line's
struct owner {
	std::vector<short> shorts;
	int *numbers;
	explicit owner(int n) : numbers(new int[n]) // type: int
	{
		shorts.reserve(n); // type: short
		keep(shorts.data());
	}
	~owner() { delete[] numbers; }
	owner(const owner &) = delete;
};

__attribute__((noinline)) void constructed_by_library(int n)
{
	auto p = std::make_unique<owner>(n); // type: owner
	keep(p.get());
}

// the library's line and the user's own on one line
__attribute__((noinline)) void both_on_a_line(int n)
{
	std::unique_ptr<node> a(new node(n)); std::vector<char> b; b.reserve(n); // type: node|char
	keep(a.get());
	keep(b.data());
}

int main(int argc, char **argv)
{
	int n = opaque(argc + 10);
	(void)argv;
	vector_reserve(n);
	vector_sized(n);
	vector_list(n);
	vector_resize(n);
	vector_push(n);
	vector_copy(std::vector<node *>());
	vector_of_vectors(n);
	vector_of_hidden(n);
	vector_of_local(n);
	string_made(n);
	std::string text;
	string_grown(text, n);
	wide_string(n);
	std::map<int, big> numbers;
	map_index(numbers, n);
	std::map<std::string, int> words;
	map_emplace(words, n);
	std::set<long> longs;
	set_insert(longs, n);
	std::unordered_map<int, node> hash;
	hash_index(hash, n);
	std::list<node> nodes;
	list_push(nodes, n);
	std::forward_list<big> forward;
	forward_push(forward);
	deque_made(n);
	std::deque<big> deque; // type: big|big *
	deque_push(deque);
	unique(n);
	shared(n);
	shared_from_pointer(new big()); // type: big
	shared_hidden();
	std::function<int(int)> function;
	function_of_struct(function, n);
	function_of_lambda(function, n);
	std::any any;
	any_of_struct(any);
	through_users(n);
	through_templates(n);
	constructed_by_library(n);
	both_on_a_line(n);
	return function(n) == 0;
}
