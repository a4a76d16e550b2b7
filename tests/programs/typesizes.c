/* How large the chunks of typed primitives are. With POOL: the primitives themselves. */
#ifdef __cplusplus
#define API extern "C"
#else
#define API
#endif

struct leaf {
	short s[3];
};
struct wide {
	char c[70001]; /* more than the index' blocks */
};
struct huge {
	char c[1 << 20];
};
struct hidden;

API struct leaf *leaf_new(int kind);
API struct wide *wide_new(int kind);
API struct huge *huge_new(int kind);
API struct hidden *hidden_new(int kind);
API void *raw_new(int kind);
API struct leaf *made(void);
API void *wrapped(unsigned long size);

#ifdef POOL

static _Alignas(64) char pool[16 << 20];
static unsigned long used;

static void *carve(int kind)
{
	used += 1 << 20;
	return &pool[used - kind * 64];
}

struct leaf *leaf_new(int kind) { return (struct leaf *)carve(kind); }
struct wide *wide_new(int kind) { return (struct wide *)carve(kind); }
struct huge *huge_new(int kind) { return (struct huge *)carve(kind); }
struct hidden *hidden_new(int kind) { return (struct hidden *)carve(kind); }
void *raw_new(int kind) { return carve(kind); }
struct leaf *made(void) { return (struct leaf *)raw_new(0); }
void *wrapped(unsigned long size) { return size ? leaf_new(0) : 0; }

#else
#include "tell.h"

static void ends(const char *name, void *chunk, unsigned long size)
{
	tell(name, chunk);
	tell(name, (char *)chunk + size - 1);
	tell(name, (char *)chunk + size);
}

#ifdef __cplusplus
template <class T> static T *instance() { return static_cast<T *>(raw_new(4)); }
template <int kind> static leaf *same() { return leaf_new(kind); }
#endif

int main(void)
{
	ends("leaf", leaf_new(7), sizeof(struct leaf));
	ends("wide", wide_new(0), sizeof(struct wide));
	ends("huge", huge_new(1), 1);
	ends("hidden", hidden_new(2), 1);
	struct wide *cast = (struct wide *)raw_new(3);
	ends("cast", cast, sizeof *cast);
	ends("made", made(), sizeof(struct leaf));
	struct leaf *leaf = (struct leaf *)wrapped(sizeof(struct leaf));
	ends("wrapped", leaf, sizeof *leaf);
#ifdef __cplusplus
	ends("instance", instance<wide>(), 1);
	ends("same", same<5>(), sizeof(struct leaf));
#endif
	return 0;
}
#endif
