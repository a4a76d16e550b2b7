// levels: -O0
/* Allocations inside the standard library, where nothing is inlined: the library's functions tell the type. */
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

struct apple { int a; explicit apple(int n) : a(n) {} };
struct pear { long p; };
extern void keep(void *);

void vectors(int n)
{
	std::vector<apple> v;
	v.emplace_back(n); //= operator new: apple [sizeof] in std::__new_allocator<apple>::allocate or apple [sizeof] in __gnu_cxx::new_allocator<apple>::allocate @new_allocator.h:*
	keep(v.data());
	std::vector<pear *> w(n); //= operator new: pear * [sizeof] in std::__new_allocator<pear *>::allocate or pear * [sizeof] in __gnu_cxx::new_allocator<pear *>::allocate @new_allocator.h:*
	keep(w.data());
}

void nodes(int n)
{
	std::list<long> l;
	l.push_back(n); //= operator new: long [sizeof] in std::__new_allocator<std::_List_node<long>>::allocate or long [sizeof] in __gnu_cxx::new_allocator<std::_List_node<long>>::allocate @new_allocator.h:*
	keep(&l);
	std::map<int, apple> m;
	m.emplace(1, n); //= operator new: std::pair<const int, apple> [sizeof] in std::__new_allocator<std::_Rb_tree_node<std::pair<const int, apple>>>::allocate or std::pair<const int, apple> [sizeof] in __gnu_cxx::new_allocator<std::_Rb_tree_node<std::pair<const int, apple>>>::allocate @new_allocator.h:*
	keep(&m);
}

void pointers(int n)
{
	keep(std::make_unique<apple>(n).release()); //= operator new: apple [new] in std::make_unique<apple, int &> @unique_ptr.h:*
	keep(std::make_unique<pear[]>(n).release()); //= operator new[]: pear [new] in std::make_unique<pear[]> @unique_ptr.h:*
	std::shared_ptr<apple> shared = std::make_shared<apple>(n); //= operator new: apple [sizeof] in std::__new_allocator<std::_Sp_counted_ptr_inplace<apple, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>>::allocate or apple [sizeof] in __gnu_cxx::new_allocator<std::_Sp_counted_ptr_inplace<apple, std::allocator<apple>, (__gnu_cxx::_Lock_policy)2>>::allocate @new_allocator.h:*
	keep(shared.get());
}
