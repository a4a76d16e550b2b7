/* The contract's types have a name. */
#ifndef CONTRACT_UNIQTYPE_H
#define CONTRACT_UNIQTYPE_H
struct uniqtype {
	const char *name;
	int array; /* whether the chunk may hold several */
};
#define NAME_FOR_UNIQTYPE(type) ((type)->name)
#endif
