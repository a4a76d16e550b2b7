/* methods and inline functions that are wrappers */
#include "tell.h"
#include <cstdlib>

namespace ns {
class pool {
public:
	void *get(unsigned long n) { return std::malloc(n); }
	void *far(unsigned long n);
	static void *shared(unsigned long n) { return std::malloc(n); }
};
void *pool::far(unsigned long n) { return std::malloc(n); }
} // namespace ns
extern "C" void *c_get(unsigned long n) { return std::malloc(n); }

int main()
{
	ns::pool p;
	tell("get", p.get(sizeof(int)));
	tell("far", p.far(sizeof(long)));
	tell("shared", ns::pool::shared(sizeof(short)));
	tell("c_get", c_get(sizeof(double)));
}
