/* Names the dynamic linker a second time; the linker makes one string of both. */
	.section .note.GNU-stack,"",%progbits
	.section .interp,"aMS",@progbits,1
	.asciz INTERP
