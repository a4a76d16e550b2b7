"""Where the headers of the packs' libraries come from: packages and sources of Debian, an npm package for SQLite."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import jqsource

from . import headers
from .headers import Declaration

TIMEOUT = 300


@dataclass(frozen=True)
class Library:
    """Where the declarations of a pack's functions come from.

    Attributes:
        pack: name of the pack.
        declared: fetches headers into a folder and gives what they declare.
        share: how much of the pack these headers must know at least; the rest is internal, or of a later version.
    """

    pack: str
    declared: Callable[[Path], dict[str, Declaration]]
    share: float


def declared_by(
    folder: Path, names: list[str], includes: list[Path], defines: tuple[str, ...] = (), suffix: str = ".c"
) -> dict[str, Declaration]:
    """What a source file that includes these headers knows."""
    unit = folder / f"unit{suffix}"
    unit.write_text("".join(f"#include <{name}>\n" for name in names))
    return headers.declarations([unit], includes, list(defines))


def apr(folder: Path) -> dict[str, Declaration]:
    """APR and APR-util, as applications see them."""
    packages = [headers.debian(name, folder) for name in ("libapr1-dev", "libaprutil1-dev")]
    includes = [package / "usr/include/apr-1.0" for package in packages]
    names = ["apr_pools.h", "apr_allocator.h", "apr_strings.h", "apr_buckets.h"]
    plain = declared_by(folder, names, includes, ("_GNU_SOURCE",))
    return declared_by(folder, names, includes, ("_GNU_SOURCE", "APR_POOL_DEBUG=1")) | plain


def talloc(folder: Path) -> dict[str, Declaration]:
    """The only header of talloc."""
    return declared_by(folder, ["talloc.h"], [headers.debian("libtalloc-dev", folder) / "usr/include"])


def jemalloc(folder: Path) -> dict[str, Declaration]:
    """The header as a build of jemalloc with the prefix je_ has it: there je_malloc is no macro for malloc."""
    original = headers.debian("libjemalloc-dev", folder) / "usr/include/jemalloc/jemalloc.h"
    text = re.sub(r"(?m)^#\s*define je_(\w+) \1$", "", original.read_text())
    (folder / "prefixed.h").write_text(text)
    return declared_by(folder, ["prefixed.h"], [folder])


def mimalloc(folder: Path) -> dict[str, Declaration]:
    """The only header of mimalloc."""
    package = headers.debian("libmimalloc-dev", folder)
    header = next(package.glob("usr/**/mimalloc.h"))
    return declared_by(folder, [header.name], [header.parent])


def tcmalloc(folder: Path) -> dict[str, Declaration]:
    """gperftools, C++: tc_new and its like are declared for C++ only."""
    include = headers.debian("libgoogle-perftools-dev", folder) / "usr/include"
    names = ["gperftools/tcmalloc.h", "gperftools/nallocx.h", "gperftools/malloc_extension_c.h"]
    found = declared_by(folder, names, [include, *cxx_includes()], suffix=".cc")
    return {name: ([as_c(kind) for kind in kinds], as_c(result)) for name, (kinds, result) in found.items()}


def libuv(folder: Path) -> dict[str, Declaration]:
    """The sources of libuv."""
    top = source("libuv1", folder)
    return declared_by(folder, ["uv.h", "uv-common.h"], [top / "include", top / "src"], ("_GNU_SOURCE",))


def curl(folder: Path) -> dict[str, Declaration]:
    """Public headers of libcurl and those that it is built with, debug build included."""
    top = source("curl", folder)
    sources = [top / "include", top / "lib"]
    public = declared_by(folder, ["curl/curl.h", "curl/mprintf.h"], sources)
    defines = (
        "CURLDEBUG", "HAVE_RECV", "HAVE_SEND", "HAVE_STDBOOL_H", "HAVE_BOOL_T", "HAVE_SYS_TIME_H", "HAVE_UNISTD_H",
        "HAVE_STRUCT_TIMEVAL", "HAVE_SYS_TYPES_H", "HAVE_SYS_SOCKET_H", "HAVE_LONGLONG", "SIZEOF_CURL_OFF_T=8",
    )  # fmt: skip
    names = ["curl_setup.h", "strdup.h", *(["memdebug.h"] if (top / "lib/memdebug.h").exists() else [])]
    return declared_by(folder, names, sources, defines) | public


def ruby(folder: Path) -> dict[str, Declaration]:
    """Ruby as extensions see it, and what its own sources share."""
    name = newest(r"ruby[0-9.]+-dev")
    package = headers.debian(name, folder)
    config = next(package.glob("usr/include/*/ruby-*/ruby/config.h"))
    main = next(package.glob("usr/include/ruby-*/ruby.h"))
    top = source(name.removesuffix("-dev"), folder)
    names = ["ruby.h", "ruby/util.h", "internal/gc.h"]
    return declared_by(folder, names, [main.parent, config.parents[1], top])


def postgres(folder: Path) -> dict[str, Declaration]:
    """PostgreSQL as extensions of the server see it, and as client programs do."""
    package = headers.debian(newest(r"postgresql-server-dev-[0-9]+"), folder)
    server = next(package.glob("usr/include/postgresql/*/server"))
    client = headers.debian("libpq-dev", folder) / "usr/include"
    names = ["postgres.h", "utils/memutils.h", "executor/spi.h", "storage/shmem.h", "utils/guc.h"]
    found = declared_by(folder, names, [server])
    return declared_by(folder, ["postgres_fe.h"], [server, client, client / "postgresql"]) | found


def git(folder: Path) -> dict[str, Declaration]:
    """The sources of git; some for their static functions."""
    top = source("git", folder)
    names = ["git-compat-util.h", "strbuf.h", "mem-pool.h", "alloc.h", "path.h", "reftable/basics.h"]
    names += ["xdiff/xinclude.h"]
    units = [top / name for name in ("alloc.c", "dir.c", "gpg-interface.c", "sequencer.c") if (top / name).exists()]
    found = headers.declarations(units, [top], [])
    return declared_by(folder, [name for name in names if (top / name).exists()], [top]) | found


def redis(folder: Path) -> dict[str, Declaration]:
    """The sources of Redis: some functions are declared where they are defined only."""
    top = source("redis", folder)
    deps = top / "deps"
    client = declared_by(folder, ["hiredis.h", "sds.h"], [deps / "hiredis"])
    includes = [top / "src", *(deps / name for name in ("hiredis", "lua/src", "linenoise", "hdr_histogram"))]
    units = [top / "src/sds.c", top / "src/module.c"]
    return headers.declarations(units, includes, ["HAVE_DEFRAG"]) | client


def sqlite(folder: Path) -> dict[str, Declaration]:
    """The amalgamation of SQLite, which has the functions of its separate sources as static ones."""
    package = npm("sqlite3@6.0.1", folder)
    run(["tar", "-xf", *map(str, package.glob("deps/sqlite-autoconf-*.tar.gz"))], dict(os.environ), folder)
    units = list(folder.glob("sqlite-autoconf-*/sqlite3.c"))
    defines = ["SQLITE_ENABLE_MEMSYS5", "SQLITE_ENABLE_FTS3", "SQLITE_ENABLE_FTS5"]
    # MEMSYS5 leaves no place for MEMSYS3
    return headers.declarations(units, [], ["SQLITE_ENABLE_MEMSYS3"]) | headers.declarations(units, [], defines)


def openssl(folder: Path) -> dict[str, Declaration]:
    """Public headers of libcrypto."""
    include = headers.debian("libssl-dev", folder) / "usr/include"
    config = next(include.glob("*/openssl")).parent
    return declared_by(folder, ["openssl/crypto.h", "openssl/bn.h", "openssl/asn1.h"], [include, config])


def libxml2(folder: Path) -> dict[str, Declaration]:
    """Public headers of libxml2."""
    include = headers.debian("libxml2-dev", folder) / "usr/include/libxml2"
    names = ["libxml/xmlmemory.h", "libxml/tree.h", "libxml/entities.h", "libxml/uri.h"]
    return declared_by(folder, names, [include])


def jq(folder: Path) -> dict[str, Declaration]:
    """The sources of jq with the bundled Oniguruma."""
    try:
        top = Path(jqsource.unpack(jqsource.fetch(str(folder)), str(folder)))
    except jqsource.UnavailableError as error:
        pytest.skip(f"needs jq's source: {error}")
    units = [top / "src/lexer.c", top / "src/jv_dtoa.c"]
    names = ["jv_alloc.h", "oniguruma.h"]
    found = declared_by(folder, names, [top / "src", top / "vendor/oniguruma/src"])
    return headers.declarations(units, [top / "src"], []) | found


def glib(folder: Path) -> dict[str, Declaration]:
    """GLib without GObject."""
    package = headers.debian("libglib2.0-dev", folder)
    config = next(package.glob("usr/lib/*/glib-2.0/include"))
    return declared_by(folder, ["glib.h", "glib/gprintf.h"], [package / "usr/include/glib-2.0", config])


def libiberty(folder: Path) -> dict[str, Declaration]:
    """The sources of libiberty: its package has no obstack.h."""
    names = ["libiberty.h", "demangle.h", "objalloc.h", "obstack.h", "stdlib.h"]
    return declared_by(folder, names, [source("libiberty", folder) / "include"])


def gnulib(folder: Path) -> dict[str, Declaration]:
    """The modules of gnulib, with what its configure scripts would define."""
    lib = headers.debian("gnulib", folder) / "usr/share/gnulib/lib"
    names = [
        "xalloc.h", "ialloc.h", "alignalloc.h", "xmalloca.h", "xvasprintf.h", "c-xvasprintf.h", "xstrndup.h",
        "xmemdup0.h", "xgetcwd.h", "xgethostname.h", "xgetdomainname.h", "xreadlink.h", "areadlink.h", "dirname.h",
        "filenamecat.h", "concat-filename.h", "canonicalize.h", "xstriconv.h", "quotearg.h", "trim.h", "mgetgroups.h",
        "obstack.h", "stdlib.h",
    ]  # fmt: skip
    text = "".join(path.read_text() for path in lib.glob("*.h"))
    calls = set(re.findall(r"\b_GL_ATTRIBUTE_\w+(?= \()", text))
    words = set(re.findall(r"\b_GL_ATTRIBUTE_\w+", text)) - calls
    modules = set(re.findall(r"\bGNULIB_\w+", text))
    defines = [f"{name}(...)=" for name in calls] + [f"{name}=" for name in words] + [f"{name}=1" for name in modules]
    system = ["_GNU_SOURCE", "HAVE_ALLOCA=1", "HAVE_ICONV=1"]
    inline = ["_GL_INLINE=static inline", "_GL_INLINE_HEADER_BEGIN=", "_GL_INLINE_HEADER_END="]
    found = declared_by(folder, names, [lib], (*defines, *system, *inline))
    # its <stdlib.h> and so on are templates that rename libc's functions
    names = re.findall(r"#\s*define (\w*(?:alloc\w*|free|align|dup)) rpl_\1\b", text)
    renamed = [f"{name}=rpl_{name}" for name in names]
    return declared_by(folder, ["stdlib.h", "string.h", "malloc.h"], [], ("_GNU_SOURCE", *renamed)) | found


def perl(folder: Path) -> dict[str, Declaration]:
    """Perl as its own sources see it, with libc's malloc and with its own."""
    package = headers.debian(newest(r"libperl5\.[0-9]+"), folder)
    header = next(package.glob("usr/lib/*/perl/*/CORE/perl.h"))
    names, defines = ["EXTERN.h", "perl.h"], ("PERL_CORE", "_GNU_SOURCE", "_REENTRANT")
    found = declared_by(folder, names, [header.parent], (*defines, "MYMALLOC"))
    return found | declared_by(folder, names, [header.parent], defines)


