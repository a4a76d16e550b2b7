"""Which functions are suggested, and which look like it and are not (R15)."""

from pathlib import Path

import pytest

from .reading import knowledge, suggestions

WRAPPERS = {
    "checked": ("void *get(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }", "get(Z)p"),
    "retried": (
        "void gc(void); void *get(size_t n) { void *p; while (!(p = malloc(n))) gc(); return p; }", "get(Z)p",
    ),
    "product": ("void *get(size_t n, size_t size) { return malloc(n * size); }", "get(zZ)p"),
    "cleared": ("void *get(size_t n, size_t size) { return calloc(n, size); }", "get(zZ)p"),
    "int size": ("void *get(int n) { if (n <= 0) return 0; return malloc(n); }", "get(I)p"),
    "header": ("void *get(size_t n) { size_t *p = malloc(n + 16); *p = n; return (char *)p + 16; }", "get(Z)p"),
    "context": ("struct vm; void *get(struct vm *vm, size_t n) { return malloc(n); }", "get(pZ)p"),
    "copy": ("void *get(const void *from, size_t n) { return memcpy(malloc(n), from, n); }", "get(pZ)p"),
    "resize": ("void *get(void *p, size_t n) { p = realloc(p, n); if (!p) abort(); return p; }", "get(PZ)p"),
    "old size": (
        "void *get(void *u, void *p, size_t old, size_t n)"
        "{ if (!n) { free(p); return 0; } return realloc(p, n); }", "get(pPaZ)p",
    ),
    "string": ("char *get(const char *s) { char *p = strdup(s); if (!p) abort(); return p; }", "get(S)p"),
    "length": ("char *get(const char *s) { size_t n = strlen(s) + 1; return memcpy(malloc(n), s, n); }", "get(S)p"),
    "span": (
        "char *get(const char *from, const char *to) { char *p = malloc(to - from + 1); return p; }", "get(ss)p",
    ),
    "by pointer": ("int get(void **out, size_t n) { *out = malloc(n); return *out ? 0 : -1; }", "get(P*Z)i"),
    "list": (
        "struct node { struct node *next; }; static struct node *spare;"
        "void *get(size_t n) { if (spare) { struct node *p = spare; spare = p->next; return p; } return malloc(n); }",
        "get(Z)p",
    ),
    "block": (
        "struct pool { char *at; };"
        "void *get(struct pool *pool, size_t n) { char *p = pool->at; pool->at += n; return p; }", "get(pZ)p",
    ),
    "block by index": (
        "struct pool { size_t used; char memory[4096]; };"
        "void *get(struct pool *pool, size_t n) { char *p = &pool->memory[pool->used]; pool->used += n; return p; }",
        "get(pZ)p",
    ),
    "table": (
        "static struct { void *(*alloc)(size_t); void (*drop)(void *); } table = { malloc, free };"
        "void *get(size_t n) { return table.alloc(n); }", "get(Z)p",
    ),
    "pointer that is set": (
        "static void *(*hook)(size_t); void set(void *(*to)(size_t)) { hook = to; } void begin(void) { set(malloc); }"
        "void *get(size_t n) { return hook(n); }", "get(Z)p",
    ),
    "format": (
        "struct text { char *at; }; void put(struct text *t, const char *f, va_list a) { t->at = malloc(100); }"
        "char *take(struct text *t) { return t->at; }"
        "char *get(const char *f, ...) { va_list a; struct text t = {0}; put(&t, f, a); return take(&t); }",
        "get(s.)p",
    ),
    "macro of GNU C": ("void *get(size_t n) { return ({ void *p = malloc(n); if (!p) abort(); p; }); }", "get(Z)p"),
}  # fmt: skip

