/* Every form of `new`, and C's functions in C++. */
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

struct plain { int a; };
struct made { int a; made(); explicit made(int); ~made(); };
struct alignas(64) wide { char line[64]; };
enum class shade : short { dark };
namespace geometry { struct point { double x, y; }; inline namespace v2 { struct box { point low, high; }; } }
using alias = geometry::point;
typedef int row[4];
union either { int i; double d; };

extern void keep(void *);
extern void keep2(void *, void *);
extern void *pass(void *);

void single(int n, plain *p)
{
	keep(new plain); //= plain [new]
	keep(new plain()); //= plain [new]
	keep(new plain{n}); //= plain [new]
	keep(new made); //= made [new]
	keep(new made(n)); //= made [new]
	keep(new int); //= int [new]
	keep(new int(n)); //= int [new]
	keep(new unsigned long int); //= unsigned long [new]
	keep(::new made(3)); //= made [new]
	keep(new geometry::point); //= geometry::point [new]
	keep(new geometry::box()); //= geometry::box [new]
	keep(new alias{1, 2}); //= geometry::point [new]
	keep(new shade); //= shade [new]
	keep(new either); //= either [new]
	keep(new plain *); //= plain * [new]
	keep(new (plain *)); //= plain * [new]
	keep(new auto(2.5)); //= double [new]
	keep(const_cast<plain *>(new const plain())); //= plain [new]
	keep(new decltype(p->a + 0L)); //= long [new]
	keep(new (std::nothrow) made(n)); //= made [new]
	keep(new wide); //= wide [new]
	keep(new (std::nothrow) wide); //= wide [new]
	keep(new (std::align_val_t(128)) plain); //= plain [new]
}

void arrays(std::size_t n, int m)
{
	keep(new plain[n]); //= plain [new]
	keep(new made[n]); //= made [new]
	keep(new made[3]); //= made [new]
	keep(new int[m][4]); //= int[4] [new]
	keep(new char[n + 1]); //= char [new]
	keep(new plain *[n]); //= plain * [new]
	keep(new const char *[n]{}); //= const char * [new]
	keep(new (std::nothrow) geometry::point[n]); //= geometry::point [new]
	keep(new wide[n]); //= wide [new]
	keep(new row); //= int [new]
	keep(new row[n]); //= int[4] [new]
	keep(new int(m)), keep(new long[m]); //= int [new]; long [new]
}

void placed(void *room, plain *p, std::size_t n)
{
	keep(new (room) plain);
	keep(new (p) plain[2]);
	keep(new (malloc(sizeof(made))) made(3)); //= malloc: made [sizeof]
	keep(new (::operator new(sizeof(wide))) wide); //= operator new: wide [sizeof]
	alignas(made) char buffer[sizeof(made)];
	keep(new (buffer) made);
	keep(new (&buffer[0]) made(2));
}

void functions(std::size_t n, geometry::point *p)
{
	keep(::operator new(n * sizeof(plain))); //= operator new: plain [sizeof]
	keep(operator new[](n * sizeof(geometry::point))); //= operator new[]: geometry::point [sizeof]
	keep(static_cast<plain *>(::operator new(n))); //= operator new: plain [cast]
	keep(malloc(sizeof(made))); //= made [sizeof]
	keep(std::malloc(n * sizeof *p)); //= geometry::point [sizeof]
	keep(static_cast<plain *>(std::malloc(n))); //= plain [cast]
	keep(reinterpret_cast<plain *>(std::malloc(n))); //= plain [cast]
	keep((plain *)std::calloc(n, sizeof(geometry::box))); //= geometry::box [sizeof]
	keep(std::realloc(p, n * sizeof(geometry::point))); //= geometry::point [sizeof]
	constexpr std::size_t size = sizeof(made);
	keep(malloc(size)); //= made [flow]
	std::size_t braced{n * sizeof(wide)};
	keep(malloc(braced)); //= wide [flow]
	std::size_t changed = sizeof(made), &other = changed;
	other = n;
	keep(malloc(changed)); //= none
	keep(malloc(static_cast<std::size_t>(n * sizeof(plain)))); //= plain [sizeof]
	keep(malloc(std::size_t(n * sizeof(plain)))); //= plain [sizeof]
	keep(std::malloc //= made [sizeof]
		(sizeof(made)));
	keep(std::malloc(strlen("abc") + 1)); //= char [strlen]
}

void arguments(int n)
{
	keep2(new plain, new made(n)); //= plain [new]; made [new]
	keep2(
		new plain, //= plain [new]
		pass(new made(n))); //= made [new]
	keep(pass(pass(
		malloc(sizeof(made))))); //= made [sizeof]
	keep2(malloc(sizeof(plain)), //= plain [sizeof]
		operator new(sizeof(made))); //= operator new: made [sizeof]
	keep(n ? new plain : (plain *)nullptr); //= plain [new]
	keep(realloc(malloc(sizeof(plain)), n * sizeof(made))); //= realloc: made [sizeof]; malloc: plain [sizeof]
	if (n > 5)
		throw new made(n); //= made [new]
}

#define NEW(T) new T
#define MAKE(T, n) static_cast<T *>(std::malloc((n) * sizeof(T)))

void macros(std::size_t n)
{
	keep(NEW(plain)), keep(NEW(made(2))); //= operator new: plain [new]; operator new: made [new]
	keep(MAKE(made, n)), keep(MAKE(plain, 1)); //= malloc: made [sizeof]; malloc: plain [sizeof]
	keep(NEW(made[n])); //= operator new[]: made [new]
}