def python(folder: Path) -> dict[str, Declaration]:
    """CPython as its own sources see it."""
    include = headers.debian(newest(r"libpython3\.[0-9]+-dev"), folder) / "usr/include"
    names = ["Python.h", "internal/pycore_pymem.h", "internal/pycore_pyarena.h", "internal/pycore_interp.h"]
    return declared_by(folder, names, [next(include.glob("python3*")), include], ("Py_BUILD_CORE",))


def lua(folder: Path) -> dict[str, Declaration]:
    """The sources of Lua 5.3 and 5.4; lauxlib.c for its static function."""
    found: dict[str, Declaration] = {}
    for package in ("lua5.3", "lua5.4"):
        src = source(package, folder) / "src"
        found |= declared_by(folder, ["lua.h", "lauxlib.h", "lmem.h", "lgc.h", "stdlib.h"], [src])
        found |= headers.declarations([src / "lauxlib.c"], [src], [])
    return found


LIBRARIES = [
    Library("apr", apr, 0.9),
    Library("talloc", talloc, 1.0),
    Library("jemalloc", jemalloc, 0.85),
    Library("mimalloc", mimalloc, 0.8),
    Library("tcmalloc", tcmalloc, 0.9),
    Library("libuv", libuv, 1.0),
    Library("curl", curl, 0.75),
    Library("ruby", ruby, 0.9),
    Library("postgres", postgres, 0.8),
    Library("git", git, 0.9),
    Library("redis", redis, 0.8),
    Library("sqlite", sqlite, 1.0),
    Library("openssl", openssl, 0.7),
    Library("libxml2", libxml2, 0.9),
    Library("jq", jq, 1.0),
    Library("glib", glib, 0.95),
    Library("libiberty", libiberty, 1.0),
    Library("gnulib", gnulib, 1.0),
    Library("perl", perl, 1.0),
    Library("python", python, 0.85),
    Library("lua", lua, 0.8),
]