OTHERS = {
    "constructor": "struct foo { int a; }; struct foo *get(void) { return malloc(sizeof(struct foo)); }",
    "array": "struct foo { int a; }; struct foo *get(size_t n) { return malloc(n * sizeof(struct foo)); }",
    "tail": "struct foo { int a; char s[]; }; struct foo *get(size_t n) { return malloc(sizeof(struct foo) + n); }",
    "getter": "struct s { char *p; }; char *get(struct s *s) { return s->p; }",
    "filled getter": "struct s { char *p; }; void fill(struct s *s) { s->p = malloc(9); } char *get(struct s *s)"
    "{ return s->p; }",
    "buffer that grows": "struct s { char *p; }; char *get(struct s *s, size_t n)"
    "{ s->p = realloc(s->p, n); return s->p; }",
    "caller's memory": "char *get(char *to, size_t n) { char *p = malloc(n); memcpy(to, p, n); free(p); return to; }",
    "constant": "const char *get(size_t n) { char *p = malloc(n); return p; }",
    "no allocation": "void *get(size_t n) { static char memory[64]; return memory; }",
    "number": "size_t get(size_t n) { void *p = malloc(n); free(p); return n; }",
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_are_suggested(name: str, tmp_path: Path) -> None:
    """R15: a function that passes on what its caller asks for, with its signature."""
    text, signature = WRAPPERS[name]
    assert suggestions(tmp_path, one=text)["get"].signature == signature


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_not(name: str, tmp_path: Path) -> None:
    """R15: memory with a type of its own, or that is nobody's to free, is no wrapper's."""
    assert "get" not in suggestions(tmp_path, one=OTHERS[name])


def test_wrappers_of_wrappers_in_other_files(tmp_path: Path) -> None:
    """R15: a wrapper that nobody declared yet counts for those that call it."""
    found = suggestions(
        tmp_path,
        one="void *inner(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }",
        two="void *inner(size_t); void *outer(size_t n, size_t m) { return inner(n * m); }",
    )
    assert found["outer"].signature == "outer(zZ)p"
    assert found["outer"].via == ("inner",)


def test_static_functions_have_their_file(tmp_path: Path) -> None:
    """R15: named as the config names them; one that only wrappers call explains no site, one in a header is inline."""
    text = (
        "static void *inner(size_t n) { return malloc(n); } void *outer(size_t n) { return inner(n); }"
        "static void *own(size_t n) { return malloc(n); } struct foo { int a; };"
        "void use(void) { struct foo *a = own(sizeof *a), *b = own(sizeof *b); }"
    )
    assert set(suggestions(tmp_path, one=text)) == {"outer", "one.c::own"}
    assert "one.c::own" not in suggestions(tmp_path, one=f'# 1 "one.h"\n{text}')


def test_what_a_function_explains_is_counted(tmp_path: Path) -> None:
    """R15: calls by functions that are no wrappers themselves."""
    text = "void *get(size_t n) { return malloc(n); } void *more(size_t n) { return get(n); }"
    text += "void use(void) { free(get(1)); free(get(2)); }"
    assert suggestions(tmp_path, one=text)["get"].callers == 2


FREE = "void *get(size_t n) { return malloc(n); }"


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("void drop(void *p) { if (p) free(p); } void use(void) { drop(0); }", "drop(P)"),
        ("void drop(void *p) { free((char *)p - 16); } void use(void) { drop(0); }", "drop(P)"),
        ("void *re(void *p, size_t n) { return realloc(p, n); }"
         "void drop(void *p, size_t n) { re(p, 0); } void use(void) { drop(0, 0); }", "drop(Pz)"),
        ("struct s { char *a; }; void drop(struct s *p) { free(p->a); free(p); } void use(void) { drop(0); }", ""),
        ("struct s { int a; }; void drop(void *q) { struct s *p = q; if (p->a) return; free(p); }"
         "void use(void) { drop(0); }", ""),
        ("void drop(void *p, void (*how)(void *)) { how(p); } void use(void) { drop(0, free); }", ""),
        ("void close(void *); void drop(void *p) { close(p); } void use(void) { drop(0); }", ""),
    ],
)  # fmt: skip
def test_free_functions(text: str, signature: str, tmp_path: Path) -> None:
    """R15: a function that passes any chunk on to `free`, beside one that allocates; a destructor of a type is none."""
    found = suggestions(tmp_path, one=FREE + text)
    assert (found["drop"].signature if "drop" in found else "") == signature


def test_a_region_is_freed(tmp_path: Path) -> None:
    """R15: what frees the blocks that pieces are taken from frees the region."""
    text = (
        "struct block { struct block *next; char *at; }; struct pool { struct block *blocks; };"
        "void *get(struct pool *pool, size_t n) { struct block *b = pool->blocks; char *p;"
        " if (!b) { b = malloc(4096); b->at = (char *)(b + 1); pool->blocks = b; }"
        " p = b->at; b->at += n; return p; }"
        "void drop(struct pool *pool) { struct block *b = pool->blocks, *next;"
        " while (b) { next = b->next; free(b); b = next; } }"
    )
    found = suggestions(tmp_path, one=text)
    assert (found["get"].kind, found["get"].list, found["get"].signature) == ("allocator", "alloc", "get(pZ)p")
    assert (found["drop"].kind, found["drop"].list, found["drop"].signature) == ("allocator", "free-all", "drop(P)")


def test_recursion_ends(tmp_path: Path) -> None:
    """R15: functions and variables that depend on themselves."""
    text = "void *a(size_t); void *b(size_t n) { void *p = a(n); void *q = p; p = q; return p; }"
    text += "void *a(size_t n) { size_t m = n; m = m * 2 + m; return m ? b(m) : malloc(m); }"
    known = knowledge(tmp_path, one=text)
    assert {"a", "b"} <= set(known.fresh)
