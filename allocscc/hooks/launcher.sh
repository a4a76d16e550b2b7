# Sourced by bin/allocscc (POSIX sh: it starts in a millisecond, Python in twenty).
#
# In:  $name (what we were called), $here (folder of the launcher), $root (its prefix), $ALLOCSCC_HOME (the package).
# Out: executes the real compiler driver with its arguments unchanged and our hooks first on COMPILER_PATH
#      (docs/architecture.md, "Ride the driver"), or the linker hook, or the allocs tool.

warn() { printf '%s: warning: %s\n' "$name" "$1" >&2; }

# Set $found to the absolute path of program $1 on PATH, never this launcher itself (masquerade folders).
# No $(…) here and below where it can be helped: each costs a fork, and every compile pays.
real_program() {
	found=$1
	case $1 in
	*/*) return ;;
	esac
	rest=$PATH:
	while [ -n "$rest" ]; do
		dir=${rest%%:*}
		rest=${rest#*:}
		found=${dir:-.}/$1
		if [ -x "$found" ] && [ ! -d "$found" ] && ! [ "$found" -ef "$self" ]; then
			return
		fi
	done
	return 1
}

# The interpreter itself, not a version manager's shim: a shim takes several times as long to start.
find_python() {
	for ALLOCSCC_PYTHON in "$here/python3" "$root/.venv/bin/python3"; do
		[ ! -x "$ALLOCSCC_PYTHON" ] || return 0
	done
	for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
		ALLOCSCC_PYTHON=$("$candidate" -I -S -c \
			'import sys; sys.exit(sys.version_info < (3, 11) or print(sys.executable))' 2>/dev/null) && return
	done
	ALLOCSCC_PYTHON=
}

[ -n "${ALLOCSCC_PYTHON-}" ] || find_python
# Python runs with -I -S (no site module, no PYTHON* variables), so it is told where to import from.
ALLOCSCC_PATH=${ALLOCSCC_HOME%/allocscc}
for dir in "${ALLOCSCC_PYTHON%/bin/*}"/lib/python3*/site-packages "$root"/.venv/lib/python3*/site-packages; do
	[ -d "$dir" ] && ALLOCSCC_PATH=$ALLOCSCC_PATH:$dir # the second where another user may not run the first's Python
done
export ALLOCSCC_PYTHON ALLOCSCC_HOME ALLOCSCC_PATH

case $name in
allocs)
	if [ -z "$ALLOCSCC_PYTHON" ]; then
		echo "allocs: no python3 of version 3.11 or newer was found on PATH; install one, or set ALLOCSCC_PYTHON" >&2
		exit 70
	fi
	exec "$ALLOCSCC_PYTHON" -I -S "$ALLOCSCC_HOME/cli/start.py" "$@"
	;;
allocsld)
	if [ -z "$ALLOCSCC_PYTHON" ]; then
		warn "no python3 of version 3.11 or newer was found; linking without allocscc"
		exec ld "$@"
	fi
	exec "$ALLOCSCC_PYTHON" -I -S "$ALLOCSCC_HOME/link/start.py" ld "$@"
	;;
*++*) driver=${ALLOCSCC_CXX:-g++} ;;
*) driver=${ALLOCSCC_CC:-gcc} ;;
esac

# ALLOCSCC_CC may hold words before the compiler ("ccache gcc") and options behind it ("gcc -m64").
last_word=$driver
case $driver in
*[!\ ]\ *)
	set -f
	# shellcheck disable=SC2086  # the words are wanted
	set -- $driver "$@"
	set +f
	driver=$1
	case $2 in -*) last_word=$1 ;; *) last_word=$2 ;; esac
	shift
	;;
esac
real_program "$driver" || {
	echo "$name: the compiler '$driver' is not on PATH; set ALLOCSCC_CC or ALLOCSCC_CXX to one that is" >&2
	exit 127
}
real=$found

# Questions are answered by the compiler alone: libtool would bake a hook's path into what it generates.
input=
lines=no # whether the user's own options give the assembly line numbers (or where that can't be told)
for arg in "$@"; do
	case $arg in
	-g0) lines=no ;;
	-g | -g[1-9]* | -ggdb* | -gdwarf | -gdwarf-* | -gline-* | -gmlt | -gfull | -gused | -gmodules | @* | -S | --) lines=yes ;;
	esac
	case $arg in
	-print-* | --print-* | --version | -dump* | --help* | --target-help | -E | -M | -MM) exec "$real" "$@" ;;
	-?*) ;;
	*) input=yes ;;
	esac
done
[ -n "$input" ] || exec "$real" "$@"
if [ -z "$ALLOCSCC_PYTHON" ]; then
	warn "no python3 of version 3.11 or newer was found; building as plain $driver would"
	exec "$real" "$@"
fi