def newest(pattern: str) -> str:
    """The Debian package of the highest version number in its name."""
    try:
        names = run(["apt-cache", "pkgnames"], dict(os.environ)).split()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"needs Debian's package lists: {error}")
    found = [name for name in names if re.fullmatch(pattern, name)]
    if not found:
        pytest.skip(f"needs a Debian package called {pattern}; is `apt-get update` needed?")
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def source(package: str, folder: Path) -> Path:
    """Upstream's sources of a Debian package."""
    top = folder / f"{package}.source"
    try:
        environment = {**os.environ, "APT_CONFIG": str(apt_of_sources(folder.parent / "apt"))}
        top.mkdir(exist_ok=True)
        run(["apt-get", "-q", "source", "--download-only", "--tar-only", package], environment, top)
        archive = next(path for path in top.glob("*.orig.tar.*") if path.suffix != ".asc")
        run(["tar", "-xf", str(archive)], environment, top)
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        lines = (getattr(error, "stderr", None) or str(error) or "no archive came").strip().splitlines()
        told = next((line for line in lines if line.startswith("E: ")), lines[-1])
        pytest.skip(f"needs the sources of Debian's package {package}: {told}")
    return next(path for path in top.iterdir() if path.is_dir())


def npm(requirement: str, folder: Path) -> Path:
    """A package of npm, unpacked."""
    try:
        run(["npm", "pack", "--silent", requirement], dict(os.environ), folder)
        run(["tar", "-xf", str(next(folder.glob("*.tgz")))], dict(os.environ), folder)
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        lines = (getattr(error, "stderr", None) or str(error) or "no archive came").strip().splitlines()
        pytest.skip(f"needs npm's package {requirement}: {lines[0]}")
    return folder / "package"


