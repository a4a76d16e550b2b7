/* One line, many types: instantiations, and lambdas. */
#include <cstddef>
#include <cstdlib>

struct apple { int a; };
struct pear { long p[3]; };
template <class T> struct basket { T *things; };

extern void keep(void *);
extern bool more();

template <class T> __attribute__((noinline)) T *make()
{
	keep(nullptr);
	return new T; //= apple [new] in make<apple>; pear [new] in make<pear>; basket<pear> [new] in make<basket<pear>>
}

template <class T> __attribute__((noinline)) T *make_many(std::size_t n)
{
	keep(nullptr);
	return static_cast<T *>(malloc(n * sizeof(T))); //= apple [sizeof] in make_many<apple>; pear [sizeof] in make_many<pear>
}

template <class T, int N> __attribute__((noinline)) void mixed()
{
	keep(new int); //= int [new] in mixed<apple, 3>; int [new] in mixed<pear, 4>
	keep(new T[N]); //= apple [new] in mixed<apple, 3>; pear [new] in mixed<pear, 4>
	keep(malloc(sizeof(T[N]))); //= apple[3] [sizeof] in mixed<apple, 3>; pear[4] [sizeof] in mixed<pear, 4>
	keep(new T *); //= apple * [new] in mixed<apple, 3>; pear * [new] in mixed<pear, 4>
	keep(new basket<T>); //= basket<apple> [new] in mixed<apple, 3>; basket<pear> [new] in mixed<pear, 4>
}

template <class T> class stack {
	struct node { T value; node *next; };
	node *top_ = nullptr;
	T *room_;

public:
	__attribute__((noinline)) stack() : room_(new T[8]) { keep(room_); } //= apple [new] in stack<apple>::stack; pear [new] in stack<pear>::stack
	__attribute__((noinline)) void push(const T &value);
	__attribute__((noinline)) stack *copy() { keep(this); return new stack(*this); } //= stack<apple> [new] in stack<apple>::copy; stack<pear> [new] in stack<pear>::copy
	__attribute__((noinline)) void room(T *p) { keep(malloc(sizeof *p)); keep(p); } //= apple [sizeof] in stack<apple>::room; pear [sizeof] in stack<pear>::room
};

template <class U> void stack<U>::push(const U &value)
{
	top_ = new node{value, top_}; //= stack<apple>::node [new] in stack<apple>::push; stack<pear>::node [new] in stack<pear>::push
	keep(top_);
}

/* A specialization is no template. */
template <> __attribute__((noinline)) long *make<long>()
{
	keep(nullptr);
	return new long(3); //= long [new] in make<long>
}

/* Of what is inlined, the symbol around it says nothing. */
template <class T> static inline T *inlined()
{
	return new T; //= apple [new] in inlined<apple> or none in inlined; pear [new] in inlined<pear> or none in inlined
}

template <class T, class... Rest> __attribute__((noinline)) void all(std::size_t n)
{
	keep(new T[n]); //= apple [new] in all<apple, pear>; pear [new] in all<pear>
	if constexpr (sizeof...(Rest) > 0)
		all<Rest...>(n);
}

void use()
{
	keep(make<apple>()), keep(make<pear>()), keep(make<basket<pear>>()), keep(make<long>());
	keep(make_many<apple>(3)), keep(make_many<pear>(4));
	mixed<apple, 3>(), mixed<pear, 4>();
	stack<apple> a;
	stack<pear> p;
	a.push({1}), p.push({{1, 2, 3}});
	keep(a.copy()), keep(p.copy());
	a.room(nullptr), p.room(nullptr);
	keep(inlined<apple>()), keep(inlined<pear>());
	all<apple, pear>(4);
}

void lambdas(int n)
{
	auto first = [](int k) __attribute__((noinline)) { keep(nullptr); return new apple[k]; }; //= apple [new] in lambdas::{lambda(int)#1}
	auto second = [n](int k) { return malloc(sizeof(pear) * (n + k)); }; //= pear [sizeof] in lambdas::{lambda(int)#2}
	auto third = [&] { keep(first(3)); return new pear; }; //= pear [new] in lambdas::{lambda()#1}
	keep(first(n)), keep(second(n)), keep(third());
	auto outer = [] { return [] { return new apple; }; }; //= apple [new] in lambdas::{lambda()#2}::{lambda()#1}
	keep(outer()());
	auto generic = [](auto x) { return new decltype(x)(x); }; //= none in lambdas::{lambda(auto)#1}
	keep(generic(3l));
	std::size_t size = sizeof(apple);
	auto changes = [&size](std::size_t n) { size = n; };
	changes(n);
	keep(malloc(size)); //= none
}

auto at_file_scope = [](int n) { return new pear[n]; }; //= pear [new] in at_file_scope::{lambda(int)#1}
void call_it() { keep(at_file_scope(3)); }
