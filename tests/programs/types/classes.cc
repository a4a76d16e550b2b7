/* Calls in classes: constructors, destructors, members, initialisers, a class's own operator new. */
#include <cstddef>
#include <cstdlib>

struct part { int n; explicit part(int); ~part(); };
struct buffer { char *bytes; };

extern void keep(void *);
extern bool more();

namespace ns {

class engine {
public:
	engine();
	explicit engine(int n);
	~engine();
	part *get(int n);
	static part *create(std::size_t n);
	virtual void run();
	operator part *();
	engine *operator+(int n);

private:
	part *first_ = new part(1); //= part [new] in ns::engine::first_
	part *second_;
	void *third_;
};

engine::engine() : second_(new part(2)), third_(malloc(sizeof(buffer))) //= new: part [new] in ns::engine::engine; malloc: buffer [sizeof] in ns::engine::engine
{
	keep(new buffer); //= buffer [new] in ns::engine::engine
}

engine::engine(int n)
	: second_(new part(n)), //= part [new] in ns::engine::engine
	  third_(nullptr)
{
	keep(third_);
}

engine::~engine()
{
	keep(new buffer); //= buffer [new] in ns::engine::~engine
}

part *engine::get(int n)
{
	static part *once = new part(4); //= part [new] in ns::engine::get
	return n ? new part(n) : once; //= part [new] in ns::engine::get
}

part *engine::create(std::size_t n)
{
	return static_cast<part *>(malloc(n * sizeof(part))); //= part [sizeof] in ns::engine::create
}

void engine::run()
{
	try {
		keep(new part(7)); //= part [new] in ns::engine::run
	} catch (int) {
		keep(new buffer); //= buffer [new] in ns::engine::run
	}
}

engine::operator part *() { return new part(8); } //= part [new] in ns::engine::operator part *
engine *engine::operator+(int n) { return new engine(n); } //= ns::engine [new] in ns::engine::operator+

struct turbo : engine {
	turbo() : engine(3) { keep(new buffer); } //= buffer [new] in ns::turbo::turbo
	void run() override { keep(new turbo); } //= ns::turbo [new] in ns::turbo::run
};

void drive() { keep(new turbo); } //= ns::turbo [new] in ns::drive

namespace {
struct hidden { int h; };
void inside() { keep(new hidden); } //= ns::(anonymous namespace)::hidden [new] in ns::(anonymous namespace)::inside
}

void call_inside() { inside(); }

} // namespace ns

part *global = new part(9); //= part [new] in global
static void *const table[] = {
	malloc(sizeof(part)), //= part [sizeof] in table
	new buffer, //= buffer [new] in table
};
void keep_table() { keep(table[more()]); }
struct registry { static buffer *shared; };
buffer *registry::shared = new buffer(); //= buffer [new] in registry::shared

extern "C" void plain_c(std::size_t n)
{
	keep(malloc(n * sizeof(part))); //= part [sizeof]
	struct local { int x; void *grow() { return new local; } } one; //= local [new] in local::grow
	keep(one.grow());
}

/* A class's own operator: `new pooled` calls no operator that the config speaks of; `new held` calls one. */
struct pooled {
	int x;
	static void *operator new(std::size_t n);
	static void operator delete(void *);
};
struct held {
	int x;
	static void *operator new(std::size_t n);
	static void operator delete(void *);
};
struct derived : pooled { int y; };

void own_operators()
{
	keep(new pooled);
	keep(new derived);
	keep(::new pooled); //= pooled [new]
	keep(new pooled[3]); //= pooled [new]
	keep(new held); //= held::operator new: held [new]
}

namespace ns { struct pool { void *get(unsigned long n); }; }

void methods(ns::pool &p, ns::pool *q, std::size_t n)
{
	keep(p.get(sizeof(part))); //= ns::pool::get: part [sizeof]
	keep(q->get(n * sizeof(buffer))); //= ns::pool::get: buffer [sizeof]
	keep(static_cast<part *>(q->get(n))); //= ns::pool::get: part [cast]
}