def apt_of_sources(folder: Path) -> Path:
    """A configuration of apt with package lists of sources, which the system has none of; made once per run."""
    draft, config = folder / "draft.conf", folder / "apt.conf"
    if config.exists():
        return config
    if draft.exists():
        pytest.skip("needs Debian's package lists: they could not be fetched")
    show = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    indexes = sorted(set(run(show, dict(os.environ)).splitlines()))
    # Not the archive of security updates: what upstream released lies in the main one.
    debian = [index for index in indexes if re.search(r"/debian/? ", index)]
    if not debian:
        pytest.skip("needs Debian's package lists: apt knows no archive of Debian")
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text("".join(f"deb-src {index}\n" for index in debian))
    text = (
        f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "{folder}/none";\n'
        f'Dir::State::Lists "{folder}/lists";\nDir::Cache "{folder}/cache";\nAPT::Sandbox::User "root";\n'
        'APT::Update::Error-Mode "any";\nAcquire::Retries "1";\n'
    )
    draft.write_text(text)
    run(["apt-get", "-q", "update"], {**os.environ, "APT_CONFIG": str(draft)})
    return draft.rename(config)  # only an update that worked counts


def run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command, env=environment, cwd=folder, check=True, capture_output=True, text=True, timeout=TIMEOUT
    )
    return done.stdout


def cxx_includes() -> list[Path]:
    """Where g++ has C++'s headers."""
    compiler = shutil.which("g++")
    if not compiler:
        pytest.skip("needs g++ for C++'s headers")
    command = [compiler, "-E", "-v", "-x", "c++", os.devnull]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stderr
    listed = told.partition("search starts here:\n#include <...>")[2] or told.partition("#include <...>")[2]
    folders = listed.partition("\n")[2].partition("End of search list")[0].splitlines()
    return [Path(line.strip()) for line in folders if "c++" in line]


def as_c(kind: str) -> str:
    """What a C++ type is to a C caller: a reference is a pointer, std::align_val_t an enumeration over size_t."""
    kind = kind.replace("std::align_val_t", "unsigned long")
    return kind.replace("&", "*").replace("std::nothrow_t", "void")
