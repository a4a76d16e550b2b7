/* what a debugger must know to read all of this from memory: see stubgen/allocs-gdb.py. It finds the table by its
 * symbol, or by its first bytes where a program has none left. A name that is gone or has come is no harm; one whose
 * meaning changes gets a new name. */
#include "sites.h"

#define VALUE(name, value) {name, (uint64_t)(value)}
#define SIZE(type) {#type, sizeof(struct type)}
#define FIELD(type, member) {#type "." #member, offsetof(struct type, member)}

extern const struct alloc_layout {
	char magic[16];
	uint32_t version, count;
	struct {
		char name[32];
		uint64_t value;
	} entry[80];
} __allocs_layout RT_EXPORT;

const struct alloc_layout __allocs_layout = {
	"allocs.layout\n\1",
	1,
	sizeof __allocs_layout.entry / sizeof __allocs_layout.entry[0],
	{
		VALUE("version", ALLOCS_VERSION),
		VALUE("allocators", &rt_allocators),
		VALUE("wrappers", &rt_wrappers),
		VALUE("threads", &rt_threads),
		VALUE("modules", &rt_modules),
		VALUE("nodes", rt_node_blocks),
		VALUE("node_count", &rt_node_count),
		VALUE("node_block_bits", NODE_BLOCK_BITS),
		VALUE("node_chunk", NODE_CHUNK),
		VALUE("node_frame", NODE_FRAME),
		VALUE("evidence", rt_evidence_names),
		VALUE("evidence_count", EVIDENCE_KINDS),
		VALUE("evidence_mask", RECORD_EVIDENCE),

		VALUE("address_bits", ADDRESS_BITS),
		VALUE("leaf_bits", LEAF_BITS),
		VALUE("block_bits", BLOCK_BITS),
		/* of the index's words */
		VALUE("offset_bits", OFFSET_BITS),
		VALUE("size_shift", SIZE_SHIFT),
		VALUE("size_bits", SIZE_BITS),
		VALUE("id_shift", ID_SHIFT),
		VALUE("narrow_offset_unit", 16),
		VALUE("narrow_children", NARROW_CHILDREN),
		VALUE("narrow_closer", NARROW_CLOSER),
		VALUE("narrow_size_shift", NARROW_SIZE_SHIFT),
		VALUE("narrow_large", NARROW_LARGE),
		VALUE("narrow_id_shift", NARROW_ID_SHIFT),
		VALUE("narrow_more_bits", NARROW_MORE_BITS),

		SIZE(node),
		FIELD(node, site_address),
		FIELD(node, owner),
		FIELD(node, parent),
		FIELD(node, kind),
		FIELD(node, site),
		FIELD(alloc_index, root),
		FIELD(alloc_index, shift),
		FIELD(alloc_index, narrow),
		FIELD(leaf, covering),
		FIELD(leaf, word),
		FIELD(thread, allocs),
		FIELD(thread, next),

		FIELD(allocator, name),
		FIELD(allocator, parent),
		FIELD(allocator, alloc_count),
		FIELD(allocator, index),
		FIELD(allocator, suballocates),
		FIELD(allocator, next),
		FIELD(allocator, number),
		FIELD(allocator, family),
		FIELD(allocator, object),
		FIELD(alloc_wrapper, name),
		FIELD(alloc_wrapper, allocator),
		FIELD(alloc_wrapper, next),
		FIELD(alloc_wrapper, sized),

		FIELD(alloc_site, file),
		FIELD(alloc_site, function),
		FIELD(alloc_site, callee),
		FIELD(alloc_site, type),
		FIELD(alloc_site, evidence),
		FIELD(alloc_site, line),
		FIELD(alloc_site, column),
		FIELD(allocs_module, sites),
		FIELD(allocs_module, sites_end),
		FIELD(allocs_module, next),
		SIZE(site_record),
		FIELD(site_record, return_address),
		FIELD(site_record, file),
		FIELD(site_record, function),
		FIELD(site_record, callee),
		FIELD(site_record, type),
		FIELD(site_record, line),
		FIELD(site_record, column),
		FIELD(site_record, flags),
	},
};
