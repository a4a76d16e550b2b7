/* sites.h: what module.c, sites.c and layout.c share */
#ifndef ALLOCS_SITES_H
#define ALLOCS_SITES_H

#include "rt.h"

#define RECORD_CANDIDATE (1u << 10) /* its callee is no wrapper, as far as the compile phase knew */
#define EVIDENCE_KINDS 12

#pragma GCC visibility push(hidden)

extern struct allocs_module *rt_modules;
extern const char *const rt_evidence_names[EVIDENCE_KINDS];

HOT const char *record_at(const int32_t *field) { return *field ? (const char *)field + *field : 0; }
HOT uintptr_t record_address(const struct site_record *r) { return (uintptr_t)record_at(&r->return_address); }

/* callers of these hold the lock */
void sites_learn(void);                              /* a module came: what was asked for too early is known now */
void sites_forget(uintptr_t low, uintptr_t high); /* its module goes, and its addresses may come back as others */

#pragma GCC visibility pop
#endif