# clang compiles in its own process: what the backend wants of the compiler can be said only here. Who has neither a
# variable nor a file that speaks of a backend pays nothing.
case ${last_word##*/} in
*clang*)
	asked=${LIBALLOCS-}${ALLOCSCC_BACKEND-}${ALLOCSCC_CONFIG-}
	dir=$PWD
	for file in /etc/allocscc.toml "${XDG_CONFIG_HOME:-${HOME-}/.config}/allocscc.toml"; do
		[ -n "$asked" ] || [ ! -f "$file" ] || asked=$(grep -s backend "$file")
	done
	while [ -z "$asked" ] && [ -n "$dir" ]; do
		[ ! -f "$dir/allocscc.toml" ] || asked=$(grep -s backend "$dir/allocscc.toml")
		dir=${dir%/*}
	done
	flags=
	[ -z "$asked" ] || flags=$("$ALLOCSCC_PYTHON" -I -S "$ALLOCSCC_HOME/backends/flags.py" clang)
	for flag in $flags; do
		case $flag in
		-g*) lines=yes ;;
		esac
	done
	# shellcheck disable=SC2086  # the words are wanted; the user's own stand behind them and win
	[ -z "$flags" ] || set -- --start-no-unused-arguments $flags --end-no-unused-arguments "$@"
	;;
esac

# A compiler cache below us must not hand out objects that were made without us, or with another config.
case ${driver##*/} in
ccache | sccache)
	CCACHE_NAMESPACE="${CCACHE_NAMESPACE-}allocscc $(cksum "$ALLOCSCC_HOME/__init__.py" | cut -d' ' -f1)"
	CCACHE_NAMESPACE="$CCACHE_NAMESPACE ${LIBALLOCS_ALLOC_FNS-} ${LIBALLOCS_FREE_FNS-} ${LIBALLOCS_ALLOCSZ_FNS-} ${LIBALLOCS_ALLOCSITE_OVERRIDE-}"
	CCACHE_NAMESPACE="$CCACHE_NAMESPACE ${LIBALLOCS_SUBALLOC_FNS-} ${LIBALLOCS_SUBFREE_FNS-}"
	CCACHE_NAMESPACE="$CCACHE_NAMESPACE ${LIBALLOCS-} ${ALLOCSCC_BACKEND-}"
	dir=$PWD
	while [ -n "$dir" ]; do
		[ -f "$dir/allocscc.toml" ] && CCACHE_EXTRAFILES="${CCACHE_EXTRAFILES+$CCACHE_EXTRAFILES:}$dir/allocscc.toml"
		dir=${dir%/*}
	done
	for file in $(IFS=:; printf '%s\n' ${ALLOCSCC_CONFIG-}); do
		CCACHE_EXTRAFILES="${CCACHE_EXTRAFILES+$CCACHE_EXTRAFILES:}$file"
	done
	export CCACHE_NAMESPACE
	[ -z "${CCACHE_EXTRAFILES-}" ] || export CCACHE_EXTRAFILES
	;;
esac

# A linker that is hooked, and so what it runs, a plugin or a make, has our hooks there: behind them we would find ourselves.
case ${COMPILER_PATH-} in
*/allocscc/hooks/*)
	rest=$COMPILER_PATH:
	COMPILER_PATH=
	while [ -n "$rest" ]; do
		dir=${rest%%:*}
		rest=${rest#*:}
		case $dir/ in
		*/allocscc/hooks/*) ;;
		*) COMPILER_PATH=$COMPILER_PATH${COMPILER_PATH:+:}$dir ;;
		esac
	done
	;;
esac

ALLOCSCC_REAL=$real
ALLOCSCC_COMPILER_PATH=${COMPILER_PATH-}
case ${last_word##*/} in
*clang*)
	hooks=$ALLOCSCC_HOME/hooks/clang
	ALLOCSCC_FAMILY=clang
	;;
*)
	hooks=$ALLOCSCC_HOME/hooks/gcc
	ALLOCSCC_FAMILY=gcc
	;;
esac
COMPILER_PATH=$hooks${COMPILER_PATH:+:$COMPILER_PATH}
export ALLOCSCC_REAL ALLOCSCC_COMPILER_PATH ALLOCSCC_FAMILY COMPILER_PATH
if [ "$ALLOCSCC_FAMILY" = clang ]; then
	# clang compiles and assembles in one process; only without its integrated assembler is there a hook: as.
	case " $* " in
	*" conftest."*) ;;
	*)
		ALLOCSCC_LINES=
		if [ $lines = no ]; then # they cost nothing in code; the hook takes them out again
			ALLOCSCC_LINES=ours
			set -- "$@" --start-no-unused-arguments -gline-tables-only --end-no-unused-arguments
		fi
		export ALLOCSCC_LINES
		set -- --start-no-unused-arguments -fno-integrated-as --end-no-unused-arguments "$@"
		;;
	esac
fi
exec "$real" "$@"
